"""Words about a ticket: public replies and internal notes, each with its files, and what a template would say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.tickets import record
from database.tables.support.tickets import TicketMessageRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.support.tickets import FILES_MAX
from gateways.attachments import BYTES_MAX
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_view import Typed
from reviewer_ui.support.tickets import Agent, render
from reviewer_ui.visit import At, Console, allowed, see_other
from services.support.conversation import AfterReply, Reply
from services.support.templates import filled
from services.work import drafts
from web.forms import member_of

router = APIRouter(prefix="/tickets/{ticket_id}")
FORM_BYTES_MAX = FILES_MAX * BYTES_MAX + 128 * 1024  # The files, and the form around them.
PATH = r"/tickets/[0-9A-Za-z]{1,40}/(reply|note|template)"
KEY_MAX, SEEN_MAX = 40, 26
Noter = Annotated[Person, Depends(allowed(Permission.COMMENT))]


@router.post("/reply")
async def reply(request: Request, console: At, person: Agent, ticket_id: str) -> Response:
    """Send a reply in a few seconds; what is refused stays in its form, except files, which browsers never keep."""
    form = await request.form()
    words, act = str(form.get("words", "")), str(form.get("act", ""))
    after, _, solution = act.partition(":")
    written = Reply(
        words, member_of(AfterReply, after) or AfterReply.WAIT, solution, await _files(request),
        str(form.get("key", ""))[:KEY_MAX] or None, str(form.get("seen", ""))[:SEEN_MAX],
    )  # fmt: skip
    try:
        await console.comment_throttle.hit("reply", person.id)
        await console.tickets.conversation.reply(person.id, ticket_id, written)
    except NotFound:
        raise
    except Refusal as refusal:
        typed = Typed(words=words, seen=written.seen)
        return await render(request, console, person, ticket_id, refusal=refusal, typed=typed)
    return see_other(f"/tickets/{ticket_id}#newest")


@router.post("/template")
async def template(request: Request, console: At, person: Agent, ticket_id: str) -> Response:
    """Put a template's words, filled from the ticket, after what was written; nothing leaves by that."""
    form = await request.form()
    words, chosen = str(form.get("words", "")), str(form.get("template", ""))[:KEY_MAX]
    try:
        async with console.services.database.transaction() as session:
            found = await record(session, ticket_id)
            said = await filled(session, chosen, found.ticket, found.task, person.id)
            whole = f"{words.rstrip()}\n\n{said}" if words.strip() else said
            await drafts.save(session, console.services.keyring, found.task.id, person.id, {"words": whole})
    except NotFound:
        raise
    except Refusal as refusal:
        return await render(request, console, person, ticket_id, refusal=refusal, typed=Typed(words=words))
    return see_other(f"/tickets/{ticket_id}#reply")


@router.post("/replies/{message_id}/take-back")
async def take_back(request: Request, console: At, person: Agent, ticket_id: str, message_id: str) -> Response:
    """Take back a reply that has not left; its words are the draft of the next one."""
    try:
        await console.tickets.conversation.take_back(person.id, message_id)
    except NotFound:
        raise
    except Refusal as refusal:
        return await render(request, console, person, ticket_id, refusal=refusal)
    await console.services.review.leases.take(person.id, await _redraft(console, person, ticket_id, message_id))
    return see_other(f"/tickets/{ticket_id}#reply")


@router.post("/note")
async def note(request: Request, console: At, person: Noter, ticket_id: str) -> Response:
    """Keep an internal note with its files; what is refused stays in its form."""
    form = await request.form()
    words = str(form.get("words", ""))
    try:
        await console.comment_throttle.hit("comment", person.id)
        await console.tickets.notes.add(person.id, ticket_id, words, await _files(request))
    except NotFound:
        raise
    except Refusal as refusal:
        return await render(request, console, person, ticket_id, refusal=refusal, typed=Typed(note=words))
    return see_other(f"/tickets/{ticket_id}#newest")


async def _redraft(console: Console, person: Person, ticket_id: str, message_id: str) -> str:
    """Keep the words of a withdrawn reply as the draft; returns the ticket's work item."""
    async with console.services.database.transaction() as session:
        found = await record(session, ticket_id)
        message = await session.get(TicketMessageRow, message_id[:SEEN_MAX])
        if message is None or message.ticket_id != ticket_id:
            raise NotFound(message=message_id[:SEEN_MAX])
        await drafts.save(session, console.services.keyring, found.task.id, person.id, {"words": message.words})
    return found.task.id


async def _files(request: Request) -> Sequence[tuple[str, bytes]]:
    """The chosen files; a file field left empty sends one without a name."""
    form = await request.form()
    # One byte over the limit is enough to refuse a file by.
    return [
        (sent.filename, await sent.read(BYTES_MAX + 1))
        for sent in form.getlist("files")
        if isinstance(sent, UploadFile) and sent.filename
    ]
