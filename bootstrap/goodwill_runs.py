"""Goodwill payments compared with their workflows: after a restore a workflow may be gone, or older than its rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from database.session import Database
from database.tables.support.goodwill import GoodwillRow
from domain.identifiers import goodwill_workflow
from domain.support.goodwill import GoodwillState
from workflows.goodwill_client import GoodwillClient

ON_ITS_WAY = timedelta(minutes=5)  # One that was agreed to just now is about to be started.


async def stopped(client: Client, store: Database) -> tuple[str, ...]:
    """Return the payments (ids) that were agreed to and have no outcome, while no workflow of theirs runs. Raises RPCError."""
    agreed = (GoodwillRow.state == GoodwillState.AGREED, GoodwillRow.checked_at < datetime.now(UTC) - ON_ITS_WAY)
    async with store.transaction() as session:
        found = list((await session.execute(select(GoodwillRow.id).where(*agreed).order_by(GoodwillRow.id))).scalars())
    return tuple([one for one in found if not await _runs(client, one)])


async def start_again(client: Client, found: Iterable[str]) -> None:
    """Start these payments from their rows: each has one key for life, so that nothing is sent twice.

    Raises TemporarilyUnavailable.
    """
    for goodwill_id in found:
        await GoodwillClient(client).restart(goodwill_id)


async def _runs(client: Client, goodwill_id: str) -> bool:
    try:
        described = await client.get_workflow_handle(goodwill_workflow(goodwill_id)).describe()
    except RPCError as failed:
        if failed.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.status is WorkflowExecutionStatus.RUNNING
