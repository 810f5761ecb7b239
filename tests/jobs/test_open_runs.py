"""What Temporal is asked about open runs: untaken steps, failing code, runs that are gone, idle queues. A real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from temporalio import activity, workflow
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.client import Client, WorkflowFailureError
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadConverter
from temporalio.exceptions import ApplicationError

from activities.attempts import AttemptReporter
from database.reads.ops import stuck
from domain.cards.card import EndReason, Outcome
from domain.identifiers import new_id
from domain.ops.causes import LikelyReason
from domain.ops.runs import StepState
from jobs.open_runs import RunWatcher
from services.ops.attempts import Attempts
from services.ops.stuck import StuckRuns
from services.ops.sweep import Ended
from tests.builders.watched_runs import TRIES, a_watcher, described
from tests.builders.world import World
from tests.jobs.one_step import a_worker, failing_slowly

pytestmark = pytest.mark.asyncio(loop_scope="session")


@workflow.defn(name="CardWorkflow")
class Redeployed:
    """Another story than the history that `OneStep` wrote."""

    @workflow.run
    async def run(self, queue: str) -> None:
        del queue
        await workflow.sleep(3600)

    @workflow.signal
    def wake(self) -> None:
        """Make Temporal give the workflow a task."""


@activity.defn(name="verification.ask_issuer")
async def failing() -> None:
    """Fails as a gateway does."""
    raise ApplicationError("issuer: http_503", type="gateway_unavailable")


async def a_run(world: World, client: Client, queue: str, activity_queue: str = "") -> str:
    card_id = await world.a_card()
    await world.intake.mark_started(card_id)
    await client.start_workflow("CardWorkflow", activity_queue or f"no-{queue}", id=f"card:{card_id}", task_queue=queue)
    return card_id


async def test_a_run_whose_queue_has_no_worker_is_known_to_wait_for_one(world: World, temporal_client: Client) -> None:
    queue = f"idle-{new_id()}"
    card_id = await a_run(world, temporal_client, queue)
    watcher = a_watcher(world, temporal_client, ((queue, "workflow"),))
    step = await described(world, watcher, card_id, StepState.UNSTARTED)
    assert (step.step, step.queue) == ("workflow_task", queue)
    assert await watcher.look_at_queues() == 1
    later = datetime.now(UTC) + timedelta(seconds=25)
    await StuckRuns(world.database, lambda: later).find()
    async with world.database.transaction() as session:
        causes = await stuck.causes(session, datetime.now(UTC))
    assert [one.reason for one in causes if one.cause.step == "workflow_task" and one.sign == "unstarted"] == [
        LikelyReason.NO_POLLER
    ]


async def test_a_step_whose_queue_has_no_worker_is_known_by_its_name_and_queue(
    world: World, temporal_client: Client
) -> None:
    queue = f"half-{new_id()}"
    async with a_worker(temporal_client, queue):
        card_id = await a_run(world, temporal_client, queue)
        watcher = a_watcher(world, temporal_client)
        step = await described(world, watcher, card_id, StepState.UNSTARTED, "verification.ask_issuer")
    assert (step.step, step.queue, step.failures) == ("verification.ask_issuer", f"no-{queue}", 0)


async def test_code_that_does_not_fit_the_history_is_named_as_such(world: World, temporal_client: Client) -> None:
    queue = f"deploy-{new_id()}"
    async with a_worker(temporal_client, queue):
        card_id = await a_run(world, temporal_client, queue)
        watcher = a_watcher(world, temporal_client)
        await described(world, watcher, card_id, StepState.UNSTARTED, "verification.ask_issuer")
    async with a_worker(temporal_client, queue, Redeployed):
        await temporal_client.get_workflow_handle(f"card:{card_id}").signal("wake")
        step = await described(world, a_watcher(world, temporal_client), card_id, StepState.WORKFLOW_TASK)
    assert (step.step, step.reason) == ("workflow_task", "non_determinism")


@workflow.defn(name="CardWorkflow")
class TooMuch:
    """Gives Temporal more than it takes."""

    @workflow.run
    async def run(self, queue: str) -> None:
        size = 5_000_000 if "endless" in queue else 3_000_000
        await workflow.execute_activity(
            "verification.ask_issuer", "x" * size, task_queue=queue, start_to_close_timeout=timedelta(minutes=5)
        )


async def test_a_message_too_large_for_temporal_is_named_as_such(world: World, temporal_client: Client) -> None:
    queue = f"large-{new_id()}"
    async with a_worker(temporal_client, queue, TooMuch):
        card_id = await a_run(world, temporal_client, queue, f"endless-{queue}")
        step = await described(world, a_watcher(world, temporal_client), card_id, StepState.WORKFLOW_TASK)
    assert (step.step, step.reason) == ("workflow_task", "too_large")


async def test_a_run_that_temporal_ended_for_a_payload_too_large_is_missing_for_that_reason(
    world: World, temporal_client: Client
) -> None:
    queue = f"large-{new_id()}"
    async with a_worker(temporal_client, queue, TooMuch):
        card_id = await a_run(world, temporal_client, queue)
        with pytest.raises(WorkflowFailureError):
            await temporal_client.get_workflow_handle(f"card:{card_id}").result()
    assert await a_watcher(world, temporal_client)._gone(f"card:{card_id}")
    await StuckRuns(world.database).find()
    async with world.database.transaction() as session:
        step = await stuck.pending(session, f"card:{card_id}")
        (cause,) = [one for one in await stuck.causes(session, datetime.now(UTC)) if one.error == "too_large"]
    assert step is not None
    assert "exceeds size limit" in step.message
    assert (cause.sign, cause.reason) == ("missing", LikelyReason.TOO_LARGE)


async def test_a_workflow_that_was_paused_as_a_whole_is_shown_as_paused_and_never_as_gone(
    world: World, temporal_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporal 1.30 and later can; the dev server of the tests is older, so that its answer is made up here."""
    card_id = await a_run(world, temporal_client, f"paused-{new_id()}")
    answer = DescribeWorkflowExecutionResponse()
    answer.workflow_execution_info.status = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED
    answer.workflow_extended_info.pause_info.identity = "zhang@example.com"
    answer.workflow_extended_info.pause_info.reason = "looking into it"
    watcher = a_watcher(world, temporal_client)

    async def ask(_: str) -> DescribeWorkflowExecutionResponse:
        return answer

    monkeypatch.setattr(watcher, "_ask", ask)
    step = await described(world, watcher, card_id, StepState.PAUSED)
    assert step.message == "zhang@example.com: looking into it"
    assert not await watcher._gone(f"card:{card_id}")


