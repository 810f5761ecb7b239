"""A form of one ticket on a page of its own: what every such page reads, and how a refused one comes back."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.tickets import TicketRecord, record
from database.reads.work.queue import reason_words
from domain.errors.base import Refusal
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.visit import Console


@dataclass(frozen=True)
class TicketForm:
    """What such a form shows: the ticket, and the reasons of its act."""

    found: TicketRecord
    reasons: tuple[ReasonView, ...]


async def read_form(session: AsyncSession, ticket_id: str, act: ReasonedAct) -> TicketForm:
    """Return what the form of an act shows. Refuse NotFound."""
    found, reasons = await record(session, ticket_id), await reason_words(session)
    return TicketForm(found, tuple(reason_view(one) for one in reasons.values() if one.act == act and one.active))


async def answer_form(
    request: Request, console: Console, template: str, context: object, refusal: Refusal | None
) -> Response:
    """Render the form, under the status of what refused it; a reload then leads back to the empty form."""
    if request.method == "POST":
        request.state.back = request.url.path
    return await console.answer(request, template, context, status=200 if refusal is None else refusal.http_status)
