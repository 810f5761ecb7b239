"""What a reviewer does with a card: take it, give it back, decide it, and look at a secret with a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, TypeVar

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from activities.corrections import Corrections
from database.reads import console as reads
from domain.cards import CardType
from domain.money import Money
from domain.reading import FieldName
from domain.refusals import FieldInvalid, NotFound, Refusal, TaskNotHeld
from domain.review import AskedItem, RejectReason, ReviewOutcome
from domain.rules.brands import brand
from reviewer_ui.pages.card import Draft, render
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Decider, Revealer, Shell, see_other, shell

router = APIRouter(prefix="/cards/{card_id}")
Line = Annotated[str, Form(max_length=120)]
Note = Annotated[str, Form(max_length=2000)]
Chosen = TypeVar("Chosen")
SECONDS_SHOWN = 20
REASON_CHARACTERS_MIN = 4


@dataclass(frozen=True)
class RevealContext:
    """A secret, once, for twenty seconds; the answer that carries it is never stored by a browser."""

    shell: Shell
    card_id: str
    name: FieldName
    value: str = field(repr=False)
    seconds: int = SECONDS_SHOWN


@router.post("/take")
async def take(request: Request, console: At, person: Decider, card_id: str, task_id: Line) -> Response:
    """Takes the lease, or renews one's own. Held by another or decided: the card page says so, with 409."""
    try:
        await console.services.review.take(person.id, task_id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal)
    return see_other(f"/cards/{card_id}")


@router.post("/release")
async def release(request: Request, console: At, person: Decider, card_id: str, task_id: Line) -> Response:
    """Gives the task back to the queue."""
    try:
        await console.services.review.release(person.id, task_id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal)
    return see_other("/review")


@router.post("/decision")
async def decide(
    request: Request, console: At, person: Decider, card_id: str,
    task_id: Line, outcome: Line = "", reject_reason: Line = "", asked_item: Line = "",
    number: Line = "", pin: Line = "", face_value: Line = "", expiry: Line = "", note: Note = "", retake: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Writes the decision down, then tells the card's workflow. Whatever is refused leaves the draft on the page."""
    draft = Draft(outcome, reject_reason, asked_item, number, pin, face_value, expiry, note)
    try:
        if retake:
            await console.services.review.take(person.id, task_id)
        decision_id = await _record(console, person, card_id, task_id, draft)
        await console.services.desk.decide(card_id, task_id, decision_id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, draft=draft, refusal=refusal)
    return see_other(f"/cards/{card_id}")


@router.post("/decision/deliver")
async def deliver(request: Request, console: At, person: Decider, card_id: str) -> Response:
    """Tells the workflow a decision that was written down while it could not be reached."""
    async with console.services.database.transaction() as session:
        written = (await reads.card(session, card_id)).undelivered
    if written is None:
        return see_other(f"/cards/{card_id}")  # Delivered by somebody else meanwhile: nothing is left to do.
    try:
        await console.services.desk.decide(card_id, written.task_id, written.id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal)
    return see_other(f"/cards/{card_id}")


@router.post("/reveal")
async def reveal(
    request: Request,
    console: At,
    person: Revealer,
    card_id: str,
    field: Line,
    reason: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Shows number or PIN once; who, which and why are in the audit record before the value leaves."""
    try:
        wanted = _secret(field)
        if len(reason.strip()) < REASON_CHARACTERS_MIN:
            raise FieldInvalid(field="reason", why="too_short")
        value = await console.services.review.reveal(person.id, card_id, wanted, reason.strip())
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal, block="refusal")
    return await console.answer(
        request, "reveal.html", RevealContext(shell(request, person), card_id, wanted, value), block="secret"
    )


async def _record(console: Console, person: Person, card_id: str, task_id: str, draft: Draft) -> str:
    """The decision's id; refuses a form that is not complete before anything is written."""
    async with console.services.database.transaction() as session:
        record = await reads.card(session, card_id)
    if record.task is None or record.task.id != task_id:
        raise TaskNotHeld(task=task_id[:60])
    outcome = _one_of(ReviewOutcome, draft.outcome, "outcome")
    if outcome is ReviewOutcome.APPROVE and record.card.card_type is CardType.REGIONAL and not record.fields_entered:
        raise FieldInvalid(field="number", why="entry_needed")
    if outcome is ReviewOutcome.APPROVE and _typed(draft):
        raise FieldInvalid(field="outcome", why="typed_not_used")
    return await console.services.review.record_decision(
        person.id,
        task_id,
        outcome,
        reject_reason=_one_of(RejectReason, draft.reject_reason, "reject_reason")
        if outcome is ReviewOutcome.REJECT
        else None,
        asked_item=_one_of(AskedItem, draft.asked_item, "asked_item") if outcome is ReviewOutcome.ASK_AGAIN else None,
        corrected=_corrected(draft, record) if outcome is ReviewOutcome.APPROVE_CORRECTED else None,
        note=draft.note.strip(),
    )


def _corrected(draft: Draft, record: reads.CardRecord) -> Corrections:
    """The fields as entered, checked by the brand's rules; an empty one leaves the card's own as it is."""
    kind = brand(record.card.brand)
    needed = record.card.card_type is CardType.REGIONAL and not record.fields_entered
    if needed and not (draft.number.strip() and draft.face_value.strip()):
        raise FieldInvalid(field="number" if not draft.number.strip() else "face_value", why="entry_needed")
    if not _typed(draft):
        raise FieldInvalid(field="number", why="nothing_corrected")
    return Corrections(
        number=kind.require_number(draft.number) if draft.number.strip() else None,
        pin=kind.require_pin(draft.pin) if draft.pin.strip() or needed else None,
        face_value=kind.require_face_value(_money(draft.face_value, record)) if draft.face_value.strip() else None,
        expiry=_date(draft.expiry) if draft.expiry.strip() else None,
    )


def _typed(draft: Draft) -> bool:
    return any(text.strip() for text in (draft.number, draft.pin, draft.face_value, draft.expiry))


def _money(text: str, record: reads.CardRecord) -> Money:
    try:
        return Money.from_decimal_text(text.strip().replace(",", ""), record.card.currency)
    except ValueError:
        raise FieldInvalid(field="face_value", why="not_an_amount") from None


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise FieldInvalid(field="expiry", why="not_a_date") from None


def _secret(text: str) -> FieldName:
    if text not in (FieldName.NUMBER, FieldName.PIN):
        raise NotFound(field=text[:20])
    return FieldName(text)


def _one_of(kind: type[Chosen], given: str, name: str) -> Chosen:
    found = next((member for member in kind if member == given), None)  # type: ignore[attr-defined]
    if found is None:
        raise FieldInvalid(field=name, why="missing")
    return found  # type: ignore[no-any-return]
