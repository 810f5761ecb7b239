"""A seller's request: what they asked, the card's story, and its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import submissions
from database.reads.support.callbacks import record
from database.reads.work import comments as comment_reads
from database.repositories import cards
from domain.errors.base import Refusal
from domain.people.roles import Permission
from domain.support.callbacks import CALLBACK_WORK, WORDS_MAX, CallbackWanted
from reviewer_ui.brand_names import brand_names
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from reviewer_ui.work.item_desk import ItemDesk, item_desk
from reviewer_ui.work.item_pages import show_items
from services.support.callbacks import Callbacks
from web.story import Moment, moments
from web.words import without_repeats

router = APIRouter(prefix="/callbacks")
Agent = Annotated[Person, Depends(allowed(Permission.ANSWER_CALLBACKS))]
Line = Annotated[str, Form(max_length=120)]
Note = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class CardLine:
    """The card that the request is about, masked."""

    id: str
    brand: str
    number_tail: str | None
    stage: str
    outcome: str | None


@dataclass(frozen=True)
class Typed:
    """An answer that was entered and not taken."""

    reason_code: str = ""
    note: str = ""


@dataclass(frozen=True)
class CallbackContext:
    """The page; `telephone` is filled in only in the one answer that the holder of the request asked for."""

    shell: Shell
    task_id: str
    wanted: CallbackWanted
    words: str
    phone_masked: str
    language: str
    asked_at: datetime
    item: ItemDesk
    card: CardLine | None
    brands: dict[str, dict[str, str]]
    story: tuple[Moment, ...]
    comments: tuple[comment_reads.Comment, ...]
    closed_at: datetime | None
    closed_by: str
    answer: dict[str, str]
    note: str
    typed: Typed
    comment: str  # What was typed as a comment and not taken.
    refusal: Refusal | None
    telephone: str = field(default="", repr=False)
    words_max: int = WORDS_MAX


@router.get("", dependencies=[Depends(allowed(Permission.ANSWER_CALLBACKS))])
async def queue() -> Response:
    """Redirect to the queue of sellers' requests."""
    return see_other(f"/review?kind={CALLBACK_WORK.code}")


@router.get("/{task_id}")
async def show(request: Request, console: At, person: Agent, task_id: str) -> Response:
    """Show the request; opening it keeps the lease of its holder."""
    await console.services.review.leases.renew(person.id, task_id)
    return await _render(request, console, person, task_id)


@router.post("/{task_id}/telephone")
async def telephone(request: Request, console: At, person: Agent, task_id: str) -> Response:
    """Show the seller's number, once, to the holder of the request; it is audited."""
    try:
        number = await _callbacks(console).telephone(person.id, task_id)
    except Refusal as refusal:
        return await _render(request, console, person, task_id, refusal=refusal)
    return await _render(request, console, person, task_id, telephone=number)


@router.post("/{task_id}/take")
async def take(
    request: Request, console: At, person: Agent, task_id: str, reason_code: Line = "", note: Note = ""
) -> Response:
    """Take the request; an answer that was refused because the lease was over stays in the form.

    The page of a request that a colleague took first says so, with their name.
    """
    async with console.services.database.transaction() as session:
        await record(session, task_id)
    typed = Typed(reason_code, note)
    try:
        await console.services.review.leases.take(person.id, task_id)
    except Refusal as refusal:
        return await _render(request, console, person, task_id, refusal=refusal, typed=typed)
    if typed == Typed():
        return see_other(f"/callbacks/{task_id}")
    return await _render(request, console, person, task_id, typed=typed)


@router.post("/{task_id}/close")
async def close(
    request: Request, console: At, person: Agent, task_id: str, reason_code: Line = "", note: Note = ""
) -> Response:
    """Answers the seller; what is refused stays in the form."""
    try:
        await _callbacks(console).close(person.id, task_id, reason_code, note)
    except Refusal as refusal:
        return await _render(request, console, person, task_id, refusal=refusal, typed=Typed(reason_code, note))
    return see_other(f"/callbacks/{task_id}")


def _callbacks(console: Console) -> Callbacks:
    return Callbacks(console.support)


async def _render(
    request: Request, console: Console, person: Person, task_id: str, *,
    refusal: Refusal | None = None, typed: Typed | None = None, telephone: str = "", comment: str = "",
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await record(session, task_id)
        task, asked = found.task, found.request
        card = None if task.card_id is None else await cards.load(session, task.card_id)
        story = () if card is None else await submissions.story(session, card.id)
        said = await comment_reads.of_work(session, task)
        item = await item_desk(session, person, task)
    context = CallbackContext(
        shell=shell(request, person),
        task_id=task.id,
        wanted=asked.wanted,
        words=asked.words,
        phone_masked=asked.phone_masked,
        language=asked.language,
        asked_at=asked.asked_at,
        item=item,
        card=None if card is None else CardLine(card.id, card.brand, card.number_tail, card.stage, card.outcome),
        brands=brand_names(),
        story=tuple(reversed(without_repeats(moments(story)))),
        comments=said,
        closed_at=asked.closed_at,
        closed_by=found.names.get(asked.closed_by or "", ""),
        answer=found.answer,
        note=asked.note,
        typed=typed or Typed(),
        comment=comment,
        refusal=refusal,
        telephone=telephone,
    )
    if request.method == "POST":
        request.state.back = f"/callbacks/{task_id}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "support/callback.html", context, status=status)


show_items(CALLBACK_WORK.code, _render)
