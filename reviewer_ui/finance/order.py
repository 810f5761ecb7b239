"""One payment order: its whole story, and what two people state where its outcome is unknown. Nothing here can pay."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import order as reads
from database.reads.people import accounts
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.general import TemporarilyUnavailable
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rollback import WORDS_MAX
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from reviewer_ui.finance.proof_form import document_of, sent_proof
from reviewer_ui.finance.refused import Refused, done_or_shown
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import ProofHere, proof_here, require_step_up
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, shell
from services.finance.confirmations import Confirmations
from services.finance.contradictions import Contradictions
from services.finance.stating import REFERENCE_MAX, Statement, Statements
from web.forms import member_of

router = APIRouter()
Stater = Annotated[Person, Depends(allowed(Permission.STATE_OUTCOMES))]
Reason = Annotated[str, Form(max_length=500)]
PATH = r"/payouts/[0-9A-Za-z-]{1,80}/state"
NOTHING_TYPED = {
    "outcome": "",
    "reason": "",
    "reference": "",
    "amount": "",
    "part_reason": "",
    "wrong": "",
    "words": "",
}
OUTCOMES = (PayoutOutcome.PAID, PayoutOutcome.REFUSED)


@dataclass(frozen=True)
class OrderContext:
    """The order's page; `names` are people's by id, `typed` what was entered and not taken.

    `unknown`: its outcome may be stated.
    """

    shell: Shell
    order: reads.OrderView
    names: Mapping[str, str]
    may_state: bool
    may_see_tickets: bool
    may_claim: bool
    me: str
    unknown: bool
    outcomes: tuple[PayoutOutcome, ...]
    minutes: int
    typed: Mapping[str, str]
    refusal: Refusal | None
    proof: ProofHere | None
    reference_max: int = REFERENCE_MAX
    words_max: int = WORDS_MAX


@router.get("/payouts/{key}")
async def show(request: Request, console: At, person: PayoutReader, key: str) -> Response:
    """Show the order with its story, calls, notices, postings and tickets."""
    return await page_of(request, console, person, key)


@router.post("/payouts/{key}/state")
async def state(request: Request, console: At, person: Stater, key: str) -> Response:
    """State an outcome with a document; a second person agrees. The browser has just shown who is there."""
    await require_step_up(request, person)
    sent, proof = await sent_proof(request, "outcome", "reason", "reference")
    outcome = member_of(PayoutOutcome, sent["outcome"]) or PayoutOutcome.UNKNOWN
    said = Statement(outcome, sent["reason"], sent["reference"], proof)
    doing = _statements(console).state(person.id, key, said, console.services.photos)
    return await answered(request, console, person, key, doing, sent)


@router.post("/payouts/{key}/contradiction")
async def clear(request: Request, console: At, person: Stater, key: str, reason: Reason = "") -> Response:
    """Keep what a person found out about a provider's word against the order."""
    clearing = Contradictions(console.services.database).clear(person.id, key, reason)
    return await answered(request, console, person, key, clearing, {"reason": reason})


@router.post("/payouts/{key}/call-off")
async def call_off(request: Request, console: At, person: Stater, key: str) -> Response:
    """Have a transfer called off that its receiver has not confirmed; it is over when WeChat Pay says so."""
    return await answered(request, console, person, key, _called_off(console, person, key))


async def _called_off(console: Console, person: Person, key: str) -> None:
    services = console.services
    card_id = await Confirmations(services.database, services.keyring).call_off(person.id, key)
    if card_id is not None:
        with suppress(TemporarilyUnavailable):  # The card asks by its own clock, too.
            await services.desk.payment_reported(card_id, key)


@router.post("/payouts/{key}/statements/{statement_id}/agree")
async def agree(request: Request, console: At, person: Stater, key: str, statement_id: str) -> Response:
    """Agree as the second person: the outcome is posted."""
    await require_step_up(request, person)
    return await answered(request, console, person, key, _statements(console).agree(person.id, statement_id))


@router.post("/payouts/{key}/statements/{statement_id}/decline")
async def decline(request: Request, console: At, person: Stater, key: str, statement_id: str) -> Response:
    """Discard a statement."""
    return await answered(request, console, person, key, _statements(console).decline(person.id, statement_id))


@router.get("/payouts/{key}/statements/{statement_id}/evidence")
async def evidence(console: At, person: PayoutReader, key: str, statement_id: str) -> Response:  # noqa: ARG001  # Judged.
    """Serve the document of a statement."""
    async with console.services.database.transaction() as session:
        row = await reads.evidence(session, key, statement_id)
    return await document_of(console, row)


async def answered(
    request: Request, console: Console, person: Person, key: str, doing: Awaitable[object],
    sent: Mapping[str, str] | None = None, leads_to: str = "",
) -> Response:  # fmt: skip
    """Do it and lead to that address, the order's page unless given; refused, show the order's page with what was typed."""

    async def page(refused: Refused) -> Response:
        return await page_of(request, console, person, key, sent, refused.refusal)

    return await done_or_shown(request, doing, page, leads_to or f"/payouts/{key}", key)


async def page_of(
    request: Request, console: Console, person: Person, key: str,
    sent: Mapping[str, str] | None = None, refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    """Return the order's page, with what was typed and why it was not taken."""
    async with console.services.database.transaction() as session:
        order = await reads.order(session, key)
        names = await accounts.all_names(session)
    context = OrderContext(
        shell(request, person), order, names, person.may(Permission.STATE_OUTCOMES), person.may(Permission.SEE_TICKETS),
        person.may(Permission.CLAIM_BACK), person.id, order.state is PayoutState.UNKNOWN and order.answered is None and order.carried_out_by is None, OUTCOMES, routing_in_force(business_day(now())).stated_after_minutes, NOTHING_TYPED | dict(sent or {}), refusal, proof_here(request, person),
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = f"/payouts/{order.key}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/order.html", context, status=status)


def _statements(console: Console) -> Statements:
    return Statements(console.services.database, console.services.keyring)
