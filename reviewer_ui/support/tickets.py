"""Tickets at the console: the queue, a ticket's page, and taking it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from database.reads.support import desk as reads
from database.reads.support.tickets import record
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.general import CardNumberTyped
from domain.errors.people import TooManyTries
from domain.errors.work import TaskNotHeld
from domain.identifiers import new_id, ticket_task
from domain.people.roles import Permission
from domain.support.tickets import TICKET, TICKET_WORK
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_view import WRITING_LASTS, Spoken, Typed, spoken_of, view
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from reviewer_ui.work.item_comments import as_download
from reviewer_ui.work.item_pages import show_items
from services.support.downloads import download
from services.support.macros import MacroPreview
from services.support.search import FoundTickets
from services.work import drafts

router = APIRouter(prefix="/tickets")
Reader = Annotated[Person, Depends(allowed(Permission.SEE_TICKETS))]
Agent = Annotated[Person, Depends(allowed(Permission.ANSWER_TICKETS))]
Line = Annotated[str, Form(max_length=120)]
Words = Annotated[str, Form(max_length=20_000)]


@dataclass(frozen=True)
class FoundContext:
    """What the search of tickets found; `asked` is what was entered."""

    shell: Shell
    asked: str
    found: FoundTickets
    refusal: Refusal | None = None


@dataclass(frozen=True)
class BesideContext:
    """Who else is at the ticket, and what was said since the page was made."""

    ticket_id: str
    viewing: tuple[str, ...]
    writing: tuple[str, ...]
    new: tuple[Spoken, ...]
    changed: bool


@router.get("", dependencies=[Depends(allowed(Permission.SEE_TICKETS))])
async def queue() -> Response:
    """Lead to the queue of tickets."""
    return see_other(f"/review?kind={TICKET_WORK.code}")


@router.post("")
async def search(request: Request, console: At, person: Reader, q: Line = "", before: Line = "") -> Response:
    """Show the tickets that hold these words. Sent by a form, so that the query is in no address."""
    request.state.back = "/tickets"
    asked = q.strip()
    if not asked:
        return see_other(f"/review?kind={TICKET}")
    try:
        found = await console.ticket_search.find(person.id, asked, before[:26])
    except (CardNumberTyped, TooManyTries) as refusal:
        context = FoundContext(shell(request, person), "", FoundTickets(), refusal)
        return await console.answer(request, "support/tickets_found.html", context, status=refusal.http_status)
    context = FoundContext(shell(request, person), asked, found)
    return await console.answer(request, "support/tickets_found.html", context)


@router.get("/{ticket_id}")
async def show(request: Request, console: At, person: Reader, ticket_id: str) -> Response:
    """Show the page; opening it keeps the lease of its holder."""
    await console.services.review.leases.renew(person.id, ticket_task(ticket_id))
    return await render(request, console, person, ticket_id)


@router.get("/{ticket_id}/beside")
async def beside(
    request: Request, console: At, person: Reader, ticket_id: str, seen: Annotated[str, Query(max_length=26)] = "",
    revision: Annotated[int, Query(ge=0)] = 0,
) -> Response:  # fmt: skip
    """Render the part of the page that says who else is here, and what is new; it asks again whenever something changes."""
    moment = now()
    async with console.services.database.transaction() as session:
        found = await record(session, ticket_id)
        names = (await reads.beside(session, found)).names
        writing = await reads.writing(session, found.task.id, moment - WRITING_LASTS, person.id)
    spoken = spoken_of(found, (), names, person, seen, moment)
    new = tuple(one for one in spoken if one.new and not one.mine)
    viewing = tuple(name for name in console.live.viewers(ticket_id, person.id) if name not in writing)
    context = BesideContext(found.ticket.id, viewing, writing, new, found.ticket.revision > revision)
    return await console.pages.render(request, "support/ticket_beside.html", context)


@router.post("/{ticket_id}/take")
async def take(request: Request, console: At, person: Agent, ticket_id: str, words: Words = "") -> Response:
    """Take the ticket; a reply that was refused because the lease was over stays in its form."""
    async with console.services.database.transaction() as session:
        await record(session, ticket_id)
    await console.services.review.leases.take(person.id, ticket_task(ticket_id))
    return see_other(f"/tickets/{ticket_id}") if not words else await render(
        request, console, person, ticket_id, typed=Typed(words=words)
    )  # fmt: skip


@router.post("/{ticket_id}/keep")
async def keep(console: At, person: Agent, ticket_id: str) -> Response:
    """Renew the lease that this person holds and say until when; refuse TaskNotHeld, which the page then shows."""
    lease = await console.services.review.leases.renew(person.id, ticket_task(ticket_id))
    if lease is None:
        raise TaskNotHeld()
    return JSONResponse({"until": lease.until.isoformat()})


@router.post("/{ticket_id}/draft")
async def draft(console: At, person: Agent, ticket_id: str, words: Words = "") -> Response:
    """Keep what is being written, sealed, for the person who writes it."""
    async with console.services.database.transaction() as session:
        found = await record(session, ticket_id)
        await drafts.save(session, console.services.keyring, found.task.id, person.id, {"words": words})
    await console.services.review.leases.renew(person.id, found.task.id)
    return Response(status_code=204)


@router.get("/{ticket_id}/files/{file_id}")
async def file(console: At, person: Reader, ticket_id: str, file_id: str) -> Response:
    """Return a file of a message."""
    services = console.services
    return as_download(await download(services.database, services.photos, person.id, ticket_id, file_id))


async def render(
    request: Request, console: Console, person: Person, ticket_id: str, *, refusal: Refusal | None = None,
    typed: Typed | None = None, macro: MacroPreview | None = None,
) -> Response:  # fmt: skip
    """Render the ticket's page with what was entered and refused, under that refusal's status."""
    context = await view(
        request, console, person, ticket_id, refusal=refusal, typed=typed, macro=macro, form_key=new_id()
    )
    if request.method == "POST":
        request.state.back = f"/tickets/{context.ticket.ticket.id}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "support/ticket.html", context, status=status)


async def _with_note(
    request: Request, console: Console, person: Person, item_id: str, *, refusal: Refusal, comment: str
) -> Response:  # fmt: skip
    ticket_id = item_id.split(":")[1]
    return await render(request, console, person, ticket_id, refusal=refusal, typed=Typed(note=comment))


show_items(TICKET_WORK.code, _with_note)
