"""A privacy request: the copy of the seller's data, and the erasure that takes two people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.privacy import PartnersCards, PrivacyRecord, of_partners, record
from database.tables.columns import now
from database.tables.support.tickets import TicketRow
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.support.privacy import RECORDS_YEARS, KeptPart
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.support.erasable import erasable
from services.support.erasure import Erasures
from services.support.privacy import Privacy, seller_of
from web.locale import html_lang

router = APIRouter(prefix="/tickets/{ticket_id}/privacy")
Reader = Annotated[Person, Depends(allowed(Permission.PREPARE_COPY))]
Eraser = Annotated[Person, Depends(allowed(Permission.ERASE_DATA))]


@dataclass(frozen=True)
class PrivacyContext:
    """The page. `erasable` counts what an erasure would take away, by part."""

    shell: Shell
    ticket_id: str
    subject: str
    language: str  # Of the subject, as the `lang` attribute wants it.
    seller: str
    record: PrivacyRecord
    copy_ready: bool
    erasable: dict[str, int]
    partners: tuple[PartnersCards, ...]
    kept: tuple[KeptPart, ...]
    years: int
    may_erase: bool
    me: str


@router.get("")
async def show(request: Request, console: At, person: Reader, ticket_id: str) -> Response:
    """Show what was prepared and proposed, and what an erasure would take away. Refuse NotFound and NoPrivacyRequest."""
    async with console.services.database.transaction() as session:
        ticket = await session.get(TicketRow, ticket_id)
        if ticket is None:
            raise NotFound(ticket=ticket_id[:26])
        seller = await seller_of(session, ticket)
        found = await record(session, ticket_id)
        counts = (await erasable(session, console.services.keyring, seller, ticket_id, now())).counts()
        partners = await of_partners(session, f"seller:{seller.id}")
    copy = found.copy
    context = PrivacyContext(
        shell(request, person), ticket_id, ticket.subject, html_lang(ticket.language), seller.phone_masked, found,
        copy is not None and copy.erased_at is None and copy.expires_at > now(), counts, partners, tuple(KeptPart), RECORDS_YEARS,
        person.may(Permission.ERASE_DATA), person.id,
    )  # fmt: skip
    return await console.answer(request, "support/privacy.html", context)


@router.post("/copy")
async def prepare(request: Request, console: At, person: Reader, ticket_id: str) -> Response:
    """Prepare the copy, after showing again who one is."""
    await require_step_up(request, person)
    await Privacy(console.support).prepare(person.id, ticket_id)
    return _back(ticket_id)


@router.post("/erasure")
async def propose(console: At, person: Eraser, ticket_id: str) -> Response:
    """Propose the erasure to another person."""
    await _erasures(console).propose(person.id, ticket_id)
    return _back(ticket_id)


@router.post("/erasure/{erasure_id}/confirm")
async def confirm(request: Request, console: At, person: Eraser, ticket_id: str, erasure_id: str) -> Response:
    """Agree as the second person, after showing again who one is: what can be erased is gone."""
    await require_step_up(request, person)
    await _erasures(console).confirm(person.id, ticket_id, erasure_id)
    return _back(ticket_id)


@router.post("/erasure/{erasure_id}/refuse")
async def refuse(console: At, person: Eraser, ticket_id: str, erasure_id: str) -> Response:
    """Let the proposal fall."""
    await _erasures(console).refuse(person.id, ticket_id, erasure_id)
    return _back(ticket_id)


def _erasures(console: Console) -> Erasures:
    return Erasures(console.support)


def _back(ticket_id: str) -> Response:
    return see_other(f"/tickets/{ticket_id}/privacy")
