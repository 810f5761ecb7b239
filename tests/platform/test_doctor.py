"""`doctor` names each fault with its remedy; it needs neither the database nor Temporal."""

from __future__ import annotations

import json
import re
import socket
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from temporalio.client import WorkflowExecutionStatus
from typer.testing import CliRunner

from bootstrap import keys, restored
from bootstrap.doctor.finding import Finding, Verdict, attention, broken, verdict_of
from bootstrap.doctor.local import key_findings, port_findings, restore_findings, settings_findings
from bootstrap.doctor.reader import reader_findings, reader_named
from bootstrap.doctor.stores import database_findings, judged
from bootstrap.doctor.temporal import (
    Drift,
    contradictions,
    idle_queues,
    missing_attributes,
    no_rates,
    of_drift,
    unwatched_tickets,
)
from bootstrap.reconciling import CardState
from bootstrap.settings import Settings
from cli.app import app
from database.session import Database
from domain.ops.health import Found, Measure
from languages import LOCALES
from ocr.calibration import as_json
from ocr.choices import EngineChoice
from tests.builders.provider_keys import lay_their_keys

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
OLD, FRESH = NOW - timedelta(hours=3), NOW - timedelta(seconds=30)
RUNNING, COMPLETED = WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED
TERMINATED = WorkflowExecutionStatus.TERMINATED


def installed(folder: Path, **more: Any) -> Settings:
    """An installation of its own with every key; no demo."""
    settings = Settings(home=folder, demo=False, simulators=False, **more)
    keys.make(settings)
    lay_their_keys(settings)
    return settings


def test_the_engine_that_reads_is_named_with_version_and_weights(settings: Settings, tmp_path: Path) -> None:
    assert re.fullmatch(r"paddleocr \S+ PP-OCRv6 small at 800, weights [0-9a-f]{12}", reader_named(settings))
    assert list(reader_findings(settings)) == []
    tiny = settings.model_copy(update={"reader_engine": EngineChoice.TINY, "home": tmp_path})
    (found,) = reader_findings(tiny)
    assert (found.code, found.verdict) == ("reader_missing", Verdict.BROKEN)
    assert "PP-OCRv6 tiny" in found.said


def test_uncalibrated_engine_is_named(settings: Settings, tmp_path: Path) -> None:
    rapid = settings.model_copy(update={"reader_engine": EngineChoice.RAPID})
    (found,) = reader_findings(rapid)
    assert (found.code, found.verdict) == ("reader_uncalibrated", Verdict.ATTENTION)
    assert reader_named(rapid) in found.said
    table = as_json({}, engine=reader_named(rapid))
    (tmp_path / "rapid.json").write_text(table)
    own = rapid.model_copy(update={"reader_calibrations": tmp_path})
    assert list(reader_findings(own)) == []
    (tmp_path / "other.json").write_text("{}")
    (found,) = reader_findings(own)
    assert (found.code, found.verdict) == ("reader_calibration_unreadable", Verdict.BROKEN)


def codes(findings: object) -> list[str]:
    return [one.code for one in findings]  # type: ignore[attr-defined]


def test_an_installation_that_is_well_has_no_findings(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    assert [*settings_findings(settings), *restore_findings(settings), *key_findings(settings)] == []
    assert list(settings_findings(Settings(home=tmp_path))) == []  # In a demo simulators belong.


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"simulators": True}, "simulators"),
        ({"webhooks_to_private_addresses": True}, "private_webhooks"),
        ({"public_console_url": "https://console.example"}, "cookies"),
    ],
    ids=["simulators", "webhooks", "cookies"],
)
def test_a_setting_that_does_not_fit_is_named(tmp_path: Path, given: Mapping[str, Any], code: str) -> None:
    assert codes(settings_findings(Settings(**{"home": tmp_path, "demo": False, "simulators": False, **given}))) == [
        code
    ]


