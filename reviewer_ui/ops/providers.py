"""Providers: how their calls fare, and their maintenance, which is begun, planned and ended here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.ops import providers as reads
from database.reads.ops import queues as queue_reads
from database.reads.people.accounts import all_names
from database.tables.columns import now
from database.tables.ops.providers import ProviderStepRow, ProviderWindowRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.money import Money
from domain.ops.calls import NO_CALLS, Tally
from domain.ops.maintenance import ACTIVE, HOLDING, REASON_MAX, SHARES, WindowState
from domain.ops.providers import OF_ISSUERS, Provider, ProviderKind, provider_named
from domain.ops.runs import provider_asked_on
from domain.people.roles import Permission
from domain.rules.brands import brands_of_issuer, issuers, providers
from domain.work.snooze import local_moment
from reviewer_ui.brand_names import brand_names
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.ops.calls import whom
from services.ops.maintenance import WindowInput
from web.words import zone_of

router = APIRouter(prefix="/operations/providers")
Operator = Annotated[Person, Depends(allowed(Permission.SEE_OPERATIONS))]
Manager = Annotated[Person, Depends(allowed(Permission.MANAGE_PROVIDERS))]
Line = Annotated[str, Form(max_length=80)]
Words = Annotated[str, Form(max_length=REASON_MAX * 2)]
MEDIAN, SLOW = 0.5, 0.95


@dataclass(frozen=True)
class CallsView:
    """What calls came to: lately (a quarter of an hour) and today in the office."""

    success_percent: float | None
    p50_ms: int | None
    p95_ms: int | None
    lately: int
    timeouts: int
    refused: int
    today: int
    cost: Money


@dataclass(frozen=True)
class ProviderView:
    """One provider. `open_until` is None while its breaker lets calls through; `waiting` counts tasks that wait for it."""

    id: str
    kind: str
    issuer: str
    calls: CallsView
    open_until: datetime | None
    failures: int
    window: ProviderWindowRow | None  # In force, else the next planned one.
    last: reads.Failure | None
    waiting: int
    per_s: float | None


@dataclass(frozen=True)
class ProvidersContext:
    """Every provider, those that need attention first."""

    shell: Shell
    lines: tuple[ProviderView, ...]
    brands: dict[str, dict[str, str]]


@dataclass(frozen=True)
class WindowView:
    """One window with its changes, the newest first, and what may be done with it now; `end` is as a form has it."""

    row: ProviderWindowRow
    by: str
    steps: tuple[tuple[ProviderStepRow, str], ...]
    may_end: bool
    may_end_at_once: bool
    may_change_end: bool
    end: str
    next_share: int  # Percent, at its next step; 0: none follows automatically.


@dataclass(frozen=True)
class WindowForm:
    """What was typed for a new window, moments on the person's own clock."""

    reason: str = ""
    starts_at: str = ""
    ends_at: str = ""
    brand: str = ""


@dataclass(frozen=True)
class ProviderContext:
    """One provider: figures by brand, open windows, the form for another, and what was before."""

    shell: Shell
    view: ProviderView
    by_brand: Mapping[str, CallsView]
    windows: tuple[WindowView, ...]
    past: tuple[WindowView, ...]
    by_workers: bool  # Temporal's server holds no queue: the workers hold the calls.
    choices: tuple[str, ...]  # Brands that can be held alone.
    may_manage: bool
    form: WindowForm
    refusal: Refusal | None
    timezone: str
    brands: dict[str, dict[str, str]]


@router.get("")
async def show(request: Request, console: At, person: Operator) -> Response:
    """Every provider with the figures of its calls."""
    async with console.services.database.transaction() as session:
        lines = await _views(session, console, providers())
    order = sorted(lines, key=lambda one: (one.window is None, one.open_until is None))
    context = ProvidersContext(shell(request, person), tuple(order), brand_names())
    return await console.answer(request, "ops/providers.html", context, block="lines")


@router.get("/{provider}")
async def one(request: Request, console: At, person: Operator, provider: str) -> Response:
    """One provider. Refuses NotFound."""
    return await _page(request, console, person, provider, WindowForm(), None)


@router.post("/{provider}/maintenance")
async def begin(
    request: Request,
    console: At,
    person: Manager,
    provider: str,
    reason: Words = "",
    starts_at: Line = "",
    ends_at: Line = "",
    brand: Line = "",
) -> Response:
    """Put it into maintenance, now or as planned; a refusal brings the page back with what was typed."""
    form = WindowForm(reason, starts_at, ends_at, brand)
    _named(provider)
    try:
        await console.maintenance.begin(person.id, _window_input(provider, form, person.timezone))
    except Refusal as refusal:
        return await _page(request, console, person, provider, form, refusal)
    return see_other(f"/operations/providers/{provider}")


@router.post("/{provider}/maintenance/{window_id}/end")
async def end(
    request: Request, console: At, person: Manager, provider: str, window_id: str, at_once: Line = ""
) -> Response:
    """Resume the provider by degrees, or at once; cancel what has not begun."""
    _named(provider)
    try:
        await console.maintenance.end(person.id, window_id, at_once=at_once == "yes")
    except NotFound:
        raise
    except Refusal as refusal:
        return await _page(request, console, person, provider, WindowForm(), refusal)
    return see_other(f"/operations/providers/{provider}")


@router.post("/{provider}/maintenance/{window_id}/change-end")
async def change_end(
    request: Request, console: At, person: Manager, provider: str, window_id: str, ends_at: Line = ""
) -> Response:
    """Give a planned or running window another end; none: until a person ends it."""
    _named(provider)
    try:
        await console.maintenance.change_end(person.id, window_id, _moment(ends_at, person.timezone, "ends_at"))
    except NotFound:
        raise
    except Refusal as refusal:
        return await _page(request, console, person, provider, WindowForm(), refusal, {window_id: ends_at})
    return see_other(f"/operations/providers/{provider}")


