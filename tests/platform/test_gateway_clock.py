"""A worker compares its clock with the payment gateway's: it logs a difference, notifies operations, and continues."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from structlog.testing import capture_logs

from bootstrap import clock
from database.tables.notices import NoticeRow
from tests.builders.world import World
from tests.gateways.clocks import a_gateway_at, settings_with


async def test_a_worker_whose_clock_is_off_the_gateway_s_says_so_and_tells_operations_once(
    world: World, tmp_path: Path
) -> None:
    ops, senior = await world.a_person("ops"), await world.a_person("senior")
    async with a_gateway_at(datetime.now(UTC) + timedelta(minutes=10)) as gateway:
        settings = settings_with(tmp_path, gateway)
        with capture_logs() as logs:
            assert [await clock.compare_with_gateway(settings, world.database) for _ in range(2)] == [1, 1]
    assert [(one["event"], one["against"], one["log_level"]) for one in logs] == [
        ("clock_off", "payment gateway", "error")
    ] * 2
    (notice,) = await world.rows(NoticeRow, person_id=ops, kind="clock")
    assert 595 < int(notice.facts["seconds"]) < 605
    assert await world.rows(NoticeRow, person_id=senior, kind="clock") == []


async def test_a_gateway_that_agrees_or_says_nothing_is_no_alarm(world: World, tmp_path: Path) -> None:
    ops = await world.a_person("ops")
    async with a_gateway_at(datetime.now(UTC)) as gateway:
        settings = settings_with(tmp_path, gateway)
        assert await clock.compare_with_gateway(settings, world.database) == 0
    assert await clock.compare_with_gateway(settings, world.database) == 0
    assert await world.rows(NoticeRow, person_id=ops, kind="clock") == []
