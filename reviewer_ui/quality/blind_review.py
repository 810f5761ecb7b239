"""The blind second review: a drawn card as its first reviewer saw it, without what they decided; and the differences."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page as cards
from database.reads.people import accounts
from database.reads.quality import blind_reviews as reads
from database.reads.support.escalations import evidence_file, evidence_of
from database.repositories.audit import by_person
from database.tables.columns import now
from database.tables.quality import BlindReviewRow
from database.tables.support.tickets import TicketFileRow
from domain.cards.card import CardType
from domain.cards.review import RejectReason, ReviewOutcome
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.review import DecidedUnseen
from domain.errors.work import OwnWork, SecretInWords
from domain.people.roles import Permission
from domain.review.four_eyes import apart
from domain.rules.brands import brand
from reviewer_ui.review import card_fields, card_view, related_cards
from reviewer_ui.review.card_readings import open_card
from reviewer_ui.review.seen import Press, Pressed, require_seen, settles
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Checker, Console, Shell, allowed, see_other, shell
from reviewer_ui.work.item_comments import as_download
from services.people.acting import standing
from services.review.reveal_record import uncovered
from services.work.comments import Download
from web.forms import member_of

router = APIRouter(prefix="/quality/second")
Settler = Annotated[Person, Depends(allowed(Permission.SETTLE))]
Line = Annotated[str, Form(max_length=60)]
Note = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class WaitingContext:
    """How many second reviews wait, those of one's own work included."""

    shell: Shell
    waiting: int
    none: bool


@dataclass(frozen=True)
class Answer:
    """What one of the two decided, shown to the senior alone."""

    who: str
    outcome: ReviewOutcome
    reason: RejectReason | None
    note: str


@dataclass(frozen=True)
class SecondContext:
    """The card beside the form; `answers` stays empty until a senior settles a difference."""

    shell: Shell
    review_id: str
    card_id: str
    card_type: CardType
    brand_names: dict[str, str]
    photos: tuple[card_view.PhotoView, ...]
    fields: tuple[card_fields.FieldView, ...]
    price: card_view.PriceView | None
    beside: related_cards.BesideView
    answers: tuple[Answer, ...]
    settling: bool
    reject_reasons: tuple[RejectReason, ...]
    outcome: str
    reason: str
    note: str
    refusal: Refusal | None
    settles_ms: int
    evidence: str  # Of a review that support asked for: what is new, in the customer's or the agent's words.
    evidence_files: tuple[TicketFileRow, ...]
    now: datetime
    may_reveal: bool = False


@router.post("/next")
async def take_next(console: At, person: Checker) -> Response:
    """Take the oldest that is not one's own work; the quality page says when there is none."""
    lease = await console.blind_reviews.take(person.id)
    return see_other("/quality/second?none=true" if lease is None else f"/quality/second/{lease.review_id}")


@router.get("")
async def waiting(request: Request, console: At, person: Checker, none: bool = False) -> Response:
    """How many wait, and the way to the next; `none`: there was none for this person a moment ago."""
    async with console.services.database.transaction() as session:
        count = await reads.waiting(session)
    return await console.answer(
        request, "quality/blind_reviews.html", WaitingContext(shell(request, person), count, none)
    )


@router.get("/{review_id}")
async def show(request: Request, console: At, person: Checker, review_id: str) -> Response:
    """Show the card to its second reviewer, who holds it now; a difference is shown to a senior."""
    return await _page(request, console, person, review_id)


@router.get("/{review_id}/files/{file_id}")
async def download(console: At, person: Checker, review_id: str, file_id: str) -> Response:
    """Return a file of the evidence, on record; for who may make or settle second reviews of this card."""
    async with console.services.database.transaction() as session:
        file = await evidence_file(session, review_id, file_id)
        row = await session.get_one(BlindReviewRow, review_id)
        if not apart(frozenset(row.first_circle), (await standing(session, person.id, now())).hands):
            raise OwnWork()
        session.add(by_person(person.id, "console:second_review:download", review_id, facts={"file": file.id}))
    content = await asyncio.to_thread(console.services.photos.read, file.sha256)
    return as_download(Download(file.name, file.media_type, content))