async def _page(
    request: Request,
    console: Console,
    person: Person,
    provider: str,
    form: WindowForm,
    refusal: Refusal | None,
    typed_ends: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    named = _named(provider)
    async with console.services.database.transaction() as session:
        [view] = await _views(session, console, (named,))
        sums = (await reads.call_sums(session, now())).get(provider, reads.NO_SUMS)
        windows = await reads.open_windows(session, provider)
        past = await reads.past_windows(session, provider)
        steps = await reads.steps_of(session, (*windows, *past))
        by_workers = not await reads.server_keeps_rates(session)
        names = await all_names(session)
    brands = brands_of_issuer(named.issuer) if named.issuer else ()
    context = ProviderContext(
        shell=shell(request, person),
        view=view,
        by_brand={
            code: _calls(sums.lately.get(code), sums.today.get(code)) for code in sorted({*sums.lately, *sums.today})
        },
        windows=tuple(
            _window(row, steps[row.id], names, typed_ends.get(row.id, _local(row, person))) for row in windows
        ),
        past=tuple(_window(row, steps[row.id], names, "") for row in past),
        by_workers=by_workers and named.kind is not ProviderKind.MESSAGES,
        choices=brands if len(brands) > 1 else (),
        may_manage=person.may(Permission.MANAGE_PROVIDERS),
        form=form,
        refusal=refusal,
        timezone=person.timezone,
        brands=brand_names(),
    )
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "ops/provider.html", context, block="figures", status=status)


def _named(provider: str) -> Provider:
    """Refuses NotFound for what is no provider of today's catalogue."""
    found = provider_named(provider)
    if found is None or (found.kind in OF_ISSUERS and found.issuer not in issuers()):
        raise NotFound(provider=provider[:60])
    return found


def _window_input(provider: str, form: WindowForm, timezone: str) -> WindowInput:
    starts_at, ends_at = _moment(form.starts_at, timezone, "starts_at"), _moment(form.ends_at, timezone, "ends_at")
    return WindowInput(provider, form.brand, form.reason, starts_at, ends_at)


def _moment(typed: str, timezone: str, field: str) -> datetime | None:
    """None where nothing was typed. Refuses FieldInvalid for what is no moment on the person's own clock."""
    return local_moment(typed, zone_of(timezone), field) if typed.strip() else None


async def _views(session: AsyncSession, console: Console, wanted: Sequence[Provider]) -> list[ProviderView]:
    moment = now()
    sums = await reads.call_sums(session, moment)
    circuits = await reads.breakers(session)
    windows = await reads.open_windows(session)
    waiting: dict[str, int] = {}
    for queue in await queue_reads.queues(session):
        if queue.kind == "activity":
            asked = provider_asked_on(queue.queue)
            waiting[asked] = waiting.get(asked, 0) + queue.backlog
    usual = console.services.calls_per_second
    found = []
    for provider in wanted:
        of_provider = sums.get(provider.id, reads.NO_SUMS)
        broken = [one for one in circuits if whom(one.name)[0] == provider.id]
        ends = [one.open_until for one in broken if one.open_until is not None and one.open_until > moment]
        own = sorted(
            (one for one in windows if one.provider == provider.id),
            key=lambda one: (one.state not in ACTIVE, one.starts_at),
        )
        view = ProviderView(
            id=provider.id, kind=provider.kind.value, issuer=provider.issuer,
            calls=_calls(of_provider.all_lately, of_provider.all_today),
            open_until=max(ends, default=None), failures=max((one.failures for one in broken), default=0),
            window=own[0] if own else None, last=of_provider.failures[0] if of_provider.failures else None,
            waiting=waiting.get(provider.id, 0), per_s=None if usual is None else usual(provider),
        )  # fmt: skip
        found.append(view)
    return found


def _calls(lately: Tally | None, today: Tally | None) -> CallsView:
    lately, today = lately or NO_CALLS, today or NO_CALLS
    return CallsView(
        lately.success_percent, lately.percentile_ms(MEDIAN), lately.percentile_ms(SLOW), lately.calls, lately.timeouts,
        lately.refused, today.calls, Money(today.cost_fen),
    )  # fmt: skip


def _local(row: ProviderWindowRow, person: Person) -> str:
    """The window's end as a field for a moment has it; empty where it is open."""
    return "" if row.ends_at is None else row.ends_at.astimezone(zone_of(person.timezone)).strftime("%Y-%m-%dT%H:%M")


def _window(row: ProviderWindowRow, steps: Sequence[ProviderStepRow], names: Mapping[str, str], end: str) -> WindowView:
    resuming = row.state is WindowState.RESUMING
    return WindowView(
        row,
        names.get(row.created_by, row.created_by),
        tuple((one, names.get(one.actor, one.actor)) for one in steps),
        may_end=row.state is WindowState.PLANNED or row.state in HOLDING,
        may_change_end=row.state is WindowState.PLANNED or row.state in HOLDING,
        end=end,
        may_end_at_once=row.state in HOLDING or (resuming and row.share < SHARES[-1]),
        next_share=_next_share(row),
    )


def _next_share(row: ProviderWindowRow) -> int:
    if row.next_at is None or row.state is WindowState.DRAINING:
        return 0
    if row.state is WindowState.RESUMING and row.share < SHARES[-1]:
        return SHARES[SHARES.index(row.share) + 1]
    return SHARES[0] if row.state is WindowState.HELD else 0
