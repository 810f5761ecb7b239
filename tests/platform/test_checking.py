"""What must always hold is asked of an installation by a command that ends with 1 when something is broken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from shutil import copy

import pytest
from typer.testing import CliRunner

from activities.journey import Journey
from bootstrap import keys
from bootstrap.settings import Settings
from cli.app import app
from database.migrate import upgrade
from database.session import Database
from database.tables.columns import now
from database.tables.deadlines import ClockIntervalRow
from domain.cards import EndReason, Outcome
from domain.deadlines import ClockOwner
from domain.identifiers import new_id
from tests.conftest import apart
from tests.database.builders import a_card


async def test_a_clock_that_runs_on_is_named_and_the_command_fails(
    make_database: Callable[[str], str], worker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database(f"checked_{worker}")
    await asyncio.to_thread(apart, lambda: upgrade(url))
    given = {
        "CARDLOOP_HOME": str(tmp_path), "CARDLOOP_DEMO": "false", "DATABASE_URL": url,
        "CARDLOOP_TEMPORAL_ADDRESS": "127.0.0.1:1", "CARDLOOP_ALIPAY_URL": "http://127.0.0.1:1/",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    keys.make(settings)
    copy(settings.alipay_keys / keys.ALIPAY_OURS_PUBLIC, settings.alipay_keys / keys.ALIPAY_THEIRS)
    database = Database(url)
    async with database.transaction() as session:
        card = (await a_card(session)).id
    await Journey(database).end(card, Outcome.LAPSED, EndReason.NO_ANSWER, None)
    well = await asyncio.to_thread(CliRunner().invoke, app, ["check", "--rows-only"])
    assert (well.exit_code, well.output) == (0, "")
    late = ClockIntervalRow(
        id=new_id(), card_id=card, task_id="x", owner=ClockOwner.MACHINE, runs=False, started_at=now()
    )  # fmt: skip
    async with database.transaction() as session:
        session.add(late)
    await database.dispose()
    broken = await asyncio.to_thread(CliRunner().invoke, app, ["check", "--rows-only"])
    assert broken.exit_code == 1
    alone = await asyncio.to_thread(CliRunner().invoke, app, ["check"])
    assert [line[:4] for line in alone.output.splitlines()] == ["I11 ", "I12 ", "I12 "]  # Nobody else could be asked.
    assert broken.output.splitlines() == [f"I11 card {card} has ended and is still the time of machine"]
