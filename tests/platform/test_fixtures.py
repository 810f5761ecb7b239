"""The ground that other tests stand on holds: rollback, own databases, a Temporal that answers, time that jumps."""

import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from pytest_socket import SocketConnectBlockedError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from temporalio import workflow
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from database.tables.people import PersonRow
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World
from tests.whole import WHOLE, end_after


@workflow.defn
class Nap:
    """Waits a week."""

    @workflow.run
    async def run(self) -> str:
        """Say that the week is over."""
        await workflow.sleep(timedelta(days=7))
        return "awake"


async def test_a_database_is_recreated_by_name(make_database: Callable[[str], str]) -> None:
    for _ in range(2):
        engine = create_async_engine(make_database("made_anew"))
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE once (id int)"))
        await engine.dispose()


async def test_the_dev_server_answers(temporal_client: Client) -> None:
    assert (await temporal_client.count_workflows("WorkflowId = 'nobody'")).count == 0


async def test_a_week_passes_at_once(time_skipping: WorkflowEnvironment) -> None:
    runner = UnsandboxedWorkflowRunner()
    async with Worker(time_skipping.client, task_queue="nap", workflows=[Nap], workflow_runner=runner):
        assert await time_skipping.client.execute_workflow(Nap.run, id="nap", task_queue="nap") == "awake"


def test_sockets_reach_loopback_only() -> None:
    with socket.socket() as outside, pytest.warns(UserWarning, match="192.0.2.1"):
        with pytest.raises(SocketConnectBlockedError):
            outside.connect(("192.0.2.1", 80))


async def test_who_has_room_after_a_test_is_given_nothing_of_the_next_one(world: World) -> None:
    """A task that its holder frees is assigned to a person with room: people of another test took it away."""
    left_behind, (_, task, holder) = await world.a_person(), await a_taken_task(world)
    async with world.database.transaction() as session:
        (await session.get_one(PersonRow, left_behind)).capacity = 4
    await world.calm()
    await world.review_desk.tasks.release(holder, task)
    assert await world.review_desk.leases.take(holder, task)


@dataclass
class Shared:
    """A platform that only counts how often it was ended."""

    ended: int = 0

    def end(self) -> None:
        self.ended += 1


@pytest.mark.parametrize(("together", "ended"), [(True, [0, 1, 1, 2]), (False, [0, 0, 0, 1])])
def test_the_shared_platform_ends_with_the_last_test_of_its_group(
    request: pytest.FixtureRequest, together: bool, ended: list[int]
) -> None:
    """Without xdist, other tests stand between those of the group, also ones that only belong to it."""
    items = [pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None) for name in "abcd"]
    for shared in (items[0], items[1], items[3]):
        shared.add_marker(WHOLE)
    platform, seen = Shared(), list[int]()
    for place, (item, following) in enumerate(zip(items, [*items[1:], None], strict=True)):
        end_after(item, following, () if together else items[place + 1 :], [platform])
        seen.append(platform.ended)
    assert seen == ended
