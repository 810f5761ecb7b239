"""A story plays once, although its workflow task is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from domain.identifiers import new_id
from tests.workflows.once import OncePerCommand

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOST: set[str] = set()


@workflow.defn(name="tests.LosesATask")
class LosesATask:
    @workflow.run
    async def run(self) -> list[str]:
        """Read two pages, and lose the task that read the first."""
        pages = [await self._page()]
        if workflow.info().workflow_id not in LOST:
            LOST.add(workflow.info().workflow_id)
            raise RuntimeError("a task is lost")  # No ApplicationError: the task fails, and not the workflow.
        return [*pages, await self._page()]

    async def _page(self) -> str:
        page: str = await workflow.execute_local_activity(
            "tests.page", start_to_close_timeout=timedelta(seconds=10), result_type=str
        )
        return page


class Book:
    def __init__(self) -> None:
        self.read = 0

    @activity.defn(name="tests.page")
    async def page(self) -> str:
        self.read += 1
        return f"page {self.read}"


@pytest.mark.parametrize("once", [True, False])
async def test_a_lost_task_repeats_a_local_activity_but_not_its_story(temporal_client: Client, once: bool) -> None:
    book, queue = Book(), new_id()
    async with Worker(
        temporal_client, task_queue=queue, workflows=[LosesATask], activities=[book.page],
        workflow_runner=UnsandboxedWorkflowRunner(), interceptors=[OncePerCommand()] if once else [],
    ):  # fmt: skip
        pages = await temporal_client.execute_workflow(LosesATask.run, id=f"lost-{queue}", task_queue=queue)
    assert pages == (["page 1", "page 2"] if once else ["page 2", "page 3"])
