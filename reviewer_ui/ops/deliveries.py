"""Webhooks and messages that have not arrived, by receiver, and the act that has them delivered now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.ops.deliveries import Undelivered, undelivered
from database.reads.work.queue import reason_words
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.people.roles import Permission
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.ops.deliveries import Deliveries

router = APIRouter(prefix="/operations/deliveries")
Operator = Annotated[Person, Depends(allowed(Permission.SEE_OPERATIONS))]
Repairer = Annotated[Person, Depends(allowed(Permission.REPAIR))]
Short = Annotated[str, Form(max_length=120)]


@dataclass(frozen=True)
class DeliveriesContext:
    """The receivers; `sent` is how many deliveries the last act made due, None without one."""

    shell: Shell
    receivers: tuple[Undelivered, ...]
    failing: tuple[Undelivered, ...]  # Those for which there is something to try again.
    reasons: tuple[ReasonView, ...]
    may_repair: bool
    at: datetime
    sent: int | None = None
    refusal: Refusal | None = None
    refused: str = ""  # The receiver that was chosen in a form that was not taken.


@router.get("")
async def show(request: Request, console: At, person: Operator, sent: int | None = None) -> Response:
    """List the receivers that have not got everything."""
    return await _page(request, console, person, sent=sent)


@router.post("/again")
async def again(
    request: Request,
    console: At,
    person: Repairer,
    receiver: Short = "",
    reason_code: Short = "",
    given_up: Short = "",
) -> Response:
    """Have a receiver's failed deliveries tried now."""
    try:
        count = await Deliveries(console.services.database).again(
            person.id, receiver, reason_code, given_up=bool(given_up)
        )
    except Refusal as refusal:
        return await _page(request, console, person, refusal=refusal, refused=receiver)
    return see_other(f"/operations/deliveries?sent={count}")


async def _page(
    request: Request,
    console: Console,
    person: Person,
    *,
    sent: int | None = None,
    refusal: Refusal | None = None,
    refused: str = "",
) -> Response:
    moment = now()
    async with console.services.database.transaction() as session:
        receivers = await undelivered(session, moment)
        reasons = await reason_words(session)
    choices = tuple(reason_view(one) for one in reasons.values() if one.act == ReasonedAct.REPAIR and one.active)
    failing = tuple(one for one in receivers if one.failing or one.given_up)
    context = DeliveriesContext(
        shell(request, person),
        receivers,
        failing,
        choices,
        person.may(Permission.REPAIR),
        moment,
        sent,
        refusal,
        refused,
    )
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "ops/deliveries.html", context, block="deliveries", status=status)
