"""The acts of a reviewer on a card: claim, release, decide and open the next, and reveal a secret with a reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page as reads
from database.tables.columns import now
from domain.cards.reading import Doubt, FieldName
from domain.errors.base import Refusal
from domain.errors.people import TooManyTries
from domain.errors.work import TaskNotHeld
from domain.people.roles import Permission
from domain.rules.number_check import NumberCheck
from domain.work.kinds import REVIEW
from reviewer_ui.queue_place import filter_last_seen, nothing_left
from reviewer_ui.review.card import Hold, hold_of, render
from reviewer_ui.review.card_fields import doubts_in_clear, in_clear
from reviewer_ui.review.card_readings import open_card
from reviewer_ui.review.decision_form import ACCEPT, accepted, as_decision
from reviewer_ui.review.draft import Draft
from reviewer_ui.review.seen import Press, Pressed, require_seen
from reviewer_ui.review.suggesting import suggested
from reviewer_ui.review.typed import TypedView, typed_view
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.undoing import DecidedCard, remember
from reviewer_ui.visit import At, CardReader, Console, Decider, Shell, see_other, shell
from reviewer_ui.work.lease_renewal import renew_if_held
from services.review.desk import ReviewDesk
from services.review.reveal_record import PHOTO
from services.work import drafts

router = APIRouter(prefix="/cards/{card_id}")
Line = Annotated[str, Form(max_length=120)]
Note = Annotated[str, Form(max_length=2000)]
Marks = Annotated[tuple[str, ...], Form(max_length=8)]
SECONDS_SHOWN = 20
NEXT = "next"


@dataclass(frozen=True)
class RevealContext:
    """A secret, once, for twenty seconds; the answer that carries it is never stored by a browser."""

    shell: Shell
    card_id: str
    name: FieldName
    value: str = field(repr=False)
    compared: tuple[NumberCheck, ...]  # The number beside its rule in the clear; and, where it differs, what was read.
    doubts: tuple[Doubt, ...]  # Where the reader saw more than one character.
    seconds: int = SECONDS_SHOWN


@dataclass(frozen=True)
class TypedContext:
    """What was typed, judged."""

    typed: tuple[TypedView, ...]


@router.post("/take")
async def take(request: Request, console: At, person: Decider, card_id: str, task_id: Line) -> Response:
    """Takes the lease, or renews one's own. Held by another or decided: the card page says so, with 409."""
    try:
        await console.services.review.leases.take(person.id, task_id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal)
    return see_other(f"/cards/{card_id}")


@router.post("/release")
async def release(request: Request, console: At, person: Decider, card_id: str, task_id: Line) -> Response:
    """Gives the task back to the queue."""
    try:
        await console.services.review.tasks.release(person.id, task_id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal)
    return see_other("/review")


@router.post("/decision")
async def decide(
    request: Request, console: At, person: Decider, press: Pressed, card_id: str,
    task_id: Line, act: Line = "", suggested: Line = "", then: Line = "", outcome: Line = "", reason_code: Line = "", reject_reason: Line = "",
    asked_item: Line = "", number: Line = "", pin: Line = "", face_value: Line = "", expiry: Line = "", note: Note = "", retake: Annotated[bool, Form()] = False,
    confirmed: Marks = (),
) -> Response:  # fmt: skip
    """Writes the decision down; it leaves for the card automatically. Whatever is refused leaves the draft on the page.

    `act` is the pressed button: `accept` (what was `suggested`), or an outcome with its reason, `reject:forged`.
    """
    draft = Draft(outcome, reason_code, reject_reason, asked_item, number, pin, face_value, expiry, note)
    draft = draft if act == ACCEPT else draft.with_act(act)
    try:
        if retake:
            await console.services.review.leases.take(person.id, task_id)
        mark = suggested if act == ACCEPT else None
        made = await _record(console, person, press, card_id, task_id, draft, mark, confirmed)
        await _tell_if_left(console, made.decision_id)
    except Refusal as refusal:
        await _keep(console, person, card_id, task_id, draft)
        return await render(request, console, person, card_id, draft=draft, refusal=refusal, confirmed=confirmed)
    answer = await go_on(request, console, person, card_id, then)
    return remember(request, answer, made, console.services.review.decisions.undo_window, secure=console.services.https)


@router.post("/decision/deliver")
async def deliver(request: Request, console: At, person: Decider, card_id: str) -> Response:
    """Tells the workflow a decision that was written down while it could not be reached."""
    async with console.services.database.transaction() as session:
        written = (await reads.card(session, card_id)).undelivered
    if written is None:
        return see_other(f"/cards/{card_id}")  # Delivered by another process meanwhile: nothing is left to do.
    try:
        await console.dispatcher.deliver(written.id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal)
    return see_other(f"/cards/{card_id}")


