"""What the console shows of one seller or partner, in a fixed number of statements; nothing here opens a sealed column."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.similar import SellerHistory, seller_history
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import PartnerRow, PersonRow, SellerRow
from database.tables.platform import OutboxRow
from database.tables.work import CommentRow
from domain.cards.card import CardType, EndReason, Outcome, Stage
from domain.errors.general import NotFound
from domain.finance.payout import PayoutState
from domain.money import Currency, Money

PAGE = 20
SHARED_MAX = 10


@dataclass(frozen=True)
class Owner:
    """A seller by their masked telephone, or a partner by its name; `key` is `seller:<id>` or `partner:<id>`."""

    key: str
    name: str
    locale: str
    since: datetime


@dataclass(frozen=True)
class TheirCard:
    """One of their cards; `tail` are the last four characters of its number."""

    id: str
    brand: str
    card_type: CardType
    tail: str | None
    face_value: Money | None
    stage: Stage
    outcome: Outcome | None
    reason: EndReason | None
    created_at: datetime


@dataclass(frozen=True)
class TheirPayout:
    """A payment order to them; the payee is masked."""

    card_id: str
    amount: Money
    payee: str
    state: PayoutState
    reference: str | None
    at: datetime


@dataclass(frozen=True)
class TheirMessage:
    """A message or webhook to them, and what became of it."""

    topic: str
    kind: str
    card_id: str
    due_at: datetime
    delivered_at: datetime | None
    given_up_at: datetime | None


@dataclass(frozen=True)
class TheirComment:
    """What a colleague wrote about one of their cards."""

    card_id: str
    author: str
    words: str
    at: datetime


@dataclass(frozen=True)
class SellerRecord:
    """Everything the page shows, the newest first. `before` leads to older cards; `shared` are others with their payee."""

    owner: Owner
    history: SellerHistory
    cards: tuple[TheirCard, ...]
    before: str | None
    payouts: tuple[TheirPayout, ...]
    messages: tuple[TheirMessage, ...]
    comments: tuple[TheirComment, ...]
    shared: tuple[str, ...]


async def owner(session: AsyncSession, owner_id: str) -> Owner:
    """Return the seller or partner of that id. Refuses NotFound."""
    seller = await session.get(SellerRow, owner_id)
    if seller is not None:
        return Owner(f"seller:{seller.id}", seller.phone_masked, seller.locale, seller.created_at)
    partner = await session.get(PartnerRow, owner_id)
    if partner is None:
        raise NotFound(seller=owner_id[:26])
    return Owner(f"partner:{partner.id}", partner.name, "", partner.created_at)


async def record(session: AsyncSession, owner_id: str, before: str, now: datetime) -> SellerRecord:
    """Return the page of that seller or partner, cards older than `before` when it is given. Refuses NotFound."""
    found = await owner(session, owner_id)
    cards = await _cards(session, found.key, before)
    return SellerRecord(
        owner=found,
        history=await seller_history(session, "", found.key, now),
        cards=cards[:PAGE],
        before=cards[PAGE - 1].id if len(cards) > PAGE else None,
        payouts=await _payouts(session, found.key),
        messages=await _messages(session, found.key),
        comments=await _comments(session, found.key),
        shared=await _shared_payees(session, found.key),
    )


async def _cards(session: AsyncSession, key: str, before: str) -> tuple[TheirCard, ...]:
    statement = (
        select(CardRow)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(SubmissionRow.owner == key)
        .order_by(CardRow.id.desc())
        .limit(PAGE + 1)
    )
    if before:
        statement = statement.where(CardRow.id < before)
    return tuple(_card(row) for row in (await session.execute(statement)).scalars())


async def _payouts(session: AsyncSession, key: str) -> tuple[TheirPayout, ...]:
    statement = (
        select(PayoutRow, SubmissionRow.payee_masked)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(SubmissionRow.owner == key)
        .order_by(PayoutRow.prepared_at.desc(), PayoutRow.key)
        .limit(PAGE)
    )
    return tuple(
        TheirPayout(
            row.card_id, Money(row.amount_minor, row.currency), row.payee_masked or payee, row.state,
            row.gateway_reference, row.settled_at or row.prepared_at,
        )
        for row, payee in await session.execute(statement)
    )  # fmt: skip


async def _messages(session: AsyncSession, key: str) -> tuple[TheirMessage, ...]:
    statement = select(OutboxRow).where(OutboxRow.destination == key).order_by(OutboxRow.id.desc()).limit(PAGE)
    rows = (await session.execute(statement)).scalars()
    return tuple(
        TheirMessage(
            row.topic, row.kind, str(row.payload.get("card_id", "")), row.due_at, row.delivered_at, row.given_up_at
        )
        for row in rows
    )


async def _comments(session: AsyncSession, key: str) -> tuple[TheirComment, ...]:
    statement = (
        select(CardRow.id, PersonRow.name, CommentRow.words, CommentRow.at)
        .select_from(CommentRow)
        .join(CardRow, CardRow.id == CommentRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .join(PersonRow, PersonRow.id == CommentRow.person_id)
        .where(SubmissionRow.owner == key)
        .order_by(CommentRow.id.desc())
        .limit(PAGE)
    )
    return tuple(TheirComment(*row) for row in await session.execute(statement))


async def _shared_payees(session: AsyncSession, key: str) -> tuple[str, ...]:
    """Other owners who were to be paid to an account that this one named too."""
    theirs = select(SubmissionRow.payee_index).where(SubmissionRow.owner == key, SubmissionRow.payee_index.is_not(None))
    others = select(SubmissionRow.owner).where(SubmissionRow.payee_index.in_(theirs), SubmissionRow.owner != key)
    return tuple((await session.execute(others.distinct().order_by(SubmissionRow.owner).limit(SHARED_MAX))).scalars())


def _card(row: CardRow) -> TheirCard:
    face = None if row.face_value_minor is None else Money(row.face_value_minor, Currency(row.currency))
    return TheirCard(
        row.id, row.brand, row.card_type, row.number_tail, face, row.stage, row.outcome, row.reason, row.created_at
    )
