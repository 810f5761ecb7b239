"""What an erasure finds of a seller: what may go, and of cards what no duty to keep records holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.requesters import requesters_of
from database.sealed import payee_of, phone_of
from database.tables.cards import CardRow, PhotoRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import SellerRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.support.ratings import TicketRatingRow
from database.tables.support.tickets import ContactRow, TicketFileRow, TicketLinkRow, TicketMessageRow, TicketRow
from database.tables.work import CommentRow, WorkItemRow
from domain.cards.card import Outcome
from domain.sealing import KeyRing
from domain.support.privacy import RECORDS, ErasedPart
from domain.support.quoting import Quotes
from domain.support.tickets import UNDER_WAY, TicketState
from services.support.contacts import address_of

ENDED = (TicketState.SOLVED, TicketState.CLOSED)


@dataclass(frozen=True)
class Erasable:
    """The rows that an erasure would change.

    `notes` are colleagues' comments on cards, and notes of decisions, that quote or name the person.
    """

    tickets: Sequence[TicketRow]  # Ended ones: everything that was said in them goes.
    messages: Sequence[TicketMessageRow]
    files: Sequence[TicketFileRow]
    requests: Sequence[CallbackRequestRow]
    ratings: Sequence[TicketRatingRow]
    notes: Sequence[CommentRow | ReviewDecisionRow]
    cards: Sequence[CardRow]  # Not bought, and nothing is asked about them.
    photos: Sequence[PhotoRow]  # Of those cards.
    payees: Sequence[SubmissionRow]  # Submissions of such cards alone.
    contacts: Sequence[ContactRow]
    phones: Sequence[SellerRow]

    def counts(self) -> dict[str, int]:
        """Return how many there are, by part."""
        by_part: dict[ErasedPart, Sequence[Any]] = {
            ErasedPart.MESSAGES: self.messages, ErasedPart.FILES: self.files, ErasedPart.REQUESTS: self.requests,
            ErasedPart.RATINGS: self.ratings, ErasedPart.NOTES: self.notes, ErasedPart.PHOTOS: self.photos,
            ErasedPart.CARDS: self.cards, ErasedPart.PAYEES: self.payees, ErasedPart.CONTACTS: self.contacts,
            ErasedPart.PHONE: self.phones,
        }  # fmt: skip
        return {part.value: len(rows) for part, rows in by_part.items()}


async def erasable(
    session: AsyncSession, keyring: KeyRing, seller: SellerRow, request_id: str, now: datetime
) -> Erasable:  # fmt: skip
    """Return what can be erased of a seller; the request itself goes when the account is closed."""
    owner = f"seller:{seller.id}"
    whose = await requesters_of(session, owner)
    ended = (TicketRow.requester.in_(whose), TicketRow.state.in_(ENDED), TicketRow.id != request_id)
    ids = select(TicketRow.id).where(*ended)
    own = select(TicketRow.id).where(TicketRow.state.in_(ENDED), TicketRow.id != request_id)
    said = or_(
        TicketMessageRow.ticket_id.in_(ids), TicketMessageRow.author.in_(whose) & TicketMessageRow.ticket_id.in_(own)
    )
    messages = await _all(session, select(TicketMessageRow).where(said))
    files = select(TicketFileRow).where(TicketFileRow.message_id.in_([one.id for one in messages]))
    requests = select(CallbackRequestRow).where(
        CallbackRequestRow.seller == owner, CallbackRequestRow.closed_at.is_not(None),
        or_(CallbackRequestRow.words != "", CallbackRequestRow.note != ""),
    )  # fmt: skip
    contacts = await _all(session, select(ContactRow).where(ContactRow.seller_id == seller.id))
    cards = await _all(
        session, select(CardRow).join(SubmissionRow).where(SubmissionRow.owner == owner, *_free(request_id, now))
    )
    card_ids = [one.id for one in cards]
    return Erasable(
        tickets=await _all(session, select(TicketRow).where(*ended)),
        messages=messages,
        files=await _all(session, files),
        requests=await _all(session, requests),
        ratings=await _all(session, select(TicketRatingRow).where(TicketRatingRow.ticket_id.in_(ids), TicketRatingRow.words != "")),
        notes=await _notes(session, await _quotes(session, keyring, seller, contacts), owner, card_ids),
        cards=[one for one in cards if one.number_sealed is not None or one.pin_sealed is not None],
        photos=await _all(session, select(PhotoRow).where(PhotoRow.card_id.in_(card_ids), PhotoRow.erased_at.is_(None))),
        payees=await _payees(session, keyring, owner, card_ids),
        contacts=contacts,
        phones=[] if seller.erased_at else [seller],
    )  # fmt: skip


def _free(request_id: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Cards that ended without a payment whose records must be kept, and that no other open question is about."""
    asked = exists().where(
        TicketLinkRow.subject == CardRow.id, TicketLinkRow.ticket_id == TicketRow.id,
        TicketRow.state.in_(UNDER_WAY), TicketRow.id != request_id,
    )  # fmt: skip
    paid = exists().where(PayoutRow.card_id == CardRow.id, PayoutRow.prepared_at > now - RECORDS)
    ended = (CardRow.outcome.is_not(None), CardRow.outcome != Outcome.PAYMENT_REFUSED)
    bought_lately = (CardRow.outcome == Outcome.PAID) & (CardRow.since > now - RECORDS)
    return (*ended, ~bought_lately, ~paid, ~asked)