@router.post("/draft")
async def keep_draft(
    request: Request, console: At, person: Decider, card_id: str, task_id: Line, asked_item: Line = "",
    number: Line = "", pin: Line = "", face_value: Line = "", expiry: Line = "", note: Note = "", confirmed: Marks = (),
) -> Response:  # fmt: skip
    """Save the draft, sealed under the person's name, renew the claim, and return the checks of the typed fields."""
    draft = Draft(asked_item=asked_item, number=number, pin=pin, face_value=face_value, expiry=expiry, note=note)
    if not await _keep(console, person, card_id, task_id, draft):
        raise TaskNotHeld(task=task_id[:60])
    await console.services.review.leases.renew(person.id, task_id)
    if "hx-request" not in request.headers:
        return Response(status_code=204)
    async with console.services.database.transaction() as session:
        record = await reads.card(session, card_id)
    compare = hold_of(record, person, now()) is Hold.MINE and await _may_compare(console, person)
    opened = open_card(record, console.services.keyring)
    typed = typed_view(opened, console.services.keyring, draft, confirmed, compare=compare)
    return await console.pages.render(request, "review/_card_typed.html", TypedContext(typed))


@router.post("/reveal")
async def reveal(
    request: Request,
    console: At,
    person: CardReader,
    card_id: str,
    field: Line,
    reason_code: Line = "",
) -> Response:
    """Shows number or PIN once, or uncovers both in the photo, to who is proved to be there; who, which and why are on record
    before anything leaves."""
    if not person.may(Permission.REVEAL):  # Refused, and the try recorded, without being asked for a proof.
        await console.services.review.reveals.reveal(person.id, card_id, field, reason_code)
    await require_step_up(request, person)
    try:
        if field == PHOTO:
            await console.services.review.reveals.uncover(person.id, card_id, reason_code)
            return await _uncovered(request, console, person, card_id)
        value = await console.services.review.reveals.reveal(person.id, card_id, field, reason_code)
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal, block="refusal")
    await renew_if_held(console, person, card_id)
    wanted = FieldName(field)
    keyring = console.services.keyring
    opened = open_card(await _record_of(console, card_id), keyring)
    compared = in_clear(opened) if wanted is FieldName.NUMBER else ()
    context = RevealContext(
        shell(request, person), card_id, wanted, value, compared, doubts_in_clear(opened, keyring, wanted)
    )
    return await console.answer(request, "review/reveal.html", context, block="secret")


async def _uncovered(request: Request, console: Console, person: Person, card_id: str) -> Response:
    """The card's page again, whose photos show everything now."""
    await renew_if_held(console, person, card_id)
    if "hx-request" in request.headers:
        return Response(status_code=204, headers={"hx-redirect": f"/cards/{card_id}"})
    return see_other(f"/cards/{card_id}")


async def _record_of(console: Console, card_id: str) -> reads.CardRecord:
    async with console.services.database.transaction() as session:
        return await reads.card(session, card_id)


async def go_on(request: Request, console: Console, person: Person, card_id: str, then: str) -> Response:
    """Straight to the next task of the filter that the queue was last seen with, taken; or back to this card."""
    if then != NEXT:
        return see_other(f"/cards/{card_id}")
    wanted = filter_last_seen(request, REVIEW)
    task = await console.services.review.leases.take(person.id, None, wanted)
    return see_other(nothing_left(wanted) if task is None else f"/cards/{task.card_id}")


async def _may_compare(console: Console, person: Person) -> bool:
    """Return whether this person may compare their entry again: limited so that a PIN cannot be guessed."""
    try:
        await console.typed_throttle.hit("typed", person.id)
    except TooManyTries:
        return False
    return True


async def _record(
    console: Console,
    person: Person,
    press: Press,
    card_id: str,
    task_id: str,
    draft: Draft,
    mark: str | None,
    confirmed: Collection[str],
) -> DecidedCard:
    """The decision as it was written down; refuses a form that is not complete before anything is written."""
    review: ReviewDesk = console.services.review
    async with console.services.database.transaction() as session:
        record = await reads.card(session, card_id)
    if record.task is None or record.task.id != task_id:
        raise TaskNotHeld(task=task_id[:60])
    if record.standing_decision is None:  # A form sent twice gets its first answer below.
        review.leases.require_held(record.task, person.id)
    require_seen(press, record)
    found = suggested(open_card(record, console.services.keyring))
    if mark is not None:
        draft = accepted(draft, found, mark)
    proposed = found.suggestion.outcome
    decision_id = await review.decisions.record_decision(
        person.id,
        task_id,
        suggestion=proposed.value if proposed else "",
        confirmed=confirmed,
        **as_decision(draft, record),
    )
    return DecidedCard(decision_id, card_id, draft.outcome)


async def _tell_if_left(console: Console, decision_id: str) -> None:
    """Deliver at once where nothing can be undone; otherwise the due-decisions job does when the window has passed."""
    if console.services.review.decisions.undo_window:
        return
    await console.dispatcher.deliver(decision_id)


async def _keep(console: Console, person: Person, card_id: str, task_id: str, draft: Draft) -> bool:
    """Keeps the draft while the card waits for this very task to be decided."""
    async with console.services.database.transaction() as session:
        task = await reads.open_task(session, card_id)
        if task is None or task.id != task_id or task.decided:
            return False
        await drafts.save(
            session, console.services.keyring, task_id, person.id, draft.kept() if draft.worth_keeping else {}
        )
    return True