async def test_every_failed_attempt_is_reported_as_it_happens(world: World, temporal_client: Client) -> None:
    queue, attempts = f"failing-{new_id()}", Attempts(world.database)
    reporter = AttemptReporter(attempts, "b7", "1@here")
    async with a_worker(temporal_client, queue, activities=[failing], interceptors=[reporter]):
        card_id = await a_run(world, temporal_client, queue, queue)
        for _ in range(TRIES):
            await attempts.write()
            async with world.database.transaction() as session:
                step = await stuck.pending(session, f"card:{card_id}")
            if step is not None and step.failures >= 2:
                break
            await asyncio.sleep(0.1)
    assert step is not None
    assert (step.step, step.error_class, step.reason) == ("verification.ask_issuer", "gateway_unavailable", "http_503")
    assert (step.build_id, step.worker, step.queue) == ("b7", "1@here", queue)
    assert step.next_at is not None


class Unreadable(DefaultFailureConverter):
    """Reads nothing, as our own does with what was not sealed by us."""

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:  # noqa: ARG002
        raise ValueError("not sealed")


async def test_an_error_that_cannot_be_read_is_named_and_stops_no_other_look(
    world: World, temporal_client: Client
) -> None:
    queue = f"foreign-{new_id()}"
    config = temporal_client.config() | {"data_converter": DataConverter(failure_converter_class=Unreadable)}
    async with a_worker(temporal_client, queue, activities=[failing_slowly]):
        card_id = await a_run(world, temporal_client, queue, queue)
        step = await described(world, a_watcher(world, Client(**config)), card_id, StepState.FAILING)
    assert (step.step, step.error_class, step.message) == ("verification.ask_issuer", "unreadable", "")


async def _long_started(world: World, card_id: str) -> None:
    async with world.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE card SET started_at = now() - interval '1 hour', since = now() - interval '1 hour' WHERE id = :id"
            ),
            {"id": card_id},
        )


