"""A question of support at the desk that was asked: the ticket to read, the card's story, and the desk's own answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import submissions
from database.reads.support.escalations import EscalationView, record
from database.reads.support.tickets import TicketRecord
from database.reads.work import comments as comment_reads
from database.repositories import cards
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.people import NotAllowed
from domain.support.escalations import ANSWER_MAX, READ
from domain.work.kinds import kind_of, subject_of
from reviewer_ui.brand_names import brand_names
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, see_other, shell, signed_in
from reviewer_ui.work.item_desk import ItemDesk, item_desk
from reviewer_ui.work.item_pages import show_items
from services.support.escalating import Escalations
from services.work.items import item
from web.story import Moment, moments
from web.words import without_repeats

router = APIRouter(prefix="/escalations")
Line = Annotated[str, Form(max_length=120)]
Words = Annotated[str, Form(max_length=4000)]
_DESKS = tuple(kind.see for kind in READ.values())


async def answerer(request: Request) -> Person:
    """Return the signed-in person, who answers for some desk. Refuses with NotSignedIn or NotAllowed."""
    person = await signed_in(request)
    if not any(person.may(one) for one in _DESKS):
        raise NotAllowed(permission=_DESKS[0].value)
    return person


Answerer = Annotated[Person, Depends(answerer)]


@dataclass(frozen=True)
class AboutCard:
    """The card of a question, masked, with what happened to it, the newest first."""

    id: str
    brand: str
    number_tail: str | None
    stage: str
    outcome: str | None
    story: tuple[Moment, ...]


@dataclass(frozen=True)
class EscalationContext:
    """The page; `answer_code` and `words` are what was entered and not taken."""

    shell: Shell
    asked: EscalationView
    ticket: TicketRecord
    item: ItemDesk
    card: AboutCard | None
    brands: dict[str, dict[str, str]]
    comments: tuple[comment_reads.Comment, ...]
    answer_code: str
    words: str
    comment: str
    refusal: Refusal | None
    words_max: int = ANSWER_MAX


@router.get("")
async def queue(person: Answerer) -> Response:
    """Lead to the queue of the first desk that the person answers for."""
    code = next(kind.code for kind in READ.values() if person.may(kind.see))
    return see_other(f"/review?kind={code}")


@router.get("/{escalation_id}")
async def show(request: Request, console: At, person: Answerer, escalation_id: str) -> Response:
    """Show the page; opening it keeps the lease of its holder."""
    await console.services.review.leases.renew(person.id, await _task(console, person, escalation_id))
    return await _render(request, console, person, escalation_id)


@router.post("/{escalation_id}/take")
async def take(
    request: Request, console: At, person: Answerer, escalation_id: str, answer_code: Line = "", words: Words = ""
) -> Response:
    """Takes the question; an answer that was refused because the lease was over stays in the form."""
    await console.services.review.leases.take(person.id, await _task(console, person, escalation_id))
    if not (answer_code or words):
        return see_other(f"/escalations/{escalation_id}")
    return await _render(request, console, person, escalation_id, typed=(answer_code, words))


@router.post("/{escalation_id}/answer")
async def answer(
    request: Request, console: At, person: Answerer, escalation_id: str, answer_code: Line = "", words: Words = ""
) -> Response:
    """Answers support; what is refused stays in the form."""
    await _task(console, person, escalation_id)
    escalations = Escalations(console.support)
    try:
        await escalations.answer(person.id, escalation_id, answer_code, words)
    except Refusal as refusal:
        return await _render(request, console, person, escalation_id, refusal=refusal, typed=(answer_code, words))
    return see_other(f"/escalations/{escalation_id}")


async def _task(console: Console, person: Person, escalation_id: str) -> str:
    """The work item of a question to a desk of this person. Refuses NotFound and NotAllowed."""
    async with console.services.database.transaction() as session:
        found = await record(session, escalation_id, now())
    needed = kind_of(found.task.kind).see
    if not person.may(needed):
        raise NotAllowed(permission=needed.value)
    return found.task.id


async def _render(
    request: Request, console: Console, person: Person, escalation_id: str, *,
    refusal: Refusal | None = None, typed: tuple[str, str] = ("", ""), comment: str = "",
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await record(session, escalation_id, now())
        context = EscalationContext(
            shell=shell(request, person), asked=found.escalation, ticket=found.ticket,
            item=await item_desk(session, person, found.task), card=await _about(session, found.escalation.card_id),
            brands=brand_names(), comments=await comment_reads.of_item(session, found.task.id), answer_code=typed[0],
            words=typed[1], comment=comment, refusal=refusal,
        )  # fmt: skip
    if request.method == "POST":
        request.state.back = f"/escalations/{escalation_id}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "support/escalation.html", context, status=status)


async def _about(session: AsyncSession, card_id: str | None) -> AboutCard | None:
    if card_id is None:
        return None
    card, story = await cards.load(session, card_id), await submissions.story(session, card_id)
    newest_first = tuple(reversed(without_repeats(moments(story))))
    return AboutCard(card.id, card.brand, card.number_tail, card.stage, card.outcome, newest_first)


async def _item_page(
    request: Request, console: Console, person: Person, item_id: str, *, refusal: Refusal, comment: str
) -> Response:
    """The page of an item with a comment that was not taken."""
    async with console.services.database.transaction() as session:
        escalation_id = subject_of((await item(session, item_id)).id)
    return await _render(request, console, person, escalation_id, refusal=refusal, comment=comment)


for _kind in READ.values():
    show_items(_kind.code, _item_page)
