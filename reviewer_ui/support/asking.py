"""Ask another desk from a ticket, and take the question back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.escalations import EscalationView, of_ticket
from database.reads.support.second_payouts import second_payouts
from database.reads.support.tickets import TicketRecord
from database.reads.work.queue import reason_words
from database.repositories import cards
from database.tables.columns import now
from database.tables.support.payee_requests import PayeeRequestRow
from database.tables.support.tickets import TicketFileRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.people.roles import Permission
from domain.support.escalations import QUESTION_MAX
from domain.support.tickets import UNDER_WAY, InsideDesk, LinkedKind
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.brand_names import brand_names
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_form import answer_form, read_form
from reviewer_ui.support.ticket_parts import PARTS
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.support.escalating import Escalations
from services.support.second_payout import SecondPayouts
from web.forms import member_of

router = APIRouter(prefix="/tickets/{ticket_id}")
Agent = Annotated[Person, Depends(allowed(Permission.ANSWER_TICKETS))]
Line = Annotated[str, Form(max_length=120)]
Words = Annotated[str, Form(max_length=4000)]


@dataclass(frozen=True)
class AskedPart:
    """The part of a ticket's page that shows what other desks were asked."""

    ticket_id: str
    asked: tuple[EscalationView, ...]
    may_ask: bool
    may_withdraw: bool
    second_payouts: tuple[PayeeRequestRow, ...]  # Oldest first.
    owed: tuple[str, ...]  # Linked cards whose payee was refused, without a request for another payee.
    payee_reasons: tuple[ReasonView, ...]


@dataclass(frozen=True)
class CardChoice:
    """A linked card that the question can be about, masked."""

    id: str
    brand: str
    number_tail: str | None
    outcome: str | None


@dataclass(frozen=True)
class Typed:
    """A question that was entered and not taken."""

    desk: str = ""
    card_id: str = ""
    reason_code: str = ""
    question: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class AskContext:
    """The form, with what was asked before."""

    shell: Shell
    ticket_id: str
    subject: str
    escalations: AskedPart
    cards: tuple[CardChoice, ...]
    files: tuple[TicketFileRow, ...]
    brands: dict[str, dict[str, str]]
    reasons: tuple[ReasonView, ...]
    typed: Typed
    refusal: Refusal | None
    desks: tuple[InsideDesk, ...] = tuple(InsideDesk)
    words_max: int = QUESTION_MAX


@router.get("/ask")
async def form(request: Request, console: At, person: Agent, ticket_id: str) -> Response:
    """Show the form to ask another desk."""
    return await _render(request, console, person, ticket_id)


@router.post("/ask")
async def ask(
    request: Request, console: At, person: Agent, ticket_id: str, desk: Line = "", card_id: Line = "",
    reason_code: Line = "", question: Words = "", files: Annotated[list[str], Form()] = [],  # noqa: B006  # FastAPI copies it.
) -> Response:  # fmt: skip
    """Asks a desk; what is refused stays in the form."""
    typed = Typed(desk, card_id, reason_code, question, tuple(files))
    try:
        if (chosen := member_of(InsideDesk, desk)) is None:
            raise FieldInvalid(field="desk", why="missing")
        await _escalations(console).ask(person.id, ticket_id, chosen, question, reason_code, card_id or None, files)
    except Refusal as refusal:
        return await _render(request, console, person, ticket_id, typed, refusal)
    return see_other(f"/tickets/{ticket_id}")


@router.post("/second-payout")
async def second_payout(
    console: At, person: Agent, ticket_id: str, card_id: Line = "", reason_code: Line = ""
) -> Response:
    """Asks for a second payment: the seller enters another payee, and finance agrees to it."""
    await SecondPayouts(console.support).ask(person.id, ticket_id, card_id, reason_code)
    return see_other(f"/tickets/{ticket_id}")


@router.post("/escalations/{escalation_id}/withdraw")
async def withdraw(console: At, person: Agent, ticket_id: str, escalation_id: str) -> Response:
    """Takes a question back."""
    await _escalations(console).withdraw(person.id, escalation_id)
    return see_other(f"/tickets/{ticket_id}")


def _escalations(console: Console) -> Escalations:
    return Escalations(console.support)


async def asked_part(session: AsyncSession, person: Person, found: TicketRecord) -> AskedPart:
    """Return what other desks were asked, and whether this person can ask more."""
    moment, agent = now(), person.may(Permission.ANSWER_TICKETS)
    holds = holder_of(found.task, moment) == person.id and found.ticket.state in UNDER_WAY
    asked = await of_ticket(session, found.ticket.id, moment)
    requests, owed = await second_payouts(session, found)
    reasons = (await reason_words(session)).values() if owed else ()
    return AskedPart(
        found.ticket.id, asked, may_ask=agent and holds, may_withdraw=agent, second_payouts=requests, owed=owed,
        payee_reasons=tuple(reason_view(one) for one in reasons if one.act == ReasonedAct.CORRECT_PAYEE and one.active),
    )  # fmt: skip


async def _part(session: AsyncSession, person: Person, found: TicketRecord) -> dict[str, object]:
    return {"escalations": await asked_part(session, person, found)}


async def _render(
    request: Request, console: Console, person: Person, ticket_id: str, typed: Typed | None = None,
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        form = await read_form(session, ticket_id, ReasonedAct.ASK_DESK)
        found = form.found
        about = [await cards.load(session, one.subject) for one in found.links if one.kind is LinkedKind.CARD]
        part = await asked_part(session, person, found)
    context = AskContext(
        shell=shell(request, person), ticket_id=ticket_id, subject=found.ticket.subject, escalations=part,
        cards=tuple(CardChoice(one.id, one.brand, one.number_tail, one.outcome) for one in about),
        files=tuple(file for said in found.said for file in said.files), brands=brand_names(),
        reasons=form.reasons,
        typed=typed or Typed(card_id=about[0].id if len(about) == 1 else ""), refusal=refusal,
    )  # fmt: skip
    return await answer_form(request, console, "support/escalate.html", context, refusal)


PARTS.append(_part)