async def test_a_run_that_was_ended_in_temporal_is_named_and_left_alone(world: World, temporal_client: Client) -> None:
    card_id = await a_run(world, temporal_client, f"gone-{new_id()}")
    await _long_started(world, card_id)
    await temporal_client.get_workflow_handle(f"card:{card_id}").terminate("by hand")
    restarted: list[str] = []
    watcher = a_watcher(world, temporal_client, restart=_into(restarted))
    for _ in range(TRIES):  # Temporal's list is behind by a moment.
        await watcher.sweep()
        async with world.database.transaction() as session:
            step = await stuck.pending(session, f"card:{card_id}")
        if step is not None:
            break
        await asyncio.sleep(0.1)
    assert step is not None
    assert (step.state, step.reason) == (StepState.MISSING, "terminated")
    assert f"card:{card_id}" not in restarted


async def test_no_run_waits_behind_many_that_ended() -> None:
    ended, asked = Ended(at_once=2), list[str]()

    async def gone(run: str) -> bool:
        asked.append(run)
        return run != "d"

    missing = ["a", "b", "c", "d"]
    assert await ended.among(missing, gone) == ["a", "b"]
    assert await ended.among(missing, gone) == ["a", "b", "c"]
    assert asked == ["a", "b", "c", "d"]


async def test_a_run_that_temporal_does_not_know_is_started_again_from_its_row(
    world: World, temporal_client: Client
) -> None:
    card_id, restarted = await world.a_card(), list[str]()
    await world.intake.mark_started(card_id)
    await _long_started(world, card_id)
    await a_watcher(world, temporal_client, restart=_into(restarted)).sweep()
    assert f"card:{card_id}" in restarted


async def test_a_run_without_an_open_row_is_named(world: World, temporal_client: Client) -> None:
    stranger = f"card:{new_id()}"
    await temporal_client.start_workflow("CardWorkflow", "no", id=stranger, task_queue=f"nobody-{new_id()}")
    watcher = a_watcher(world, temporal_client, restart=_into([]))
    for _ in range(TRIES):  # Temporal's list is behind by a moment.
        await watcher.sweep()
        async with world.database.transaction() as session:
            looks = await stuck.looks(session)
        if stranger in looks["sweep"].found["card_unexpected"] or looks["sweep"].found["card_unexpected_count"] > 20:
            break
        await asyncio.sleep(0.1)
    else:
        raise AssertionError("it was not named")
    await temporal_client.get_workflow_handle(stranger).terminate()


class Behind:
    """A client whose list of workflows is that of a while ago; whatever else is asked is answered by the server."""

    def __init__(self, client: Client, listed: Sequence[str]) -> None:
        self._client, self._listed = client, listed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def list_workflows(self, _query: str) -> AsyncIterator[SimpleNamespace]:
        for workflow_id in self._listed:
            yield SimpleNamespace(id=workflow_id)


async def test_while_temporals_list_is_behind_nothing_is_started_again_or_named(
    world: World, temporal_client: Client
) -> None:
    running = await a_run(world, temporal_client, f"late-{new_id()}")
    await _long_started(world, running)
    just_ended = await world.a_card()
    await world.intake.mark_started(just_ended)
    await _long_started(world, just_ended)
    await world.journey.end(just_ended, Outcome.REJECTED, EndReason.LOST, None)
    restarted: list[str] = []
    behind: Any = Behind(temporal_client, [f"card:{just_ended}"])
    watcher = RunWatcher(world.database, behind, lambda: (), _into(restarted))
    await watcher.sweep()
    async with world.database.transaction() as session:
        found = (await stuck.looks(session))["sweep"].found
        step = await stuck.pending(session, f"card:{running}")
    assert f"card:{running}" not in restarted
    assert step is None or step.state is not StepState.MISSING
    named = [*found["card_missing"], *found["card_unexpected"]]
    assert {f"card:{running}", f"card:{just_ended}"} & set(named) == set()
    await temporal_client.get_workflow_handle(f"card:{running}").terminate()


def _into(restarted: list[str]) -> Callable[[str], Awaitable[None]]:
    async def restart(workflow_id: str) -> None:
        restarted.append(workflow_id)

    return restart
