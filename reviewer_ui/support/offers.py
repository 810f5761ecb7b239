"""The tickets that colleagues offer to one person, each with its reason and until when it can be accepted."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.desk import Offered, offers_to
from database.reads.work.queue import reason_words
from database.tables.columns import now
from domain.people.roles import Permission
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.reason_words import reason_view
from reviewer_ui.support.tickets import Agent
from reviewer_ui.visit import At, Shell, shell

router = APIRouter(prefix="/support/offers")


@dataclass(frozen=True)
class OffersContext:
    """The page; `reasons` are the words of each reason by locale."""

    shell: Shell
    offers: tuple[Offered, ...]
    reasons: dict[str, dict[str, str]]


@router.get("")
async def show(request: Request, console: At, person: Agent) -> Response:
    """Show what can be accepted, what ends first at the top."""
    async with console.services.database.transaction() as session:
        offers = await offers_to(session, person.id, now(), leads=person.may(Permission.LEAD_SUPPORT))
        reasons = await reason_words(session)
    words = {one.code: reason_view(one).words for one in reasons.values() if one.act == ReasonedAct.HAND_OVER}
    return await console.answer(request, "support/offers.html", OffersContext(shell(request, person), offers, words))
