"""`doctor` asks a real Temporal: its namespace, attributes, workers, and the cards that it and the database do not agree on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from bootstrap.doctor.temporal import temporal_findings
from bootstrap.local.temporal import register_search_attributes
from bootstrap.settings import Settings
from database.session import Database
from tests.builders.installation import a_card
from tests.builders.namespaces import namespace_of_its_own

pytestmark = pytest.mark.asyncio(loop_scope="session")
LONG_AGO = timedelta(hours=3)


def settings_at(client: Client, folder: Path, namespace: str = "default") -> Settings:
    return Settings(
        home=folder, temporal_address=client.service_client.config.target_host, temporal_namespace=namespace
    )


async def started(client: Client, card_id: str) -> WorkflowHandle[object, object]:
    """A card's workflow without a worker."""
    return await client.start_workflow("CardWorkflow", id=f"card:{card_id}", task_queue="nobody")


async def test_a_temporal_that_knows_nothing_of_us_is_named(temporal_client: Client, tmp_path: Path) -> None:
    nowhere = await temporal_findings(settings_at(temporal_client, tmp_path, "nowhere"), None)
    assert [one.code for one in nowhere] == ["namespace_missing"]
    client = await namespace_of_its_own(temporal_client)
    await register_search_attributes(client)
    alone = await temporal_findings(settings_at(client, tmp_path, client.namespace), None)
    assert [one.code for one in alone] == ["no_worker"]
    assert "reading (activity)" in alone[0].said


async def test_a_restored_database_and_a_restored_temporal_are_two_findings(
    temporal_environment: WorkflowEnvironment, tmp_path: Path, make_migrated: Callable[[str], str], worker: str
) -> None:
    client = await namespace_of_its_own(temporal_environment.client)
    await register_search_attributes(client)
    settings = settings_at(client, tmp_path, client.namespace)
    database = Database(make_migrated(f"doctor_temporal_{worker}"), pool_size=4)
    async with database.transaction() as session:
        cards = [await a_card(session, datetime.now(UTC) - LONG_AGO) for _ in range(3)]
    handles = [await started(client, card) for card in cards]
    try:
        codes = [one.code for one in await temporal_findings(settings, database)]
        assert codes == ["no_worker"]
        unknown_here = await started(client, "01M8RESTORED0DATABASE00000")
        handles.append(unknown_here)
        assert await _codes(settings, database) == ["database_older", "no_worker"]
        await unknown_here.terminate("over")
        await handles[0].terminate("lost")
        async with database.transaction() as session:
            await a_card(session, datetime.now(UTC) - LONG_AGO)  # Temporal has never heard of it.
        found = {one.code: one for one in await temporal_findings(settings, database)}
        assert "temporal_older" in found
        assert "gone: 1, stopped: 1" in found["temporal_older"].said
    finally:
        for one in handles[1:3]:
            await one.terminate("the test is over")
        await database.dispose()


async def _codes(settings: Settings, database: Database) -> list[str]:
    return sorted(one.code for one in await temporal_findings(settings, database))
