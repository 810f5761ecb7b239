"""What the processes of a whole platform really tell: every metric that rules and dashboard name, and lines of JSON without secrets."""

from __future__ import annotations

import json

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bootstrap.store import database
from bootstrap.telemetry.listener import STEPS, metrics_port
from database.reads.ops.workers import process
from database.tables.columns import now
from domain.identifiers import is_id
from domain.ops.workers import WorkerState
from tests.platform.observability import used
from tests.whole import WHOLE, WholePlatform, jd_card, until

pytestmark = [WHOLE, pytest.mark.timeout(180), pytest.mark.asyncio(loop_scope="session")]
BY_PROMETHEUS = {"up"}  # Made by the scrape itself.
LOGS = ("api", "console", "codec", "worker-cards", "worker-reading")


async def scraped(whole: WholePlatform) -> dict[str, str]:
    """Each program's own metrics."""
    found = {}
    async with httpx.AsyncClient(timeout=10) as client:
        for program in STEPS:
            port = metrics_port(whole.settings, program)
            found[program] = (await client.get(f"http://127.0.0.1:{port}/metrics")).text
    return found


def names(text: str) -> set[str]:
    """Every name that Prometheus would know: of the series that are there, and of families that have none yet."""
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {
        name
        for family in text_string_to_metric_families(text)
        for name in (
            *(f"{family.name}{end}" for end in suffixes.get(family.type, ())),
            *(one.name for one in family.samples),
        )
    }


async def test_the_processes_export_every_metric_that_rules_and_dashboard_name(whole: WholePlatform) -> None:
    sample = jd_card()
    card_id = await whole.hand_in(sample)
    await whole.paid(card_id)
    wanted, seen = {name for name in used() if name not in BY_PROMETHEUS}, dict[str, str]()

    async def all_there() -> bool:
        seen.update(await scraped(whole))
        return wanted <= set().union(*map(names, seen.values()))

    await until(all_there, 40, lambda: wanted - set().union(*map(names, seen.values())))
    everything = "\n".join(seen.values())
    assert all("cardloop_loop_lag_seconds" in text or program == "codec" for program, text in seen.items())
    assert all("process_resident_memory_bytes" in text for text in seen.values())
    assert 'cardloop_payouts_total{outcome="paid"}' in seen["cards"]
    assert 'cardloop_activity_attempts_total{activity="payout.send",outcome="passed"}' in seen["cards"]
    assert 'cardloop_workers{kind="cards",state="working"} 1.0' in seen["console"]
    for secret in (sample.number, card_id, *(str(word) for word in whole.secrets().values() if isinstance(word, str))):
        assert secret not in everything
    labels = [one.labels for family in text_string_to_metric_families(everything) for one in family.samples]
    assert [one for one in labels if any(is_id(value.rpartition(":")[2]) for value in one.values())] == []
    assert len(labels) < 6_000


async def test_outsiders_find_no_metrics_on_the_public_ports(whole: WholePlatform) -> None:
    async with httpx.AsyncClient(timeout=10) as client:
        for port in (whole.settings.api_port, whole.settings.console_port, whole.settings.codec_port):
            answer = await client.get(f"http://127.0.0.1:{port}/metrics")
            assert (answer.status_code, "cardloop_http" in answer.text) == (404, False)


async def test_every_process_logs_lines_of_json_without_secrets(whole: WholePlatform) -> None:
    sample = jd_card()
    await whole.paid(await whole.hand_in(sample))
    secrets = [sample.number, *(str(word) for word in whole.secrets().values() if isinstance(word, str))]
    for name in LOGS:
        said = (whole.settings.logs_dir / f"{name}.log").read_text()
        assert [line for line in said.splitlines() if not line.startswith("{")] == [], name
        lines = [json.loads(line) for line in said.splitlines()]
        assert [one for one in lines if not {"timestamp", "level", "event", "process"} <= one.keys()] == [], name
        assert {one["process"] for one in lines} <= {name}
        assert [secret for secret in secrets if secret in said] == [], name


@pytest.mark.thorough
async def test_a_drained_reader_ends_stays_away_and_comes_back(whole: WholePlatform) -> None:
    first = whole.pid("worker-reading")
    listed = json.loads(await whole.cli("workers", "list", "--json"))
    [reader] = [one for one in listed if one["kind"] == "reading" and one["state"] == "working"]
    assert reader["pid"] == first
    await whole.cli("workers", "drain", reader["name"], "--why", "a new disk")

    async def state(wanted: WorkerState) -> bool:
        return await _state_of(whole, reader["name"]) is wanted

    await until(lambda: state(WorkerState.DRAINED), 40, whole.said)
    await until(lambda: "is drained" in whole.said(), 20, whole.said)
    await whole.cli("workers", "undrain", reader["name"])
    await until(lambda: state(WorkerState.WORKING), 60, whole.said)
    assert whole.pid("worker-reading") != first


async def _state_of(whole: WholePlatform, name: str) -> WorkerState | None:
    """Read what `workers list` shows, without another process for every look."""
    store = database(whole.settings)
    async with store.transaction() as session:
        found = await process(session, name, now())
    await store.dispose()
    return None if found is None else found.state
