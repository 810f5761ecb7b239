"""Open a ticket for a caller: their phone number finds them, on record; then what they say is written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards.seller_page import Owner, TheirCard, owner, record
from database.reads.support.tickets import TicketLine, of_requester
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id, ticket_task
from domain.people.roles import Permission
from domain.support.tickets import SUBJECT_MAX, WORDS_MAX, TicketCategory
from reviewer_ui.brand_names import brand_names
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.support.opening import NewTicket
from web.forms import member_of

router = APIRouter(prefix="/support/new")
Opener = Annotated[Person, Depends(allowed(Permission.ANSWER_TICKETS))]
Line = Annotated[str, Form(max_length=200)]
Words = Annotated[str, Form(max_length=20_000)]


@dataclass(frozen=True)
class TypedTicket:
    """What was entered and not taken; `key` makes a form sent twice one ticket."""

    category: str = ""
    subject: str = field(default="", repr=False)
    words: str = field(default="", repr=False)
    cards: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class NewTicketContext:
    """The page: first the caller is found, then the ticket is written. The number that was entered is not shown again."""

    shell: Shell
    caller: Owner | None
    caller_id: str
    cards: tuple[TheirCard, ...]
    open_tickets: tuple[TicketLine, ...]
    brands: dict[str, dict[str, str]]
    typed: TypedTicket
    refusal: Refusal | None
    categories: tuple[TicketCategory, ...] = tuple(TicketCategory)
    subject_max: int = SUBJECT_MAX
    words_max: int = WORDS_MAX


@router.get("")
async def ask(request: Request, console: At, person: Opener) -> Response:
    """Show the empty form."""
    return await _render(request, console, person, "")


@router.post("/caller")
async def find(request: Request, console: At, person: Opener, q: Line = "") -> Response:
    """Find the caller by phone number or id, through the search that keeps a record."""
    try:
        found = await console.search.find(person.id, person.may, q.strip())
        if len(found.sellers) != 1:
            raise FieldInvalid(field="caller", why="several" if found.sellers else "not_found")
    except Refusal as refusal:
        return await _render(request, console, person, "", refusal=refusal)
    return await _render(request, console, person, found.sellers[0].id)


@router.post("")
async def create(
    request: Request, console: At, person: Opener, caller: Line = "", category: Line = "", subject: Line = "",
    words: Words = "", card: Annotated[list[str] | None, Form()] = None, key: Line = "",
) -> Response:  # fmt: skip
    """Open the ticket, take it for the person on the phone, and show it."""
    typed = TypedTicket(category, subject, words, tuple(card or ())[:20], key[:40])
    try:
        chosen = member_of(TicketCategory, category)
        if chosen is None:
            raise FieldInvalid(field="category", why="missing")
        async with console.services.database.transaction() as session:
            requester = (await owner(session, caller)).key
        asked = NewTicket(
            chosen, subject, words, typed.cards, key=f"call:{person.id}:{typed.key}" if typed.key else None
        )
        ticket_id = await console.tickets.opening.open_for(person.id, requester, asked)
    except NotFound:
        raise
    except Refusal as refusal:
        return await _render(request, console, person, caller, refusal=refusal, typed=typed)
    await console.services.review.leases.take(person.id, ticket_task(ticket_id))
    return see_other(f"/tickets/{ticket_id}")


async def _render(
    request: Request, console: Console, person: Person, caller_id: str, *, refusal: Refusal | None = None,
    typed: TypedTicket | None = None,
) -> Response:  # fmt: skip
    request.state.back = "/support/new"
    caller: Owner | None = None
    cards: tuple[TheirCard, ...] = ()
    tickets: tuple[TicketLine, ...] = ()
    if caller_id:
        async with console.services.database.transaction() as session:
            found = await record(session, caller_id, "", now())
            caller, cards = found.owner, found.cards
            tickets = await of_requester(session, caller.key, 5)
    context = NewTicketContext(
        shell(request, person), caller, caller_id, cards, tickets, brand_names(),
        typed or TypedTicket(key=new_id()), refusal,
    )  # fmt: skip
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "support/ticket_new.html", context, status=status)
