"""Repairs and their workflows are compared in both directions, and corrected: the rows say what a repair does next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from database.session import Database
from domain.ops.runs import RUN_TYPES, RunKind
from services.ops import sweep
from workflows.repair_client import RepairClient

TYPE = RUN_TYPES[RunKind.REPAIR]
LIST = f"WorkflowType = '{TYPE.workflow}' AND ExecutionStatus = 'Running'"
CALL = timedelta(seconds=5)
RUNNING = WorkflowExecutionStatus.RUNNING


@dataclass(frozen=True)
class RepairRuns:
    """Ids of repairs: `stopped` are open here and do not run in Temporal, `stray` run there and are not open here."""

    stopped: tuple[str, ...]
    stray: tuple[str, ...]


async def compare(client: Client, store: Database) -> RepairRuns:
    """Compare every open repair with Temporal. What moves at this moment is left out. Raises RPCError, DatabaseUnavailable."""
    listed = {one.id async for one in client.list_workflows(LIST)}
    async with store.transaction() as session:
        found = await sweep.drift(session, RunKind.REPAIR, listed, datetime.now(UTC))
    # Temporal's list may be behind: each run that it lacks is asked about, and each that it has too much.
    stopped = [one for one in found.missing if not await _runs(client, one)]
    stray = [one for one in found.unexpected if await _runs(client, one)]
    return RepairRuns(_ids(stopped), _ids(stray))


async def correct(client: Client, found: RepairRuns) -> None:
    """Restart stopped repairs from their rows, and end runs without a row. Raises RPCError, TemporarilyUnavailable."""
    repairs = RepairClient(client)
    for repair_id in found.stopped:
        await repairs.tell(repair_id)
    for repair_id in found.stray:
        await client.get_workflow_handle(f"{TYPE.prefix}{repair_id}").terminate("no open repair has this id")


async def _runs(client: Client, workflow_id: str) -> bool:
    try:
        return (await client.get_workflow_handle(workflow_id).describe(rpc_timeout=CALL)).status is RUNNING
    except RPCError as refused:
        if refused.status is RPCStatusCode.NOT_FOUND:
            return False
        raise


def _ids(workflow_ids: list[str]) -> tuple[str, ...]:
    return tuple(one.removeprefix(TYPE.prefix) for one in workflow_ids)
