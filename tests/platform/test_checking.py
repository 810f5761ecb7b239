"""What must always hold is asked of an installation by a command that ends with 1 when something is broken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from activities.cards import Journey
from bootstrap import clock, keys
from bootstrap.settings import Settings
from bootstrap.words import Problem
from cli.app import app
from database.session import Database
from database.tables.columns import now
from database.tables.work import ClockIntervalRow
from domain.cards.card import EndReason, Outcome
from domain.identifiers import new_id
from domain.work.deadlines import ClockOwner
from tests.builders.provider_keys import lay_their_keys
from tests.database.builders import a_card
from tests.gateways.clocks import a_gateway_at, settings_with
from tests.slowness import patience


async def test_a_clock_that_runs_on_is_named_and_the_command_fails(
    make_migrated: Callable[[str], str], worker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_migrated(f"checked_{worker}")
    given = {
        "CARDLOOP_HOME": str(tmp_path), "CARDLOOP_DEMO": "false", "DATABASE_URL": url,
        "CARDLOOP_TEMPORAL_ADDRESS": "127.0.0.1:1", "CARDLOOP_ALIPAY_URL": "http://127.0.0.1:1/",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    keys.make(settings)
    lay_their_keys(settings)
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


async def test_a_clock_that_is_off_is_named_and_stops_the_worker(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Database(database_url)
    assert abs(await clock.off_database_s(store)) < 5
    await clock.require(store)
    true_time = time.time
    monkeypatch.setattr(clock, "LOOK_S", 0.01)
    monkeypatch.setattr(time, "time", lambda: true_time() - 2400)
    with pytest.raises(Problem, match="2400 seconds off"):
        await asyncio.wait_for(clock.watch(store), patience(5))
    await store.dispose()


async def test_the_payment_gateway_s_clock_is_read_from_its_answer(tmp_path: Path) -> None:
    async with a_gateway_at(datetime.now(UTC) - timedelta(minutes=40)) as gateway:
        settings = settings_with(tmp_path, gateway)
        off_s = await clock.off_gateway_s(settings)
    assert off_s is not None
    assert 2395 < off_s < 2410
    assert await clock.off_gateway_s(settings) is None
