"""Payments that wait before anything is sent: why and until when, and their release by a second person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import held as reads
from database.reads.people import accounts
from domain.money import Money
from domain.people.roles import Permission
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, shell
from services.finance.held_payments import REASON_MAX, PayoutWaits
from services.finance.verified_names import VerifiedNames

router = APIRouter()
Releaser = Annotated[Person, Depends(allowed(Permission.RELEASE_PAYMENTS))]
Words = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class HeldContext:
    """The payments that wait, the longest waiting first; `total` in CNY."""

    shell: Shell
    held: tuple[reads.HeldView, ...]
    names: Mapping[str, str]
    total: Money
    may_release: bool
    full: bool
    refused: Refused
    reason_max: int = REASON_MAX


@router.get("/held")
async def show(request: Request, console: At, person: PayoutReader) -> Response:
    """List the payments that wait, with their reasons in words."""
    return await _page(request, console, person)


@router.post("/held/{key}/release")
async def release(request: Request, console: At, person: Releaser, key: str, reason: Words = "") -> Response:
    """Release the payment; it continues automatically within seconds."""
    await require_step_up(request, person)
    services = console.services
    letting = PayoutWaits(services.database, services.keyring).release(person.id, key, reason)
    page = partial(_page, request, console, person)
    return await done_or_shown(request, letting, page, "/held", key, "release", {"reason": reason})


@router.post("/held/{key}/name")
async def verify_name(
    request: Request, console: At, person: Releaser, key: str, name: Words = "", how: Words = ""
) -> Response:
    """Keep the seller's name as a person verified it; payees are compared with it from now on."""
    services = console.services
    keeping = VerifiedNames(services.database, services.keyring).keep(person.id, key, name, how)
    page = partial(_page, request, console, person)
    return await done_or_shown(request, keeping, page, "/held", key, "name", {"name": name, "how": how})


async def _page(request: Request, console: Console, person: Person, refused: Refused = NOTHING) -> Response:
    async with console.services.database.transaction() as session:
        found = await reads.held(session)
        names = await accounts.all_names(session)
    context = HeldContext(
        shell(request, person), found, names, Money(sum(one.amount.amount_minor for one in found)),
        person.may(Permission.RELEASE_PAYMENTS), len(found) == reads.PAGE, refused,
    )  # fmt: skip
    return await console.answer(request, "finance/held.html", context, status=refused.status)
