"""On the page of a mail contact's ticket: ask the seller whom they say to be, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.contact_links import ContactLinkView, newest_of
from database.reads.support.tickets import TicketRecord
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.support.contact_links import ContactLinkState
from domain.support.tickets import TicketState
from domain.work.lease import holder_of
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_parts import PARTS
from reviewer_ui.support.tickets import Agent, render
from reviewer_ui.visit import At, Console, see_other
from services.support.contact_links import ContactLinks

router = APIRouter(prefix="/tickets/{ticket_id}/contact")
Line = Annotated[str, Form(max_length=60)]


@dataclass(frozen=True)
class ContactPart:
    """The part of the page; `link` is the newest question, None without a question."""

    link: ContactLinkView | None
    waits: bool  # For the seller's answer.
    may_ask: bool
    may_undo: bool


@router.post("")
async def ask(request: Request, console: At, person: Agent, ticket_id: str, phone: Line = "") -> Response:
    """Ask the seller of a telephone whether the mail address is theirs."""
    try:
        await _links(console).ask(person.id, ticket_id, phone)
    except NotFound:
        raise
    except Refusal as refusal:
        return await render(request, console, person, ticket_id, refusal=refusal)
    return see_other(f"/tickets/{ticket_id}")


@router.post("/{link_id}/{act}")
async def end(request: Request, console: At, person: Agent, ticket_id: str, link_id: str, act: str) -> Response:
    """Take the question back, or take contact and seller apart again."""
    try:
        if act == "withdraw":
            await _links(console).withdraw(person.id, ticket_id, link_id)
        elif act == "undo":
            await _links(console).undo(f"person:{person.id}", link_id)
        else:
            raise NotFound(act=act[:20])
    except NotFound:
        raise
    except Refusal as refusal:
        return await render(request, console, person, ticket_id, refusal=refusal)
    return see_other(f"/tickets/{ticket_id}")


def _links(console: Console) -> ContactLinks:
    return ContactLinks(console.support)


async def _part(session: AsyncSession, person: Person, found: TicketRecord) -> dict[str, object]:
    kind, _, number = found.ticket.requester.partition(":")
    if kind != "contact":
        return {}
    moment, link = now(), await newest_of(session, number)
    waits = link is not None and link.state is ContactLinkState.ASKED and link.expires_at > moment
    joined = link is not None and link.state is ContactLinkState.CONFIRMED
    free = holder_of(found.task, moment) in (None, person.id) and found.ticket.state is not TicketState.CLOSED
    may = free and person.may(Permission.ANSWER_TICKETS)
    part = ContactPart(link, waits, may and not joined, may_undo=joined and person.may(Permission.LEAD_SUPPORT))
    return {"contact": part}


PARTS.append(_part)
