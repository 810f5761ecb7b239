"""One repair: its preview, the second person's answer, its progress, and the result of each run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.ops import repairs as reads
from database.reads.people.accounts import all_names
from database.reads.work.reason_codes import reasons as managed_reasons
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.ops.repair_kinds import KINDS, KindOfRepair
from domain.ops.repairs import NOT_CURED, OVER, PREPARING, UNDER_WAY, ItemState, RepairState
from domain.people.roles import Permission
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.brand_names import brand_names
from reviewer_ui.ops.repair_form import OptionField, as_planned, choices, plan_of
from reviewer_ui.ops.repair_view import ItemView, Share, item_views, shares
from reviewer_ui.ops.repairs import Reader, Repairer, changed_form, refused_form, rules
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.ops.repairs.desk import Repairs
from web.forms import member_of
from web.locale import locale_of

router = APIRouter(prefix="/operations/repairs/{repair_id}")
Confirmer = Annotated[Person, Depends(allowed(Permission.CONFIRM_REPAIR))]
Short = Annotated[str, Query(max_length=60)]
Act = Callable[[Repairs, str, str], Awaitable[object]]  # Of a person on a repair, both by id.
LEFT_TO_DO = frozenset({ItemState.LEFT, *NOT_CURED})


@dataclass(frozen=True)
class Narrowed:
    """Which items are shown: of a state, left out for a reason, or failed by an error."""

    state: ItemState | None = None
    reason: str = ""
    error: str = ""

    @property
    def query(self) -> str:
        """Return the address's part that asks for the same again; empty for all items."""
        if self.reason:
            return f"reason={self.reason}"
        if self.error:
            return f"error={self.error}"
        return f"state={self.state.value}" if self.state else ""


@dataclass(frozen=True)
class MayDo:
    """What this person may do with the repair as it is now."""

    prepare: bool
    submit: bool
    decide: bool
    suspend: bool
    resume: bool
    cancel: bool
    retry: bool


@dataclass(frozen=True)
class RepairContext:
    """One repair; `alone`: no second person is needed; `own`: the second person must be another."""

    shell: Shell
    repair: reads.Repair
    declared: KindOfRepair
    options: tuple[OptionField, ...]
    shares: tuple[Share, ...]
    items: tuple[ItemView, ...]
    narrowed: Narrowed
    after: int
    more: int
    names: dict[str, str]
    brands: dict[str, dict[str, str]]
    reason: ReasonView | None
    may: MayDo
    own: bool
    alone: bool
    moving: bool
    refusal: Refusal | None = None