def test_keys_that_are_missing_damaged_or_open_are_named_and_never_shown(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    (settings.keys / keys.FORM_SECRET).unlink()
    (settings.keys / keys.KEY_RING).write_text('{"current": "hush"}')
    (settings.alipay_keys / keys.ALIPAY_OURS).chmod(0o640)
    found = list(key_findings(settings))
    assert codes(found) == ["keys_missing", "keys_damaged", "keys_readable"]
    assert keys.FORM_SECRET in found[0].said
    assert keys.ALIPAY_OURS in found[2].said
    assert "hush" not in "".join(one.said + one.remedy for one in found)


def test_one_secret_for_all_parties_needs_attention(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    for path in settings.outside_keys.iterdir():
        path.unlink()
    settings.shared_secret_file.write_text("f" * 43)
    settings.shared_secret_file.chmod(0o600)
    keys.ensure(settings)
    assert codes(key_findings(settings)) == ["keys_shared"]


def test_a_restore_that_was_not_reconciled_is_broken(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    restored.mark(settings, NOW.isoformat())
    (found,) = restore_findings(settings)
    assert (found.code, found.verdict) == ("restore_not_reconciled", Verdict.BROKEN)


async def test_a_port_that_another_program_has_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = int(other.getsockname()[1])
        settings = installed(tmp_path, api_port=taken, console_port=1, codec_port=2)
        found = await port_findings(settings)
    assert codes(found) == ["port_taken"]
    assert str(taken) in found[0].said
    assert found[0].remedy == "CARDLOOP_API_PORT=PORT"


async def test_the_database_is_unreachable_behind_ahead_or_well(
    make_migrated: Callable[[str], str], worker: str
) -> None:
    away = Database("postgresql://one:hush@127.0.0.1:1/away", pool_size=1)
    found = await database_findings(away)
    assert codes(found) == ["database_unreachable"]
    assert "hush" not in found[0].said + found[0].remedy
    await away.dispose()
    database = Database(make_migrated(f"doctor_{worker}"), pool_size=2)
    assert await database_findings(database) == []
    for version, code in (("0001", "database_behind"), ("9999", "database_ahead")):
        async with database.transaction() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
        assert codes(await database_findings(database)) == [code]
    await database.dispose()


@pytest.mark.parametrize("locale", LOCALES)
def test_every_measure_that_is_not_well_is_a_finding_but_what_only_a_running_platform_knows(locale: str) -> None:
    bad = [Found(one, None, failed=True, parts={"I5": 2} if one is Measure.INVARIANTS else {}) for one in Measure]
    found = {one.code: one for one in judged(bad, locale)}
    assert found.keys() == {one.value for one in Measure} - {"temporal", "workers"}
    assert "I5" in found["invariants"].said
    assert {one.verdict for one in found.values()} == {Verdict.BROKEN}
    unknown = [Found(one, None) for one in Measure]
    of_unknown = {one.code: one.verdict for one in judged(unknown, locale)}
    assert {"looks", "loops"} & of_unknown.keys() == set()
    assert set(of_unknown.values()) == {Verdict.ATTENTION}
    assert list(judged([Found(Measure.CLOCK, 0.0)], locale)) == []


def test_missing_attributes_idle_queues_and_missing_rates_are_named() -> None:
    assert missing_attributes([]) == idle_queues([]) == no_rates(offered=True) == []
    (rates,) = no_rates(offered=False)
    assert (rates.code, rates.verdict, "1.29.1" in rates.remedy) == ("no_queue_rates", Verdict.ATTENTION, True)
    assert "CardloopStage" in missing_attributes(["CardloopStage"])[0].said
    (found,) = idle_queues(["reading (activity)"])
    assert (found.code, found.verdict) == ("no_worker", Verdict.BROKEN)


@pytest.mark.parametrize(
    ("card", "run", "drift"),
    [
        (None, RUNNING, Drift.NO_CARD),
        (None, COMPLETED, Drift.NO_CARD),
        (CardState(True, False, OLD), COMPLETED, Drift.ENDED_THERE),
        (CardState(True, False, OLD), None, Drift.GONE),
        (CardState(True, False, OLD), TERMINATED, Drift.STOPPED),
        (CardState(True, True, OLD), RUNNING, Drift.RUNS_ON),
        (CardState(True, False, OLD), RUNNING, None),
        (CardState(True, True, OLD), COMPLETED, None),
        (CardState(True, False, FRESH), COMPLETED, None),
        (CardState(False, False, OLD), None, None),
    ],
)
def test_rows_and_workflows_are_compared_both_ways(
    card: CardState | None, run: WorkflowExecutionStatus | None, drift: Drift | None
) -> None:
    found = contradictions({"C": card} if card else {}, {"C": run}, NOW)
    assert list(found.elements()) == ([drift] if drift else [])


def test_each_direction_names_its_repair() -> None:
    older, newer = of_drift(Counter({Drift.NO_CARD: 2, Drift.GONE: 1, Drift.RUNS_ON: 3}))
    assert (older.code, newer.code) == ("database_older", "temporal_older")
    assert older.remedy.endswith("reconcile --after-restore")
    assert newer.remedy.endswith("reconcile")
    assert "2" in older.said
    assert "gone: 1, runs_on: 3" in newer.said
    assert of_drift(Counter()) == []


def test_tickets_that_no_workflow_watches_are_counted() -> None:
    assert unwatched_tickets(0) == []
    (found,) = unwatched_tickets(3)
    assert (found.code, found.verdict) == ("tickets_unwatched", Verdict.ATTENTION)
    assert "3" in found.said


def test_the_exit_code_is_that_of_the_worst_finding() -> None:
    bad, mild = broken("x", "", ""), attention("y", "", "")
    given: list[tuple[list[Finding], int]] = [([], 0), ([mild], 2), ([mild, bad], 1)]
    assert [int(verdict_of(found)) for found, _ in given] == [code for _, code in given]


def test_it_runs_without_a_database_and_without_temporal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path)
    given = {
        "CARDLOOP_HOME": str(tmp_path), "CARDLOOP_DEMO": "false", "CARDLOOP_SIMULATORS": "false",
        "DATABASE_URL": "postgresql://one:hush@127.0.0.1:1/away", "CARDLOOP_TEMPORAL_ADDRESS": "127.0.0.1:1",
        "CARDLOOP_API_PORT": "1", "CARDLOOP_CONSOLE_PORT": "2", "CARDLOOP_CODEC_PORT": "3",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(app, ["doctor", "--json"])
    assert answer.exit_code == 1
    said = json.loads(answer.stdout)
    assert said["verdict"] == "broken"
    assert [one["code"] for one in said["findings"]] == [
        "reader_missing",
        "database_unreachable",
        "temporal_unreachable",
    ]
    assert said["reader"] == ""
    assert "hush" not in answer.output
    plain = CliRunner().invoke(app, ["doctor"])
    assert plain.output.count("  → ") == 3


def test_a_setting_that_cannot_be_read_is_named_and_its_value_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARDLOOP_API_PORT", "hush")
    monkeypatch.setenv("CARDLOOP_SMTP_PORT", "70000")
    answer = CliRunner().invoke(app, ["doctor", "--json"])
    said = json.loads(answer.stdout)["findings"]
    assert answer.exit_code == 1
    assert {one["remedy"].partition("=")[0] for one in said} == {"CARDLOOP_API_PORT", "CARDLOOP_SMTP_PORT"}
    assert "hush" not in answer.output


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
