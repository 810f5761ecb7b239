"""All repairs, and a new one: which runs, which kind with its options, why, and how carefully."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from database.reads.ops import repairs as reads
from database.reads.ops import stuck
from database.reads.people.accounts import all_names
from database.reads.work.reason_codes import reasons as managed_reasons
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.people import NotAllowed
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import RepairKind, RepairState
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.repairs import RepairRules, repairs_in_force
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.ops.repair_form import KindChoice, Typed, as_usual, choices, options_in, plan_of, typed_of
from reviewer_ui.ops.repair_view import Share, shares
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell, signed_in
from services.ops.repairs.sources import Chosen, Named, OfCause, pasted
from web.forms import member_of

router = APIRouter(prefix="/operations/repairs")
SELECTED_MAX = 200  # Runs that an address may name; more are taken as a cause, or pasted.
PASTED_MAX = 2_000_000  # Characters.


async def repair_reader(request: Request) -> Person:
    """Require a person who works in operations, or may be the second person. Refuses NotSignedIn and NotAllowed."""
    person = await signed_in(request)
    if not (person.may(Permission.SEE_OPERATIONS) or person.may(Permission.CONFIRM_REPAIR)):
        raise NotAllowed(permission=Permission.SEE_OPERATIONS.value)
    return person


Reader = Annotated[Person, Depends(repair_reader)]
Repairer = Annotated[Person, Depends(allowed(Permission.REPAIR))]


@dataclass(frozen=True)
class RepairLine:
    """One repair in the list."""

    repair: reads.Repair
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class RepairsContext:
    """The list; `state` is what it is narrowed to, `older` the id that the next page begins after."""

    shell: Shell
    lines: tuple[RepairLine, ...]
    states: tuple[RepairState, ...]
    state: RepairState | None
    waiting: int  # For this person, as the second one.
    names: dict[str, str]
    older: str
    may_repair: bool


@dataclass(frozen=True)
class RepairFormContext:
    """The form of a new repair, or of one that is not submitted yet (`repair_id`)."""

    shell: Shell
    typed: Typed
    kinds: tuple[KindChoice, ...]
    reasons: tuple[ReasonView, ...]
    rules: RepairRules
    cause: stuck.StuckCause | None
    repair_id: str = ""
    refusal: Refusal | None = None


@router.get("")
async def show(
    request: Request, console: At, person: Reader, state: Annotated[str, Query(max_length=20)] = "",
    before: Annotated[str, Query(max_length=26)] = "",
) -> Response:  # fmt: skip
    """List the repairs, newest first."""
    wanted = member_of(RepairState, state)
    async with console.services.database.transaction() as session:
        found = await reads.repairs(session, state=wanted, before=before, limit=reads.PAGE + 1)
        waiting = await reads.waiting_for(session, person.id) if person.may(Permission.CONFIRM_REPAIR) else 0
        names = await all_names(session)
    shown = found[: reads.PAGE]
    context = RepairsContext(
        shell(request, person),
        tuple(RepairLine(one, shares(one.counts)) for one in shown),
        tuple(RepairState),
        wanted,
        waiting,
        names,
        shown[-1].row.id if len(found) > reads.PAGE else "",
        person.may(Permission.REPAIR),
    )
    return await console.answer(request, "ops/repairs.html", context, block="repairs")


@router.get("/new")
async def new(
    request: Request, console: At, person: Repairer, run: Annotated[Sequence[str], Query(max_length=SELECTED_MAX)] = (),
    cause: Annotated[str, Query(max_length=200)] = "", kind: Annotated[str, Query(max_length=40)] = "",
) -> Response:  # fmt: skip
    """Show the empty form, for the runs that were selected on another page."""
    typed = as_usual(rules(), "" if cause else "\n".join(run), cause, kind)
    return await _form(request, console, person, typed, choices())


@router.post("")
async def draft(request: Request, console: At, person: Repairer) -> Response:
    """Draft the repair and judge its runs; nothing is done to any of them yet."""
    form = await request.form()
    try:
        repair_id = await console.repairs.draft(person.id, plan_of(form), chosen_in(form))
        await console.repairs.preview(person.id, repair_id)
    except Refusal as refused:
        return await refused_form(request, console, person, form, refused)
    return see_other(f"/operations/repairs/{repair_id}")


async def refused_form(
    request: Request, console: Console, person: Person, form: FormData, refused: Refusal, repair_id: str = ""
) -> Response:
    """Render the form as it was filled in, with what is wrong with it."""
    typed = typed_of(form)
    given: dict[str, Any] = {}
    if (kind := member_of(RepairKind, typed.kind)) is not None and kind in KINDS:
        given = _as_typed(form, kind)
    return await _form(
        request, console, person, typed, choices(given, typed.kind), refusal=refused, repair_id=repair_id
    )


async def changed_form(
    request: Request, console: Console, person: Person, typed: Typed, kinds: tuple[KindChoice, ...], repair_id: str
) -> Response:
    """Render the form of an existing repair."""
    return await _form(request, console, person, typed, kinds, repair_id=repair_id)


def rules() -> RepairRules:
    """Return the rules that hold today."""
    return repairs_in_force(business_day(now()))


def chosen_in(form: FormData) -> Chosen:
    """Return which runs the form is about: all of a cause, or those that it names."""
    cause = str(form.get("cause", ""))
    return OfCause(cause) if cause else Named(pasted(str(form.get("runs", ""))[:PASTED_MAX]))


def _as_typed(form: FormData, kind: RepairKind) -> dict[str, Any]:
    try:
        return options_in(form, kind)
    except Refusal:  # The refusal names the invalid number; its field has the default again.
        return {}


async def _form(
    request: Request, console: Console, person: Person, typed: Typed, kinds: tuple[KindChoice, ...],
    *, refusal: Refusal | None = None, repair_id: str = "",
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        reasons = (await managed_reasons(session))[ReasonedAct.REPAIR]
        cause = await stuck.cause(session, typed.cause, now()) if typed.cause else None
    context = RepairFormContext(
        shell(request, person, "/operations/repairs/new"),
        typed,
        kinds,
        tuple(reason_view(one) for one in reasons),
        rules(),
        cause,
        repair_id,
    )
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "ops/repair_form.html", replace(context, refusal=refusal), status=status)