@router.get("")
async def show(
    request: Request, console: At, person: Reader, repair_id: str, state: Short = "", reason: Short = "",
    error: Short = "", after: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> Response:  # fmt: skip
    """Show the repair with a page of its runs. Refuses NotFound."""
    narrowed = Narrowed(member_of(ItemState, state), reason, error)
    return await _page(request, console, person, repair_id, narrowed, after)


@router.get("/plan")
async def plan(request: Request, console: At, person: Repairer, repair_id: str) -> Response:
    """Show the form of a repair that is not submitted. Refuses NotFound."""
    async with console.services.database.transaction() as session:
        row = (await _found(session, repair_id)).row
    kinds = choices(row.options, row.kind)
    return await changed_form(request, console, person, as_planned(row), kinds, row.id)


@router.post("/plan")
async def change(request: Request, console: At, person: Repairer, repair_id: str) -> Response:
    """Keep another plan and judge the runs by it."""
    form = await request.form()
    try:
        await console.repairs.change(person.id, repair_id, plan_of(form))
        await console.repairs.preview(person.id, repair_id)
    except Refusal as refused:
        return await refused_form(request, console, person, form, refused, repair_id)
    return see_other(f"/operations/repairs/{repair_id}")


@router.post("/retry")
async def retry(request: Request, console: At, person: Repairer, repair_id: str) -> Response:
    """Draft a repair of what this one did not cure."""
    try:
        again = await console.repairs.retry_failed(person.id, repair_id)
        await console.repairs.preview(person.id, again)
    except Refusal as refused:
        return await _page(request, console, person, repair_id, Narrowed(), 0, refused)
    return see_other(f"/operations/repairs/{again}")


async def _pressed(request: Request, console: Console, person: Person, repair_id: str, act: Act) -> Response:
    """Do it and lead back; pressed too late, the page says what the repair has come to."""
    try:
        await act(console.repairs, person.id, repair_id)
    except Refusal as refused:
        return await _page(request, console, person, repair_id, Narrowed(), 0, refused)
    return see_other(f"/operations/repairs/{repair_id}")


def _of_repairers(act: Act) -> Callable[..., Awaitable[Response]]:
    async def pressed(request: Request, console: At, person: Repairer, repair_id: str) -> Response:
        return await _pressed(request, console, person, repair_id, act)

    return pressed


def _of_second_people(act: Act) -> Callable[..., Awaitable[Response]]:
    async def pressed(request: Request, console: At, person: Confirmer, repair_id: str) -> Response:
        return await _pressed(request, console, person, repair_id, act)

    return pressed


# Each button of the page by its address: what `Repairs` does for it, and who may press it.
BUTTONS = {
    "preview": _of_repairers(Repairs.preview),
    "submit": _of_repairers(Repairs.submit),
    "agree": _of_second_people(Repairs.agree),
    "refuse": _of_second_people(Repairs.refuse),
    "suspend": _of_repairers(Repairs.suspend),
    "resume": _of_repairers(Repairs.resume),
    "cancel": _of_repairers(Repairs.cancel),
}
for _name, _endpoint in BUTTONS.items():
    router.add_api_route(f"/{_name}", _endpoint, methods=["POST"], name=_name)


async def _page(
    request: Request, console: Console, person: Person, repair_id: str, narrowed: Narrowed, after: int,
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await _found(session, repair_id)
        rows = await reads.items(
            session, repair_id, state=narrowed.state, reason=narrowed.reason, error=narrowed.error, after=after,
            limit=reads.PAGE + 1,
        )  # fmt: skip
        names = await all_names(session)
        reasons = (await managed_reasons(session))[ReasonedAct.REPAIR]
    row, declared, brands = found.row, KINDS[found.row.kind], brand_names()
    shown = rows[: reads.PAGE]
    options = next(one.options for one in choices(row.options, row.kind) if one.kind is row.kind)
    own = person.id in row.makers
    context = RepairContext(
        shell=shell(request, person, f"/operations/repairs/{repair_id}"),
        repair=found,
        declared=declared,
        options=options,
        shares=shares(found.counts),
        items=item_views(shown, locale_of(request), names, brands),
        narrowed=narrowed,
        after=after,
        more=shown[-1].place if len(rows) > reads.PAGE else 0,
        names=names,
        brands=brands,
        reason=next((reason_view(one) for one in reasons if one.code == row.reason_code), None),
        may=_may(person, found, own=own),
        own=own,
        alone=not declared.always_two and found.counts.of(ItemState.WAITING) <= rules().alone_max,
        moving=row.state is RepairState.RUNNING or row.heard_revision < row.revision,
        refusal=refusal,
    )
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "ops/repair.html", context, block="repair", status=status)


async def _found(session: AsyncSession, repair_id: str) -> reads.Repair:
    found = await reads.repair(session, repair_id)
    if found is None:
        raise NotFound(repair=repair_id[:26])
    return found


def _may(person: Person, found: reads.Repair, *, own: bool) -> MayDo:
    state, repairs = found.row.state, person.may(Permission.REPAIR)
    also = KINDS[found.row.kind].agreeing
    agrees = person.may(Permission.CONFIRM_REPAIR) and (also is None or person.may(also))
    return MayDo(
        prepare=repairs and state in PREPARING,
        submit=repairs and state is RepairState.PREVIEWED and found.counts.of(ItemState.WAITING) > 0,
        decide=agrees and not own and state is RepairState.WAITING,
        suspend=repairs and state is RepairState.RUNNING,
        resume=repairs and state is RepairState.SUSPENDED,
        cancel=repairs and (state in PREPARING | UNDER_WAY or state is RepairState.WAITING),
        retry=repairs and state in OVER and found.counts.of(*LEFT_TO_DO) > 0,
    )
