"""What is done with a ticket beside writing: sorted, linked, merged, split, handed over, escalated, or by a macro."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards.named import ENDING_MIN, NAMED_MAX, card_named
from database.reads.support.tickets import ids_ending
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import is_id
from domain.support.tickets import TicketCategory
from domain.work.task import Priority
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_view import Typed
from reviewer_ui.support.tickets import Agent, Reader, render
from reviewer_ui.visit import At, Console, see_other
from services.support.sorting import Sorted
from web.forms import member_of

router = APIRouter(prefix="/tickets/{ticket_id}")
Line = Annotated[str, Form(max_length=200)]
Named = Annotated[str, Form(max_length=NAMED_MAX)]
Code = Annotated[str, Form(max_length=64)]
Note = Annotated[str, Form(max_length=2000)]
Number = Annotated[int, Form(ge=0)]
LEADS = "leads"


@router.post("/sort")
async def sort(
    request: Request, console: At, person: Agent, ticket_id: str, category: Code = "", cause: Code = "",
    priority: Code = "", language: Code = "",
) -> Response:  # fmt: skip
    """Set category, cause, priority and language as the form has them."""
    to = Sorted(member_of(TicketCategory, category), cause, member_of(Priority, priority), language or None)
    return await _done(request, console, person, ticket_id, console.tickets.sorting.change(person.id, ticket_id, to))


@router.post("/follow")
async def follow(request: Request, console: At, person: Reader, ticket_id: str, on: Code = "") -> Response:
    """Have the person notified of this ticket, or no longer."""
    doing = console.tickets.sorting.follow(person.id, ticket_id, on=on == "yes")
    return await _done(request, console, person, ticket_id, doing)


@router.post("/link")
async def link(
    request: Request, console: At, person: Agent, ticket_id: str, card: Named = "", other: Code = ""
) -> Response:
    """Link a card or another ticket, by its id or the last characters of it."""

    async def doing() -> None:
        if card.strip():
            await console.tickets.linking.card(person.id, ticket_id, await _card(console, card))
        else:
            await console.tickets.linking.ticket(person.id, ticket_id, await _ticket(console, other, "other"))

    return await _done(request, console, person, ticket_id, doing())


@router.post("/unlink")
async def unlink(request: Request, console: At, person: Agent, ticket_id: str, subject: Code = "") -> Response:
    """Take a link away."""
    doing = console.tickets.linking.remove(person.id, ticket_id, subject)
    return await _done(request, console, person, ticket_id, doing)


@router.post("/merge")
async def merge(request: Request, console: At, person: Agent, ticket_id: str, into: Code = "") -> Response:
    """Merge this ticket into another one, whose page opens."""
    try:
        target = await _ticket(console, into, "into")
        await console.tickets.merging.merge(person.id, ticket_id, target)
    except NotFound:
        raise
    except Refusal as refusal:
        return await render(request, console, person, ticket_id, refusal=refusal)
    return see_other(f"/tickets/{target}")


@router.post("/messages/{message_id}/split")
async def split(
    request: Request,
    console: At,
    person: Agent,
    ticket_id: str,
    message_id: str,
    subject: Line = "",
    category: Code = "",
) -> Response:
    """Make one message a ticket of its own, whose page opens."""
    chosen = member_of(TicketCategory, category) or TicketCategory.OTHER
    try:
        made = await console.tickets.merging.split(person.id, message_id, subject, chosen)
    except NotFound:
        raise
    except Refusal as refusal:
        typed = Typed(subject=subject, split=message_id)
        return await render(request, console, person, ticket_id, refusal=refusal, typed=typed)
    return see_other(f"/tickets/{made}")


@router.post("/hand-over")
async def hand_over(
    request: Request, console: At, person: Agent, ticket_id: str, to: Code = "", reason_code: Code = "", note: Note = ""
) -> Response:
    """Offer the ticket to a colleague, or to the leads."""
    receiver = None if to == LEADS else to
    doing = console.tickets.handing.offer(person.id, ticket_id, receiver, reason_code, note)
    return await _done(request, console, person, ticket_id, doing)


@router.post("/hand-over/{offer_id}/{answer}")
async def answer(
    request: Request, console: At, person: Agent, ticket_id: str, offer_id: str, answer: str, note: Note = ""
) -> Response:
    """Accept, decline or withdraw an offer."""
    handing = console.tickets.handing
    if answer == "accept":
        chosen = handing.accept(person.id, offer_id)
    elif answer == "decline":
        chosen = handing.decline(person.id, offer_id, note)
    elif answer == "withdraw":
        chosen = handing.withdraw(person.id, offer_id)
    else:
        raise NotFound(answer=answer[:20])
    return await _done(request, console, person, ticket_id, chosen)


@router.post("/escalate")
async def escalate(
    request: Request, console: At, person: Agent, ticket_id: str, reason_code: Code = ""
) -> Response:  # fmt: skip
    """Hand the ticket to the leads."""
    doing = console.tickets.escalation_to_leads.escalate(person.id, ticket_id, reason_code)
    return await _done(request, console, person, ticket_id, doing)


@router.post("/macro/preview")
async def preview(request: Request, console: At, person: Agent, ticket_id: str, macro: Code = "") -> Response:
    """Show the page with what a macro would do; nothing is done yet."""
    shown = await console.tickets.macros.preview(person.id, ticket_id, macro)
    return await render(request, console, person, ticket_id, macro=shown)


@router.post("/macro/run")
async def run(
    request: Request, console: At, person: Agent, ticket_id: str, macro: Code = "", revision: Number = 0,
    ticket_revision: Number = 0,
) -> Response:  # fmt: skip
    """Do what the preview showed."""
    doing = console.tickets.macros.run(person.id, ticket_id, macro, revision=revision, ticket_revision=ticket_revision)
    return await _done(request, console, person, ticket_id, doing)


async def _done(
    request: Request, console: Console, person: Person, ticket_id: str, doing: Awaitable[object]
) -> Response:  # fmt: skip
    """The ticket's page after an act, or with why it was refused."""
    try:
        await doing
    except NotFound:
        raise
    except Refusal as refusal:
        return await render(request, console, person, ticket_id, refusal=refusal)
    return see_other(f"/tickets/{ticket_id}")


async def _card(console: Console, written: str) -> str:
    """The id of the card that was meant. Refuses FieldInvalid (`card`) for none and for several, and CardNumberTyped."""
    async with console.services.database.transaction() as session:
        return await card_named(session, "card", written)


async def _ticket(console: Console, written: str, field: str) -> str:
    """The id of the ticket that was meant. Refuses FieldInvalid for none and for several."""
    meant = written.strip().upper()
    if is_id(meant):
        return meant
    async with console.services.database.transaction() as session:
        found = await ids_ending(session, meant) if len(meant) >= ENDING_MIN else ()
    return _only(found, field)


def _only(found: tuple[str, ...], field: str) -> str:
    if len(found) != 1:
        raise FieldInvalid(field=field, why="several" if found else "not_found")
    return found[0]