@router.post("/{review_id}/decide")
async def decide(
    request: Request, console: At, person: Checker, press: Pressed, review_id: str,
    outcome: Line = "", reason: Line = "", note: Note = "",
) -> Response:  # fmt: skip
    """Record what the second reviewer would have decided; then open the next."""
    try:
        await _require_seen(console, press, review_id)
        chosen = _outcome(outcome)
        why = _reason(reason) if chosen is ReviewOutcome.REJECT else None
        await console.blind_reviews.decide(person.id, review_id, chosen, why, note)
    except (DecidedUnseen, FieldInvalid, SecretInWords) as refusal:
        return await _page(request, console, person, review_id, (outcome, reason, note), refusal)
    return await take_next(console, person)


@router.post("/{review_id}/settle")
async def settle(
    request: Request, console: At, person: Settler, press: Pressed, review_id: str, outcome: Line = "", note: Note = ""
) -> Response:
    """Settle a difference with the correct decision; both reviewers are notified."""
    try:
        await _require_seen(console, press, review_id)
        await console.blind_reviews.settle(person.id, review_id, _outcome(outcome), note)
    except (DecidedUnseen, FieldInvalid, SecretInWords) as refusal:
        return await _page(request, console, person, review_id, (outcome, "", note), refusal)
    return see_other("/quality")


async def _require_seen(console: Console, press: Press, review_id: str) -> None:
    async with console.services.database.transaction() as session:
        row = await session.get(BlindReviewRow, review_id[:64])
        if row is not None:
            require_seen(press, await cards.card(session, row.card_id))


async def _page(
    request: Request, console: Console, person: Person, review_id: str,
    typed: tuple[str, str, str] = ("", "", ""), refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        row = await session.get(BlindReviewRow, review_id[:64])
        if row is None or row.settled_at is not None:
            raise NotFound(review=review_id[:64])
        settling = row.second_at is not None
    if not settling:
        await console.blind_reviews.take(person.id, review_id)
    elif not person.may(Permission.SETTLE):
        raise NotFound(review=review_id[:64])
    else:
        await console.blind_reviews.look(person.id, review_id)
    context = await _context(request, console, person, row, settling, typed, refusal)
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "quality/blind_review.html", context, status=status)


async def _context(
    request: Request, console: Console, person: Person, row: BlindReviewRow, settling: bool,
    typed: tuple[str, str, str], refusal: Refusal | None,
) -> SecondContext:  # fmt: skip
    keyring = console.services.keyring
    async with console.services.database.transaction() as session:
        record = await cards.card(session, row.card_id)
        hidden = card_view.covered(record, await uncovered(session, person.id, row.card_id))
        beside = await related_cards.beside(session, record, keyring, now())
        evidence, files = await evidence_of(session, row.escalation_id) if row.escalation_id else ("", ())
        names = await accounts.names_of(session, (row.first_person, row.second_person)) if settling else {}
    price, kind, opened = card_view.price(record, person), brand(record.card.brand), open_card(record, keyring)
    return SecondContext(
        shell=shell(request, person), review_id=row.id, card_id=row.card_id, card_type=record.card.card_type,
        brand_names=dict(kind.names), photos=card_view.photos(opened, person, clear=True, hidden=hidden),
        fields=card_fields.fields(opened, person, clear=True, hidden=hidden),
        # Whether the seller was made the offer would give the first outcome away.
        price=None if price is None else replace(price, state="open"),
        beside=beside, answers=_answers(row, names) if settling else (), settling=settling,
        reject_reasons=tuple(one for one in RejectReason if one is not RejectReason.NOT_DECIDED),
        outcome=typed[0], reason=typed[1], note=typed[2], refusal=refusal,
        settles_ms=round(settles(record).total_seconds() * 1000), evidence=evidence, evidence_files=files, now=now(),
    )  # fmt: skip


def _answers(row: BlindReviewRow, names: dict[str, str]) -> tuple[Answer, ...]:
    first = Answer(names.get(row.first_person, ""), row.first_outcome, None, "")
    if row.second_outcome is None:
        return (first,)
    second = Answer(names.get(row.second_person or "", ""), row.second_outcome, row.second_reason, row.second_note)
    return first, second


def _outcome(given: str) -> ReviewOutcome:
    found = member_of(ReviewOutcome, given)
    if found is None:
        raise FieldInvalid(field="outcome", why="missing")
    return found


def _reason(given: str) -> RejectReason:
    found = member_of(RejectReason, given)
    if found is None:
        raise FieldInvalid(field="reject_reason", why="missing")
    return found
