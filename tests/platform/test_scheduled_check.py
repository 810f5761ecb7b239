"""The invariants are checked from time to time by a process of its own, once for all workers; checks and backups are recorded."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import delete, select

from bootstrap import checking, keys
from bootstrap.backup import Manifest
from bootstrap.backup_record import record_backup
from bootstrap.scheduled_check import ScheduledCheck
from bootstrap.settings import Settings
from database.session import Database
from database.tables.ops.health import UpkeepRow
from database.tables.ops.runs import RunWatchRow
from domain.ops.health import Upkeep
from tests.builders.provider_keys import lay_their_keys
from tests.slowness import patience

HANGS = (sys.executable, "-c", "import time; time.sleep(60)")


def marks(path: Path) -> tuple[str, ...]:
    return (sys.executable, "-c", f"open({str(path)!r}, 'a').write('x')")


@pytest_asyncio.fixture
async def store(make_migrated: Callable[[str], str], worker: str) -> AsyncIterator[Database]:
    database = Database(make_migrated(f"scheduled_{worker}"), pool_size=4)
    yield database
    await database.dispose()


async def test_of_two_processes_one_checks_and_not_again_at_once(store: Database, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    both = [ScheduledCheck(store, marks(ran), settling_s=0) for _ in range(2)]
    assert sorted(await asyncio.gather(*(one.look() for one in both))) == [0, 1]
    assert [await one.look() for one in both] == [0, 0]
    await asyncio.gather(*(one.ended() for one in both))
    assert ran.read_text() == "x"


async def test_a_process_that_has_just_started_has_other_work(store: Database, tmp_path: Path) -> None:
    assert await ScheduledCheck(store, marks(tmp_path / "ran")).look() == 0
    assert not (tmp_path / "ran").exists()


async def test_a_check_that_takes_too_long_is_ended(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bootstrap.scheduled_check.AT_MOST_S", 0.2)
    check = ScheduledCheck(store, HANGS, settling_s=0)
    async with store.transaction() as session:
        await session.execute(delete(RunWatchRow))
    async with asyncio.timeout(patience(20)):
        assert [await check.look(), await check.look()] == [1, 0]
        await check.ended()


async def test_a_whole_check_and_a_backup_are_recorded(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "CARDLOOP_HOME": str(tmp_path), "CARDLOOP_DEMO": "false",
        "DATABASE_URL": store.engine.url.render_as_string(hide_password=False),
        "CARDLOOP_TEMPORAL_ADDRESS": "127.0.0.1:1", "CARDLOOP_ALIPAY_URL": "http://127.0.0.1:1/",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    keys.make(settings)
    lay_their_keys(settings)
    async with store.transaction() as session:
        await session.execute(delete(UpkeepRow))
    assert await checking.violations(settings, rows_only=True) == []  # Rows alone are no whole check.
    found = await checking.violations(settings)
    await record_backup(settings, Manifest(1, "2026-11-29T02:00:00+00:00", {"database.dump": ""}))
    async with store.transaction() as session:
        check, backup = (await session.execute(select(UpkeepRow).order_by(UpkeepRow.ended_at))).scalars()
    assert (check.kind, check.found["violations"]) == (Upkeep.CHECK, {"I12": len(found)})
    assert (backup.kind, backup.began_at.isoformat()) == (Upkeep.BACKUP, "2026-11-29T02:00:00+00:00")