async def _payees(
    session: AsyncSession, keyring: KeyRing, owner: str, card_ids: Sequence[str]
) -> list[SubmissionRow]:  # fmt: skip
    """Submissions of which every card may go: to their payees nothing was paid, and nothing will be."""
    others = exists().where(CardRow.submission_id == SubmissionRow.id, CardRow.id.not_in(card_ids))
    rows = await _all(session, select(SubmissionRow).where(SubmissionRow.owner == owner, ~others))
    return [one for one in rows if any(payee_of(keyring, one))]


async def _quotes(
    session: AsyncSession, keyring: KeyRing, seller: SellerRow, contacts: Sequence[ContactRow]
) -> Quotes:  # fmt: skip
    owner = f"seller:{seller.id}"
    whose = (owner, *(f"contact:{one.id}" for one in contacts))
    texts = [
        *await _all(session, select(TicketMessageRow.words).where(TicketMessageRow.author.in_(whose))),
        *await _all(session, select(CallbackRequestRow.words).where(CallbackRequestRow.seller == owner)),
    ]
    phone = phone_of(keyring, seller)
    payees = [
        payee_of(keyring, one) for one in await _all(session, select(SubmissionRow).where(SubmissionRow.owner == owner))
    ]
    names = [phone, phone.removeprefix("+86"), *(one for payee in payees for one in payee)]
    return Quotes(texts, [*names, *(one.name for one in contacts), *(address_of(keyring, one) for one in contacts)])


async def _notes(
    session: AsyncSession, quotes: Quotes, owner: str, free: Sequence[str]
) -> list[CommentRow | ReviewDecisionRow]:  # fmt: skip
    """Comments on the seller's cards and requests for a call that quote or name them, and such notes of `free` cards' decisions."""
    cards = select(CardRow.id).join(SubmissionRow).where(SubmissionRow.owner == owner)
    calls = select(CallbackRequestRow.id).where(CallbackRequestRow.seller == owner)
    items = select(WorkItemRow.id).where(WorkItemRow.card_id.in_(cards))
    about = or_(CommentRow.card_id.in_(cards), CommentRow.task_id.in_(calls), CommentRow.task_id.in_(items))
    decided = select(ReviewDecisionRow).where(ReviewDecisionRow.card_id.in_(free), ReviewDecisionRow.note != "")
    return [
        *(one for one in await _all(session, select(CommentRow).where(about)) if quotes.stand_in(one.words)),
        *(one for one in await _all(session, decided) if quotes.stand_in(one.note)),
    ]


async def _all(session: AsyncSession, chosen: Select[Any]) -> Sequence[Any]:
    found: Sequence[Any] = (await session.execute(chosen)).scalars().all()
    return found
