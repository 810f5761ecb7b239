"""A workflow's history leaves by the command line: sealed for replaying, opened for reading, and then on record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from bootstrap import histories, keys
from bootstrap.settings import Settings
from bootstrap.words import Problem
from database.tables.people import AuditRow
from tests.builders.world import World
from tests.workflows.stage import World as Outside
from tests.workflows.stage import card, playing
from workflows.card import CardWorkflow
from workflows.client import CardClient
from workflows.codec import data_converter

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def installation(
    tmp_path: Path, world: World, world_url: str, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """An installation on the world's database and the session's Temporal, with keys of its own."""
    host, _, port = temporal_client.service_client.config.target_host.rpartition(":")
    monkeypatch.setenv("CARDLOOP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATABASE_URL", world_url)
    monkeypatch.setenv("CARDLOOP_TEMPORAL_ADDRESS", f"{host}:{port}")
    monkeypatch.setenv("CARDLOOP_TEMPORAL_NAMESPACE", temporal_client.namespace)
    monkeypatch.setenv("LC_ALL", "C")
    settings = Settings()
    keys.make(settings)
    return settings


@pytest.fixture
def sealing(temporal_client: Client, installation: Settings) -> Client:
    """A client that seals what it sends under the installation's keys."""
    config = temporal_client.config()
    config["data_converter"] = data_converter(keys.load(installation).keyring)
    return Client(**config)


async def bought(client: Client) -> str:
    """The workflow id of a card that was bought."""
    one = card()
    async with playing(client, Outside()):
        await CardClient(client).start(one)
        await client.get_workflow_handle(f"card:{one.card_id}").result()
    return f"card:{one.card_id}"


async def audited(world: World, workflow_id: str) -> list[AuditRow]:
    async with world.database.transaction() as session:
        found = select(AuditRow).filter_by(subject=workflow_id).order_by(AuditRow.id)
        return list((await session.execute(found)).scalars())


async def test_an_exported_history_is_sealed_and_replays(
    installation: Settings, sealing: Client, world: World, tmp_path: Path
) -> None:
    workflow_id, out = await bought(sealing), tmp_path / "history.json"
    events = await histories.export(installation, workflow_id, out, opened_payloads=False)
    assert out.stat().st_mode & 0o777 == 0o600
    kept = out.read_text()
    assert len(json.loads(kept)["events"]) == events > 20
    assert "seller:S1" not in kept
    replayer = Replayer(workflows=[CardWorkflow], data_converter=sealing.data_converter)
    await replayer.replay_workflow(WorkflowHistory.from_json(workflow_id, kept))
    assert await audited(world, workflow_id) == []


async def test_an_opened_history_can_be_read_and_who_took_it_is_on_record(
    installation: Settings, sealing: Client, world: World, tmp_path: Path
) -> None:
    workflow_id, out = await bought(sealing), tmp_path / "history.json"
    await histories.export(installation, workflow_id, out, opened_payloads=True)
    await Replayer(workflows=[CardWorkflow]).replay_workflow(WorkflowHistory.from_json(workflow_id, out.read_text()))
    (row,) = await audited(world, workflow_id)
    assert (row.act, row.facts["file"]) == ("workflows:history:export", "history.json")


async def test_what_cannot_be_exported_says_why_and_leaves_no_file(
    installation: Settings, sealing: Client, tmp_path: Path
) -> None:
    out = tmp_path / "history.json"
    with pytest.raises(Problem, match="has no workflow card:none"):
        await histories.export(installation, "card:none", out, opened_payloads=False)
    assert not out.exists()
    out.write_text("mine")
    with pytest.raises(Problem, match="there already"):
        await histories.export(installation, await bought(sealing), out, opened_payloads=False)
    assert out.read_text() == "mine"
