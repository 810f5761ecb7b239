"""Maintenance of a provider: who may change it, one clear answer for each person, and the steps that follow by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from database.reads.ops import providers as reads
from database.tables.ops.providers import ProviderStepRow, ProviderWindowRow
from database.tables.people import AuditRow
from domain.cards.card import CardType, Stage
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.ops import MaintenanceOverlaps, NotInMaintenance
from domain.errors.people import NotAllowed
from domain.ops.calls import CallEnd
from domain.ops.maintenance import Why, Window, WindowState, rate_of
from services.ops.calls import ProviderCallCounts
from services.ops.maintenance import Maintenance, WindowInput
from services.ops.window_steps import MessageAllowance, WindowSteps
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass
class Desk:
    """Maintenance at a clock that a test moves, and the rates that were asked of the task queues."""

    world: World
    by: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC).replace(second=0, microsecond=0))
    rates: list[float | None] = field(default_factory=list)

    def now(self) -> datetime:
        return self.at

    @property
    def maintenance(self) -> Maintenance:
        return Maintenance(self.world.database, self.now)

    async def _limit(self, windows: Sequence[Window]) -> None:
        self.rates += [rate_of(one, 50.0) for one in windows]

    async def step(self, later: timedelta = timedelta()) -> None:
        self.at += later
        await WindowSteps(self.world.database, self._limit, self.now).step()

    async def window(self, window_id: str) -> ProviderWindowRow:
        [row] = await self.world.rows(ProviderWindowRow, id=window_id)
        assert isinstance(row, ProviderWindowRow)
        return row

    async def state(self, window_id: str) -> tuple[WindowState, int]:
        row = await self.window(window_id)
        return row.state, row.share

    async def called(self, *ends: CallEnd, provider: str = "issuer:jd") -> None:
        counts = ProviderCallCounts(self.world.database, "1@here", self.now)
        for end in ends:
            counts.began(provider)
            counts.ended(provider, end, "timeout", 12, 3)
        await counts.write()

    def wish(self, **more: object) -> WindowInput:
        return replace(WindowInput("issuer:jd", "", "New data centre", None, None), **more)  # type: ignore[arg-type]


@pytest.fixture
async def desk(world: World) -> Desk:
    async with world.database.transaction() as session:
        for table in ("provider_window", "provider_step", "provider_slot", "provider_running"):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # Our own.
    return Desk(world, await world.a_person("ops"))


async def test_calls_are_held_drained_and_resumed_in_stages(desk: Desk) -> None:
    window = await desk.maintenance.begin(desk.by, desk.wish(ends_at=desk.at + HOUR))
    assert await desk.state(window) == (WindowState.DRAINING, 0)
    await desk.step()
    assert await desk.state(window) == (WindowState.DRAINING, 0), "a call may be on its way"
    await desk.step(timedelta(seconds=4))
    assert await desk.state(window) == (WindowState.HELD, 0)
    await desk.step(59 * MINUTE)
    assert (await desk.window(window)).next_at == desk.at + timedelta(seconds=56)
    states = []
    for wait in (MINUTE, MINUTE, MINUTE, 2 * MINUTE):
        await desk.step(wait)
        states.append(await desk.state(window))
    assert states == [
        (WindowState.RESUMING, 1), (WindowState.RESUMING, 10), (WindowState.RESUMING, 100), (WindowState.ENDED, 100),
    ]  # fmt: skip
    assert desk.rates == [0.0, 0.0, 0.0, 1.0, 5.0, None, None]
    steps = await desk.world.rows(ProviderStepRow, window_id=window)
    assert [(one.state.value, one.why.value) for one in sorted(steps, key=lambda one: one.id or 0)] == [
        ("draining", "person"), ("held", "drained"), ("resuming", "time"), ("resuming", "time"), ("resuming", "time"),
        ("ended", "time"),
    ]  # fmt: skip


async def test_a_call_that_runs_may_end_before_the_provider_counts_as_held(desk: Desk) -> None:
    counts = ProviderCallCounts(desk.world.database, "2@here", desk.now)
    counts.began("issuer:jd")
    await counts.write()
    window = await desk.maintenance.begin(desk.by, desk.wish())
    await desk.step(timedelta(seconds=5))
    assert await desk.state(window) == (WindowState.DRAINING, 0)
    counts.ended("issuer:jd", CallEnd.ANSWERED, "", 5_000, 0)
    await counts.write()
    await desk.step(timedelta(seconds=1))
    assert await desk.state(window) == (WindowState.HELD, 0)


@pytest.mark.parametrize(
    ("share", "then"),
    [(1, (WindowState.HELD, 0)), (10, (WindowState.RESUMING, 1)), (100, (WindowState.RESUMING, 10))],
    ids=["one", "ten", "all"],
)
async def test_errors_take_a_resumption_one_stage_back(desk: Desk, share: int, then: tuple[WindowState, int]) -> None:
    window = await desk.maintenance.begin(desk.by, desk.wish())
    await desk.step(10 * MINUTE)
    await desk.maintenance.end(desk.by, window)
    while (await desk.state(window))[1] != share:
        await desk.step(MINUTE)
    desk.at += timedelta(seconds=20)
    await desk.called(CallEnd.TIMEOUT, CallEnd.FAILED, CallEnd.ANSWERED, CallEnd.REFUSED, CallEnd.FAILED)
    await desk.step(timedelta(seconds=1))
    assert await desk.state(window) == then
    row = await desk.window(window)
    assert row.next_at is not None, "it is tried again by itself"
    await desk.step(row.next_at - desk.at)
    assert (await desk.state(window))[0] is WindowState.RESUMING


async def test_refusals_and_single_failures_are_no_errors(desk: Desk) -> None:
    window = await desk.maintenance.begin(desk.by, desk.wish())
    await desk.step(10 * MINUTE)
    await desk.maintenance.end(desk.by, window)
    desk.at += timedelta(seconds=20)
    await desk.called(CallEnd.FAILED, CallEnd.FAILED, *[CallEnd.REFUSED] * 5)
    await desk.step(timedelta(seconds=1))
    assert await desk.state(window) == (WindowState.RESUMING, 1)


async def test_concurrent_start_names_the_first_person(desk: Desk) -> None:
    other = await desk.world.a_person("admin")
    both = await asyncio.gather(
        desk.maintenance.begin(desk.by, desk.wish()), desk.maintenance.begin(other, desk.wish()), return_exceptions=True
    )
    [window] = [one for one in both if isinstance(one, str)]
    [refused] = [one for one in both if isinstance(one, MaintenanceOverlaps)]
    assert (refused.data["by"], refused.data["until"]) == ("Lin", None)
    assert refused.data["since"] == (await desk.window(window)).starts_at


async def test_concurrent_end_reports_that_it_is_resuming(desk: Desk) -> None:
    window = await desk.maintenance.begin(desk.by, desk.wish())
    other = await desk.world.a_person("admin")
    both = await asyncio.gather(
        desk.maintenance.end(desk.by, window), desk.maintenance.end(other, window), return_exceptions=True
    )
    [refused] = [one for one in both if one is not None]
    assert isinstance(refused, NotInMaintenance)
    assert (refused.data["state"], refused.data["by"]) == ("resuming", "Lin")
    ends = [row for row in await desk.world.rows(AuditRow, subject="issuer:jd") if row.facts.get("window") == window]
    assert sorted(row.act for row in ends) == ["console:provider:begin_maintenance", "console:provider:end_maintenance"]


async def test_a_planned_window_begins_automatically_and_may_touch_but_not_overlap_another(desk: Desk) -> None:
    begins, ends = desk.at + 2 * HOUR, desk.at + 4 * HOUR
    window = await desk.maintenance.begin(desk.by, desk.wish(starts_at=begins, ends_at=ends))
    for starts_at, ends_at in ((begins - HOUR, begins + MINUTE), (begins + HOUR, None), (desk.at, None)):
        with pytest.raises(MaintenanceOverlaps):
            await desk.maintenance.begin(desk.by, desk.wish(starts_at=starts_at, ends_at=ends_at))
    await desk.maintenance.begin(desk.by, desk.wish(starts_at=begins - HOUR, ends_at=begins))
    await desk.maintenance.begin(desk.by, desk.wish(provider="payout", starts_at=begins, ends_at=ends))
    await desk.step(90 * MINUTE)
    assert (await desk.state(window))[0] is WindowState.PLANNED
    await desk.step(HOUR)
    assert (await desk.state(window))[0] is WindowState.DRAINING


async def test_another_end_of_a_running_window_counts_and_is_on_record(desk: Desk) -> None:
    window = await desk.maintenance.begin(desk.by, desk.wish(ends_at=desk.at + HOUR))
    await desk.step(MINUTE)
    since = (await desk.window(window)).since
    later, other = desk.at + 3 * HOUR, await desk.world.a_person("admin")
    await desk.maintenance.change_end(other, window, later)
    await desk.maintenance.change_end(other, window, later)
    row = await desk.window(window)
    assert (row.state, row.ends_at, row.next_at, row.since) == (WindowState.HELD, later, later, since)
    async with desk.world.database.transaction() as session:
        shown = reads.delay_of(await reads.delays(session, desk.at), Stage.VERIFICATION, CardType.ECOMMERCE, "jd")
        held = await reads.held_since(session, "issuer:jd", "jd", desk.at)
    assert shown is not None
    assert (shown.until, held.until) == (later, later.isoformat()), "what sellers read and cards wait for"
    await desk.step(2 * HOUR)
    assert (await desk.state(window))[0] is WindowState.HELD, "the first end has passed"
    await desk.maintenance.change_end(other, window, None)
    await desk.step(10 * HOUR)
    assert (await desk.state(window))[0] is WindowState.HELD
    await desk.maintenance.change_end(other, window, desk.at + MINUTE)
    await desk.step(MINUTE)
    assert await desk.state(window) == (WindowState.RESUMING, 1)
    steps = await desk.world.rows(ProviderStepRow, window_id=window, why=Why.END_CHANGED)
    assert [(one.actor, one.ends_at) for one in sorted(steps, key=lambda one: one.id)][:2] == [
        (other, later),
        (other, None),
    ]
    acts = [row for row in await desk.world.rows(AuditRow, subject="issuer:jd") if row.facts.get("window") == window]
    assert [row.act for row in acts].count("console:provider:change_end_of_maintenance") == 3


async def test_invalid_end_is_refused(desk: Desk) -> None:
    begins, ends = desk.at + 2 * HOUR, desk.at + 4 * HOUR
    planned = await desk.maintenance.begin(desk.by, desk.wish(starts_at=begins, ends_at=ends))
    running = await desk.maintenance.begin(desk.by, desk.wish(ends_at=desk.at + HOUR))
    refused: list[tuple[str, str, datetime | None, type[Refusal]]] = [
        (await desk.world.a_person("reviewer"), running, desk.at + MINUTE, NotAllowed),
        (desk.by, "01NOWINDOW", None, NotFound),
        (desk.by, running, desk.at, FieldInvalid),
        (desk.by, running, desk.at + timedelta(days=40), FieldInvalid),
        (desk.by, running, begins + MINUTE, MaintenanceOverlaps),
        (desk.by, running, None, MaintenanceOverlaps),
        (desk.by, planned, begins, FieldInvalid),
    ]
    for by, window, end, kind in refused:
        with pytest.raises(kind):
            await desk.maintenance.change_end(by, window, end)
    assert [(await desk.window(one)).ends_at for one in (planned, running)] == [ends, desk.at + HOUR]
    await desk.maintenance.change_end(desk.by, planned, ends + HOUR)
    await desk.maintenance.change_end(desk.by, running, begins)
    await desk.maintenance.end(desk.by, running)
    with pytest.raises(NotInMaintenance):
        await desk.maintenance.change_end(desk.by, running, None)


async def test_a_window_that_is_cancelled_in_time_holds_nothing(desk: Desk) -> None:
    window = await desk.maintenance.begin(desk.by, desk.wish(starts_at=desk.at + HOUR))
    await desk.maintenance.end(desk.by, window)
    await desk.step(2 * HOUR)
    assert (await desk.state(window))[0] is WindowState.CANCELLED
    assert desk.rates == []


async def test_a_window_keeps_its_moments_when_clocks_go_back_between(desk: Desk) -> None:
    new_york = ZoneInfo("America/New_York")
    desk.at = datetime(2026, 10, 30, tzinfo=UTC)
    begins, ends = datetime(2026, 11, 1, 0, 30, tzinfo=new_york), datetime(2026, 11, 1, 3, 30, tzinfo=new_york)
    window = await desk.maintenance.begin(desk.by, desk.wish(starts_at=begins, ends_at=ends))
    row = await desk.window(window)
    assert row.ends_at is not None
    assert row.ends_at - row.starts_at == 4 * HOUR, "the night had one hour more"


async def test_a_provider_that_is_resumed_can_be_held_again(desk: Desk) -> None:
    first = await desk.maintenance.begin(desk.by, desk.wish())
    await desk.step(10 * MINUTE)
    await desk.maintenance.end(desk.by, first)
    second = await desk.maintenance.begin(desk.by, desk.wish())
    assert (await desk.state(first))[0] is WindowState.ENDED
    assert (await desk.state(second))[0] is WindowState.DRAINING


async def test_invalid_maintenance_acts_are_refused(desk: Desk) -> None:
    reviewer = await desk.world.a_person("reviewer")
    past, far = desk.at - HOUR, desk.at + timedelta(days=400)
    refused: list[tuple[str, WindowInput, type[Refusal]]] = [
        (reviewer, desk.wish(), NotAllowed),
        (desk.by, desk.wish(provider="issuer:nobody"), FieldInvalid),
        (desk.by, desk.wish(provider="nonsense"), FieldInvalid),
        (desk.by, desk.wish(brand="walmart"), FieldInvalid),
        (desk.by, desk.wish(reason="  "), FieldInvalid),
        (desk.by, desk.wish(starts_at=past), FieldInvalid),
        (desk.by, desk.wish(starts_at=far), FieldInvalid),
        (desk.by, desk.wish(ends_at=desk.at), FieldInvalid),
    ]
    for by, wish, kind in refused:
        with pytest.raises(kind):
            await desk.maintenance.begin(by, wish)
    assert await desk.world.rows(ProviderWindowRow) == []


async def test_a_failed_call_to_the_queues_leaves_the_step_to_be_taken_again(desk: Desk) -> None:
    window = await desk.maintenance.begin(desk.by, desk.wish())

    async def away(_: Sequence[Window]) -> None:
        raise ConnectionError

    desk.at += MINUTE
    with pytest.raises(ConnectionError):
        await WindowSteps(desk.world.database, away, desk.now).step()
    assert await desk.state(window) == (WindowState.DRAINING, 0)
    await desk.step()
    assert await desk.state(window) == (WindowState.HELD, 0)


async def test_cards_are_held_since_the_calls_were_and_until_the_planned_end(desk: Desk) -> None:
    begun, ends = desk.at, desk.at + HOUR
    window = await desk.maintenance.begin(desk.by, desk.wish(ends_at=ends))
    async with desk.world.database.transaction() as session:
        held = await reads.held_since(session, "issuer:jd", "jd", begun - HOUR)
        others = await reads.held_since(session, "store:jd", "jd", begun - HOUR)
    assert (held.held, held.until, others.held) == (True, ends.isoformat(), False)
    await desk.maintenance.end(desk.by, window, at_once=True)
    await desk.step(3 * MINUTE)
    async with desk.world.database.transaction() as session:
        over = await reads.held_since(session, "issuer:jd", "jd", begun)
        after = await reads.held_since(session, "issuer:jd", "jd", desk.at + MINUTE)
    assert (over.held, over.until, after.held) == (True, None, False)


async def test_messages_are_held_and_resumed_over_all_processes(desk: Desk) -> None:
    async def left() -> int | None:
        async with desk.world.database.transaction() as session:
            return await MessageAllowance(50.0, desk.now).left(session)

    assert await left() is None
    window = await desk.maintenance.begin(desk.by, desk.wish(provider="messages"))
    assert await left() == 0
    await desk.step(10 * MINUTE)
    await desk.maintenance.end(desk.by, window)
    desk.at += timedelta(seconds=5)
    allowed = await left()
    await desk.called(*[CallEnd.ANSWERED] * 4, provider="messages")
    assert allowed is not None
    assert await left() == allowed - 4
