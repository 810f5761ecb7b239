"""The rails that money leaves on: their limits and what was used, health, and the switch of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import held as reads
from database.reads.people import accounts
from database.tables.columns import now
from domain.errors.general import NotFound
from domain.errors.people import NotAllowed
from domain.finance.rails import Rail
from domain.finance.routing import RoutingRules
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, shell, signed_in
from services.finance.rail_switches import REASON_MAX, RailSwitches
from web.forms import member_of

router = APIRouter()
PATH = "/rails"
READERS = (Permission.SEE_PAYOUTS, Permission.SWITCH_RAILS)
Reason = Annotated[str, Form(max_length=2000)]


@dataclass(frozen=True)
class RailsContext:
    """The rails in the policy's order of preference; `names` are people's by id."""

    shell: Shell
    rails: tuple[reads.RailView, ...]
    rules: RoutingRules
    orders: int
    names: Mapping[str, str]
    may_switch: bool
    me: str
    refused: Refused
    reason_max: int = REASON_MAX


@router.get("/rails")
async def show(request: Request, console: At) -> Response:
    """Show every rail with its limits, what was ordered, and its switch."""
    return await _page(request, console, await _of(request, *READERS))


@router.post("/rails/{rail}/off")
async def off(request: Request, console: At, rail: str, reason: Reason = "") -> Response:
    """Switch the rail off at once, on one person's word."""
    person = await _of(request, Permission.SWITCH_RAILS)
    doing = _switches(console).off(person.id, _rail(rail), reason)
    return await done_or_shown(
        request, doing, partial(_page, request, console, person), PATH, rail, "off", {"reason": reason}
    )


@router.post("/rails/{rail}/on")
async def ask_on(request: Request, console: At, rail: str, reason: Reason = "") -> Response:
    """Ask to switch the rail on; a second person agrees."""
    person = await _of(request, Permission.SWITCH_RAILS)
    doing = _switches(console).ask_on(person.id, _rail(rail), reason)
    return await done_or_shown(
        request, doing, partial(_page, request, console, person), PATH, rail, "on", {"reason": reason}
    )


@router.post("/rails/{rail}/on/agree")
async def agree_on(request: Request, console: At, rail: str) -> Response:
    """Agree as the second person: payments leave again."""
    person = await _of(request, Permission.SWITCH_RAILS)
    await require_step_up(request, person)
    doing = _switches(console).agree_on(person.id, _rail(rail))
    return await done_or_shown(request, doing, partial(_page, request, console, person), PATH, rail, "agree")


@router.post("/rails/{rail}/on/refuse")
async def leave_off(request: Request, console: At, rail: str) -> Response:
    """Leave the rail off."""
    person = await _of(request, Permission.SWITCH_RAILS)
    doing = _switches(console).leave_off(person.id, _rail(rail))
    return await done_or_shown(request, doing, partial(_page, request, console, person), PATH, rail, "refuse")


async def _page(request: Request, console: Console, person: Person, refused: Refused = NOTHING) -> Response:
    rules = routing_in_force(business_day(now()))
    async with console.services.database.transaction() as session:
        found = await reads.rails(session, rules, now())
        orders = await reads.orders_today(session, now())
        names = await accounts.all_names(session)
    context = RailsContext(
        shell(request, person), found, rules, orders, names, person.may(Permission.SWITCH_RAILS), person.id, refused
    )
    return await console.answer(request, "finance/rails.html", context, status=refused.status)


async def _of(request: Request, *permissions: Permission) -> Person:
    person = await signed_in(request)
    if not any(person.may(one) for one in permissions):
        raise NotAllowed(permission=permissions[0].value)
    return person


def _rail(named: str) -> Rail:
    rail = member_of(Rail, named)
    if rail is None:
        raise NotFound(rail=named[:20])
    return rail


def _switches(console: Console) -> RailSwitches:
    return RailSwitches(console.services.database)
