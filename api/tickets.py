"""A partner asks support: opens a ticket, reads the conversation and adds to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from api.bodies import LargeBody
from api.caller import Caller, Partner
from api.submissions import KEY
from api.ticket_models import (
    FileOut,
    MessageTaken,
    NewFile,
    NewMessage,
    NewTicketIn,
    TicketLineOut,
    TicketOpened,
    TicketOut,
    TicketsOut,
)
from database.reads.support import customers
from domain.errors.general import IdempotencyKeyMissing, IdempotencyKeyReused
from domain.support.tickets import TicketChannel
from services.support.conversation import Heard
from services.support.opening import NewTicket

router = APIRouter(prefix="/v1/tickets", tags=["tickets"], route_class=LargeBody)
Id = Annotated[str, Path(pattern=r"^[0-9A-Z]{26}$")]
Key = Annotated[str, Header(alias="idempotency-key")]
PAGE_MOST = 100


@router.post("", status_code=201)
async def open_ticket(
    request: Request, partner: Partner, asked: NewTicketIn, response: Response, idempotency_key: Key = ""
) -> TicketOpened:
    """Open a ticket. The same key with the same content is the same ticket; other people's cards are not found."""
    key = await _key(request, partner, idempotency_key)
    await partner.limits.tickets.hit("tickets", partner.partner_id)
    new = NewTicket(
        asked.category, asked.subject, asked.words, tuple(asked.cards), _files(asked.files), key
    )  # fmt: skip
    ticket_id = await partner.services.opening.open(partner.owner, new, TicketChannel.API)
    response.headers["location"] = f"/v1/tickets/{ticket_id}"
    return TicketOpened(ticket_id=ticket_id)


@router.get("")
async def listed(
    partner: Partner,
    before: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{26}$")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MOST)] = 20,
) -> TicketsOut:
    """List the partner's tickets, newest first."""
    async with partner.services.database.transaction() as session:
        found, following = await customers.listed(session, partner.owner, before=before, limit=limit)
    return TicketsOut(tickets=[TicketLineOut.of(one) for one in found], next=following)


@router.get("/{ticket_id}")
async def shown(partner: Partner, ticket_id: Id) -> TicketOut:
    """Return the ticket with its conversation, and until when we promised to answer."""
    async with partner.services.database.transaction() as session:
        return TicketOut.whole(await customers.own(session, partner.owner, ticket_id))


@router.post("/{ticket_id}/messages", status_code=201)
async def write(
    request: Request, partner: Partner, ticket_id: Id, said: NewMessage, idempotency_key: Key = ""
) -> MessageTaken:
    """Add a message. A solved ticket is open again; a closed one takes none."""
    key = await _key(request, partner, idempotency_key)
    await partner.limits.tickets.hit("tickets", partner.partner_id)
    heard = Heard(said.words, TicketChannel.API, _files(said.files), key)
    message_id = await partner.services.conversation.hear(partner.owner, ticket_id, heard)
    return MessageTaken(ticket_id=ticket_id, message_id=message_id)


@router.get("/{ticket_id}/files/{file_id}")
async def file(partner: Partner, ticket_id: Id, file_id: Id) -> FileOut:
    """Return a file of the conversation."""
    return FileOut.of(await partner.services.files.whole(partner.owner, ticket_id, file_id))


async def _key(request: Request, partner: Caller, given: str) -> str:
    """The key that this content is stored under. Refuses a missing key, and one that other content has used."""
    if not KEY.fullmatch(given):
        raise IdempotencyKeyMissing()
    sent = request.url.path.encode() + b"\n" + await request.body()
    # Keyed: what was masked could be found from a bare hash by trying all numbers.
    key = f"{given} {await asyncio.to_thread(partner.services.intake.body_hash, sent)}"
    async with partner.services.database.transaction() as session:
        if await customers.key_reused(session, partner.owner, given, key):
            raise IdempotencyKeyReused()
    return key


def _files(files: Iterable[NewFile]) -> tuple[tuple[str, bytes], ...]:
    return tuple((one.name, one.content) for one in files)
