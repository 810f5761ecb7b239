"""Goodwill payments: proposed from a ticket, agreed to or declined by a second person, with what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.support.goodwill import GoodwillView, PaidBefore, newest, of_ticket, paid_before
from database.reads.support.requesters import customer_of
from database.reads.support.tickets import TicketRecord
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.people import NotAllowed
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.goodwill import goodwill_in_force
from domain.support.goodwill import NOTE_MAX, GoodwillRules, GoodwillState, limit_of
from domain.support.tickets import UNDER_WAY
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.reason_words import ReasonView
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_form import answer_form, read_form
from reviewer_ui.support.ticket_parts import PARTS
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell, signed_in
from services.support.goodwill import Goodwill, GoodwillProposal
from web.forms import money_of

router = APIRouter()
Agent = Annotated[Person, Depends(allowed(Permission.ANSWER_TICKETS))]
Line = Annotated[str, Form(max_length=120)]
Words = Annotated[str, Form(max_length=4000)]
SECONDS = (Permission.LEAD_SUPPORT, Permission.AGREE_GOODWILL)


async def second_person(request: Request) -> Person:
    """Return the signed-in person, who agrees to goodwill payments. Refuses with NotSignedIn or NotAllowed."""
    return await _any_of(request, SECONDS)


async def concerned(request: Request) -> Person:
    """Return the signed-in person, who proposes goodwill payments or agrees to them. Refuses as `second_person`."""
    return await _any_of(request, (*SECONDS, Permission.ANSWER_TICKETS))


async def _any_of(request: Request, needed: tuple[Permission, ...]) -> Person:
    person = await signed_in(request)
    if not any(person.may(one) for one in needed):
        raise NotAllowed(permission=needed[0].value)
    return person


Second = Annotated[Person, Depends(second_person)]
Concerned = Annotated[Person, Depends(concerned)]


@dataclass(frozen=True)
class GoodwillPart:
    """The part of a ticket's page that shows its goodwill payments; `me` is the viewer's id."""

    ticket_id: str
    given: tuple[GoodwillView, ...]
    me: str
    may_propose: bool
    agrees_to: frozenset[Permission]


@dataclass(frozen=True)
class Typed:
    """A proposal that was entered and not taken."""

    amount: str = ""
    reason_code: str = ""
    payee: str = ""
    note: str = ""


@dataclass(frozen=True)
class ProposeContext:
    """The form, with what was given before; `most` is what this person may propose at once."""

    shell: Shell
    ticket_id: str
    subject: str
    goodwill: GoodwillPart
    payees: tuple[PaidBefore, ...]
    reasons: tuple[ReasonView, ...]
    rules: GoodwillRules
    most: Money
    seller_most: Money
    typed: Typed
    refusal: Refusal | None
    words_max: int = NOTE_MAX


@dataclass(frozen=True)
class GoodwillContext:
    """All goodwill payments, those that wait for a second person first."""

    shell: Shell
    goodwill: GoodwillPart
    waiting: int


@router.get("/goodwill")
async def listed(request: Request, console: At, person: Second) -> Response:
    """Show what waits for a second person, what is being paid, and what is over."""
    async with console.services.database.transaction() as session:
        given = await newest(session)
    part = GoodwillPart("", given, person.id, may_propose=False, agrees_to=_agrees_to(person))
    waiting = sum(one.state is GoodwillState.PROPOSED for one in given)
    return await console.answer(
        request, "support/goodwill.html", GoodwillContext(shell(request, person), part, waiting)
    )


@router.post("/goodwill/{goodwill_id}/agree")
async def agree(console: At, person: Second, goodwill_id: str) -> Response:
    """Agrees; the payment is made."""
    await _goodwill(console).agree(person.id, goodwill_id)
    return see_other("/goodwill")


@router.post("/goodwill/{goodwill_id}/decline")
async def decline(console: At, person: Concerned, goodwill_id: str) -> Response:
    """Declines, or takes one's own proposal back."""
    await _goodwill(console).decline(person.id, goodwill_id)
    return see_other("/goodwill" if _agrees_to(person) else "/")


@router.get("/tickets/{ticket_id}/goodwill")
async def form(request: Request, console: At, person: Agent, ticket_id: str) -> Response:
    """Show the form to propose a payment."""
    return await _render(request, console, person, ticket_id)


@router.post("/tickets/{ticket_id}/goodwill")
async def propose(
    request: Request, console: At, person: Agent, ticket_id: str, amount: Line = "", reason_code: Line = "",
    payee: Line = "", note: Words = "",
) -> Response:  # fmt: skip
    """Proposes a payment; what is refused stays in the form."""
    try:
        asked = GoodwillProposal(money_of("amount", amount), reason_code, payee, note)
        await _goodwill(console).propose(person.id, ticket_id, asked)
    except Refusal as refusal:
        typed = Typed(amount, reason_code, payee, note)
        return await _render(request, console, person, ticket_id, typed, refusal)
    return see_other(f"/tickets/{ticket_id}")


@router.post("/tickets/{ticket_id}/goodwill/{goodwill_id}/withdraw")
async def withdraw(console: At, person: Agent, ticket_id: str, goodwill_id: str) -> Response:
    """Takes one's own proposal back."""
    await _goodwill(console).decline(person.id, goodwill_id)
    return see_other(f"/tickets/{ticket_id}")


def _goodwill(console: Console) -> Goodwill:
    return Goodwill(console.support)


def _agrees_to(person: Person) -> frozenset[Permission]:
    return (
        frozenset(SECONDS)
        if person.may(Permission.AGREE_GOODWILL)
        else frozenset(one for one in SECONDS if person.may(one))
    )


async def goodwill_part(session: AsyncSession, person: Person, found: TicketRecord) -> GoodwillPart:
    """Return the ticket's goodwill payments, and what this person can do with them."""
    holds = holder_of(found.task, now()) == person.id and found.ticket.state in UNDER_WAY
    given = await of_ticket(session, found.ticket.id)
    known = not (await customer_of(session, found.ticket.requester)).startswith("contact:")
    may = holds and known and person.may(Permission.ANSWER_TICKETS)
    return GoodwillPart(found.ticket.id, given, person.id, may_propose=may, agrees_to=_agrees_to(person))


async def _part(session: AsyncSession, person: Person, found: TicketRecord) -> dict[str, object]:
    return {"goodwill": await goodwill_part(session, person, found)}


async def _render(
    request: Request, console: Console, person: Person, ticket_id: str, typed: Typed | None = None,
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    rules = goodwill_in_force(business_day(now()))
    async with console.services.database.transaction() as session:
        form = await read_form(session, ticket_id, ReasonedAct.GOODWILL)
        found = form.found
        part = await goodwill_part(session, person, found)
        payees = await paid_before(session, await customer_of(session, found.ticket.requester))
    own = frozenset(one for one in (Permission.LEAD_SUPPORT,) if person.may(one))
    context = ProposeContext(
        shell=shell(request, person), ticket_id=ticket_id, subject=found.ticket.subject, goodwill=part, payees=payees,
        reasons=form.reasons,
        rules=rules, most=Money(limit_of(own, rules)), seller_most=Money(rules.seller_max_minor),
        typed=typed or Typed(payee=payees[0].key if payees else ""), refusal=refusal,
    )  # fmt: skip
    return await answer_form(request, console, "support/goodwill_propose.html", context, refusal)


PARTS.append(_part)
