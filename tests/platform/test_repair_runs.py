"""Repairs whose workflow is lost, and workflows whose repair is: found, named with their remedy, and fixed. A real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.testing import WorkflowEnvironment

from bootstrap.doctor.finding import Verdict
from bootstrap.doctor.temporal import temporal_findings
from bootstrap.local.temporal import register_search_attributes
from bootstrap.repair_runs import RepairRuns, compare, correct
from bootstrap.settings import Settings
from bootstrap.watching import watching
from domain.identifiers import new_id
from domain.ops.repairs import ItemState, RepairState
from jobs.repairs import RepairSender
from tests.builders.namespaces import namespace_of_its_own
from tests.builders.repairing import Repairing
from tests.builders.running_cards import running_cards
from tests.builders.world import World, world_at
from workflows.repair_client import RepairClient

pytestmark = pytest.mark.asyncio(loop_scope="session")
LONG_AGO = "now() - interval '1 hour'"


@dataclass
class Place:
    """An installation of this module's own, with a namespace that knows nothing of others."""

    world: World
    client: Client
    settings: Settings
    repairing: Repairing

    async def heard(self, *, started: bool = True) -> tuple[str, str]:
        """A running repair of one card whose workflow was started an hour ago, by its row; returns repair and card."""
        card_id = await self.repairing.a_failing_card()
        repair_id = await self.repairing.running(card_id)
        begun = f", started_at = {LONG_AGO}" if started else ""
        changed = f"UPDATE repair SET heard_revision = revision, submitted_at = {LONG_AGO}{begun} WHERE id = :id"  # noqa: S608
        async with self.world.database.transaction() as session:
            await session.execute(text(changed), {"id": repair_id})
        return repair_id, card_id

    async def sweep(self) -> None:
        """Compare Temporal's list with our rows, as the console's process does."""
        jobs = watching(self.settings, self.world.keyring, self.world.database, self.client)
        await next(job for job in jobs if job.name == "sweep").once()

    async def stray(self) -> str:
        """A workflow of a repair that no row knows; returns the repair's id."""
        repair_id = new_id()
        await self.client.start_workflow("RepairWorkflow", repair_id, id=f"repair:{repair_id}", task_queue="nobody")
        return repair_id

    async def found(self, wanted: RepairRuns) -> RepairRuns:
        """What does not agree, once Temporal's list, which is behind by a moment, shows as much as is wanted."""
        found = await compare(self.client, self.world.database)
        for _ in range(100):
            if found == wanted:
                break
            await asyncio.sleep(0.1)
            found = await compare(self.client, self.world.database)
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(
    temporal_environment: WorkflowEnvironment,
    make_migrated: Callable[[str], str],
    worker: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Place]:
    client = await namespace_of_its_own(temporal_environment.client)
    await register_search_attributes(client)
    folder: Path = tmp_path_factory.mktemp("repairs")
    settings = Settings(
        home=folder, temporal_address=client.service_client.config.target_host, temporal_namespace=client.namespace
    )
    async with world_at(make_migrated(f"repair_runs_{worker}"), folder, pool_size=4) as world:
        yield Place(world, client, settings, Repairing(world))


@pytest.mark.parametrize("started", [True, False], ids=["begun", "never_begun"])
async def test_repair_without_a_workflow_is_restarted_from_its_rows(place: Place, started: bool) -> None:
    repair_id, card_id = await place.heard(started=started)
    async with running_cards(place.world, place.client) as cards:
        assert await RepairSender(place.world.database, RepairClient(place.client)).tell() == 0, "it has heard all"
        await place.sweep()
        assert await cards.repaired(repair_id) is RepairState.DONE
    assert (await place.repairing.item(repair_id, card_id)).state is ItemState.ENDED, "the card has no workflow"


async def test_doctor_names_both_directions_and_reconciling_fixes_them(place: Place) -> None:
    (stopped, _), stray = await place.heard(), await place.stray()
    assert await place.found(RepairRuns((stopped,), (stray,))) == RepairRuns((stopped,), (stray,))
    findings = {one.code: one for one in await temporal_findings(place.settings, place.world.database)}
    assert stopped in findings["repairs_stopped"].said
    assert stray in findings["repairs_stray"].said
    for code in ("repairs_stopped", "repairs_stray"):
        assert (findings[code].verdict, "reconcile" in findings[code].remedy) == (Verdict.BROKEN, True)
    await correct(place.client, await compare(place.client, place.world.database))
    assert await place.found(RepairRuns((), ())) == RepairRuns((), ())
    described = await place.client.get_workflow_handle(f"repair:{stray}").describe()
    assert described.status is WorkflowExecutionStatus.TERMINATED
    async with running_cards(place.world, place.client) as cards:
        assert await cards.repaired(stopped) is RepairState.DONE


async def test_repair_with_a_manually_ended_workflow_continues_after_suspend_and_resume(place: Place) -> None:
    repair_id, _ = await place.heard()
    await RepairClient(place.client).tell(repair_id)
    await place.client.get_workflow_handle(f"repair:{repair_id}").terminate("by hand")
    await place.sweep()
    by = (await place.repairing.row(repair_id)).drafted_by
    assert (await place.found(RepairRuns((repair_id,), ()))).stopped == (repair_id,), "it was ended on purpose, perhaps"
    await place.repairing.desk.suspend(by, repair_id)
    await place.repairing.desk.resume(by, repair_id)
    async with running_cards(place.world, place.client) as cards:
        assert await cards.repaired(repair_id) is RepairState.DONE
