"""Ask Temporal what the workers do not report: steps that no worker takes, code that fails, runs that are gone, idle queues.

Every question is bounded in number, so that a large outage does not become one of Temporal too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    EventType,
    PendingActivityState,
    PendingWorkflowTaskState,
    TaskQueueType,
    WorkflowTaskFailedCause,
)
from temporalio.api.enums.v1 import WorkflowExecutionStatus as Status
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from database.session import Database
from domain.ops.runs import CODE_FAILURES, MESSAGE_MAX, RUN_TYPES, WORKFLOW_TASK, RunKind, StepState, short_reason
from domain.sealing import SealBroken
from services.ops import described, sweep, watch
from services.ops.described import DescribedQueue, DescribedStep

AT_ONCE = 25  # Runs described in one look.
AGAIN_S = 30.0  # A run that is well is asked about again after so long.
CALL = timedelta(seconds=5)
QUEUE_KINDS = {
    "workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}
_RUNNING = WorkflowExecutionStatus.RUNNING.value
_PAUSED = Status.WORKFLOW_EXECUTION_STATUS_PAUSED  # Since Temporal 1.30; the SDK has no word for it.
_MESSAGE_TOO_LARGE = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_GRPC_MESSAGE_TOO_LARGE
_NONDETERMINISM = "nondeterminism"
UNREADABLE = "unreadable"  # The class of an error that is not sealed with our keys.
_log = structlog.get_logger("open_runs")


class RunWatcher:
    """Three looks at Temporal, each for a job of its own.

    `queues` names the task queues that workers of this installation poll, with their kinds. `restart` starts a run again
    from its rows; it must leave one that runs alone.
    """

    def __init__(
        self,
        database: Database,
        client: Client,
        queues: Callable[[], Sequence[tuple[str, str]]],
        restart: Callable[[str], Awaitable[None]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._client = client
        self._queues = queues
        self._restart = restart
        self._now = now
        self._asked: dict[str, float] = {}
        self._ended = sweep.Ended()

    async def describe(self) -> int:
        """Ask about the runs without news; return how many were asked about. Raises DatabaseUnavailable."""
        horizon = time.monotonic() - AGAIN_S
        self._asked = {run: at for run, at in self._asked.items() if at > horizon}
        async with self._database.transaction() as session:
            wanted = await described.due(session, list(self._asked), AT_ONCE, self._now())
        if not wanted:
            return 0
        answers = await asyncio.gather(*(self._described(one) for one in wanted))
        self._asked |= dict.fromkeys(wanted, time.monotonic())
        now = self._now()
        async with self._database.transaction() as session:
            for found in answers:
                if isinstance(found, DescribedStep):
                    await described.keep(session, found, now)
            await described.forget(session, [run for run, found in zip(wanted, answers, strict=True) if found is None])
        return len(wanted)

    async def look_at_queues(self) -> int:
        """Ask for each task queue's pollers and backlog; return how many queues answered. Raises DatabaseUnavailable."""
        answers = await asyncio.gather(*(self._queue(queue, kind) for queue, kind in self._queues()))
        found = [one for one in answers if one is not None]
        now = self._now()
        async with self._database.transaction() as session:
            for one in found:
                await described.keep_queue(session, one, now)
            if found:
                await watch.ended(session, watch.Look.QUEUES, {"queues": len(found)}, now)
        return len(found)

    async def sweep(self) -> int:
        """Compare Temporal's list with our rows; return how many differ. Raises DatabaseUnavailable.

        Runs that Temporal does not know at all are started again from their rows; what was ended there, or runs there
        without an open row, is only named: it may have been done on purpose.
        """
        kept: dict[str, object] = {}
        try:
            differ = sum([await self._swept(kind, kept) for kind in RUN_TYPES])
        except (RPCError, RuntimeError, TimeoutError) as away:
            _log.warning("sweep_waits", reason=type(away).__name__)
            return 0
        async with self._database.transaction() as session:
            await watch.ended(session, watch.Look.SWEEP, kept, self._now())
        return differ

    async def _swept(self, kind: RunKind, kept: dict[str, object]) -> int:
        """Compare the runs of one type; what differs goes to `kept`, what is missing to the pending steps."""
        query = f"WorkflowType = '{RUN_TYPES[kind].workflow}' AND ExecutionStatus = 'Running'"
        listed = {one.id async for one in self._client.list_workflows(query)}
        async with self._database.transaction() as session:
            found = await sweep.drift(session, kind, listed, self._now())
        ended = await self._ended.among(found.missing, self._gone)
        kept |= {
            f"{kind}_missing": ended[: sweep.NAMED_MAX], f"{kind}_missing_count": len(ended),
            f"{kind}_unexpected": list(found.unexpected[: sweep.NAMED_MAX]),
            f"{kind}_unexpected_count": len(found.unexpected), f"{kind}_running": len(listed),
        }  # fmt: skip
        return len(ended) + len(found.unexpected)

    async def _gone(self, workflow_id: str) -> bool:
        """Whether a run is confirmed not to run; one that Temporal does not know is started again and does run."""
        try:
            answer = await self._ask(workflow_id)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                return False
            await self._restart(workflow_id)
            _log.warning("run_restarted", workflow=workflow_id)
            return False
        if answer.workflow_execution_info.status in (_RUNNING, _PAUSED):
            return False
        now, info = self._now(), answer.workflow_execution_info
        try:
            reason, message = await self._why_ended(workflow_id, WorkflowExecutionStatus(info.status).name.lower())
        except (RPCError, TimeoutError, RuntimeError):
            return False  # The next comparison asks again.
        missing = DescribedStep(
            workflow_id, StepState.MISSING, "", "", 0, StepState.MISSING.value, reason, message,
            _moment(info.close_time) or now, None, "", "",
        )  # fmt: skip
        async with self._database.transaction() as session:
            await described.keep(session, missing, now)
        return True

    async def _described(self, workflow_id: str) -> DescribedStep | RPCError | TimeoutError | RuntimeError | None:
        """The run's pending step, None when it has none, or why Temporal did not say."""
        try:
            answer = await self._ask(workflow_id)
            if answer.workflow_execution_info.status == _PAUSED:
                return self._paused(workflow_id, answer)
            if answer.workflow_execution_info.status != _RUNNING:
                return None  # It ended, or the sweep says what became of it.
            if answer.pending_workflow_task.attempt >= CODE_FAILURES:
                return await self._failing_code(workflow_id, answer)
            if not answer.pending_activities:
                return _untaken(workflow_id, answer)
        except (RPCError, TimeoutError, RuntimeError) as away:
            return away
        oldest = min(answer.pending_activities, key=lambda one: one.scheduled_time.ToNanoseconds())
        return await self._step(workflow_id, oldest)

    def _paused(self, workflow_id: str, answer: DescribeWorkflowExecutionResponse) -> DescribedStep:
        """A workflow that a person paused as a whole, which we never do: it takes no Update, and decisions wait until it is resumed."""
        paused = answer.workflow_extended_info.pause_info
        return DescribedStep(
            workflow_id, StepState.PAUSED, WORKFLOW_TASK, answer.execution_config.task_queue.name, 0, StepState.PAUSED.value,
            "", f"{paused.identity}: {paused.reason}"[:MESSAGE_MAX], _moment(paused.paused_time) or self._now(), None, "", "",
        )  # fmt: skip

    async def _ask(self, workflow_id: str) -> DescribeWorkflowExecutionResponse:
        request = DescribeWorkflowExecutionRequest(
            namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        return await self._client.workflow_service.describe_workflow_execution(request, timeout=CALL)

    async def _step(self, workflow_id: str, pending: PendingActivityInfo) -> DescribedStep | None:
        failures = max(0, pending.attempt - 1)
        # While a step waits for its next attempt, its scheduling is that attempt's, in the future.
        since = _moment(pending.last_attempt_complete_time) or _moment(pending.scheduled_time)
        next_at = _moment(pending.next_attempt_schedule_time)
        state = _state(pending, next_at, self._now())
        error_class, reason, message = await self._failure(workflow_id, pending.last_failure)
        if state is StepState.UNSTARTED:
            error_class, reason, message = StepState.UNSTARTED.value, "", message
            since = max(since or self._now(), next_at or datetime.min.replace(tzinfo=UTC))
        return None if state is StepState.STARTED and not failures else DescribedStep(
            workflow_id, state, pending.activity_type.name, _queue_of(pending), failures, error_class, reason, message,
            since or self._now(), next_at, "", pending.last_worker_identity,
        )  # fmt: skip

    async def _failing_code(self, workflow_id: str, answer: DescribeWorkflowExecutionResponse) -> DescribedStep:
        """Why the workflow's own code fails, by the newest failed workflow task in its history."""
        task, queue = answer.pending_workflow_task, answer.execution_config.task_queue.name
        error_class, reason, message = "workflow_task_failed", "", ""
        worker, build_id = "", ""
        for event in await self._newest_events(workflow_id):
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED:
                failed = event.workflow_task_failed_event_attributes
                _, reason, message = await self._failure(workflow_id, failed.failure)
                worker, build_id = failed.identity, failed.worker_version.build_id
                if _NONDETERMINISM in message.lower().replace("-", "") or "[TMPRL1100]" in message:
                    reason = "non_determinism"
                elif "not registered" in message:
                    reason = "unknown_workflow"
                elif failed.cause == _MESSAGE_TOO_LARGE or _is_too_large(message):
                    reason = "too_large"
                break
        since = _moment(task.original_scheduled_time) or self._now()
        return DescribedStep(
            workflow_id, StepState.WORKFLOW_TASK, WORKFLOW_TASK, queue, task.attempt - 1, error_class, reason, message,
            since, None, build_id, worker,
        )  # fmt: skip

    async def _newest_events(self, workflow_id: str) -> Sequence[HistoryEvent]:
        """The end of a run's history, the newest event first."""
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=workflow_id), maximum_page_size=10
        )
        page = await self._client.workflow_service.get_workflow_execution_history_reverse(request, timeout=CALL)
        return page.history.events

    async def _why_ended(self, workflow_id: str, status: str) -> tuple[str, str]:
        """Short reason and message of a run that was ended: how, and what the person or the server said that ended it.

        Temporal itself terminates a run whose command is too large for it.
        """
        for event in await self._newest_events(workflow_id):
            if event.HasField("workflow_execution_terminated_event_attributes"):
                said = event.workflow_execution_terminated_event_attributes.reason
                return ("too_large" if _is_too_large(said) else status), said[:MESSAGE_MAX]
            if event.HasField("workflow_execution_failed_event_attributes"):
                failure = event.workflow_execution_failed_event_attributes.failure
                _, _, said = await self._failure(workflow_id, failure)
                large = any(_is_too_large(one.message) for one in _with_causes(failure))
                return ("too_large" if large else status), said
        return status, ""

    async def _failure(self, workflow_id: str, failure: Failure) -> tuple[str, str, str]:
        """Class, short reason and message of an error; empty where there is none."""
        if not failure.ByteSize():
            return "", "", ""
        converter = self._client.data_converter.with_context(
            WorkflowSerializationContext(namespace=self._client.namespace, workflow_id=workflow_id)
        )
        try:
            error: BaseException = await converter.decode_failure(failure)
        except (ValueError, SealBroken):
            return UNREADABLE, "", ""  # It was not written by us; other runs are described all the same.
        kind = error.type if isinstance(error, ApplicationError) and error.type else type(error).__name__
        message = str(getattr(error, "message", "") or "")[:MESSAGE_MAX]
        if "is not registered" in message:
            return kind, "unknown_activity", message
        return kind, short_reason(kind, message), message

    async def _queue(self, queue: str, kind: str) -> DescribedQueue | None:
        request = DescribeTaskQueueRequest(
            namespace=self._client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=QUEUE_KINDS[kind],
            report_stats=True,
        )  # fmt: skip
        try:
            answer = await self._client.workflow_service.describe_task_queue(request, timeout=CALL)
        except (RPCError, TimeoutError, RuntimeError):
            return None
        stats = answer.stats
        return DescribedQueue(
            queue, kind, tuple(_poller(one) for one in answer.pollers), stats.approximate_backlog_count,
            stats.approximate_backlog_age.ToMilliseconds() / 1000, stats.tasks_add_rate, stats.tasks_dispatch_rate,
        )  # fmt: skip


async def poller_count(client: Client, queue: str, kind: str) -> int:
    """Return how many workers polled a task queue lately. Raises RPCError."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=QUEUE_KINDS[kind]
    )
    return len((await client.workflow_service.describe_task_queue(request, timeout=CALL)).pollers)


def _poller(one: Any) -> Mapping[str, str]:
    seen = _moment(one.last_access_time)
    return {
        "identity": one.identity, "build_id": one.worker_version_capabilities.build_id,
        "seen_at": seen.isoformat() if seen else "",
    }  # fmt: skip


def _state(pending: PendingActivityInfo, next_at: datetime | None, now: datetime) -> StepState:
    if pending.paused:
        return StepState.PAUSED
    if pending.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED:
        return StepState.STARTED
    waits_for_worker = next_at is None or next_at < now
    return StepState.UNSTARTED if waits_for_worker else StepState.FAILING


def _queue_of(pending: PendingActivityInfo) -> str:
    return pending.activity_options.task_queue.name


def _untaken(workflow_id: str, answer: DescribeWorkflowExecutionResponse) -> DescribedStep | None:
    """The workflow task that waits for a worker; None when the run waits for no task."""
    task, since = answer.pending_workflow_task, _moment(answer.pending_workflow_task.scheduled_time)
    if since is None or task.state != PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_SCHEDULED:
        return None
    return DescribedStep(
        workflow_id, StepState.UNSTARTED, WORKFLOW_TASK, answer.execution_config.task_queue.name, 0,
        StepState.UNSTARTED.value, "", "", since, None, "", "",
    )  # fmt: skip


def _with_causes(failure: Failure) -> Iterator[Failure]:
    yield failure
    while failure.HasField("cause"):
        failure = failure.cause
        yield failure


def _is_too_large(message: str) -> bool:
    return "exceeds size limit" in message or "too large" in message.lower()


def _moment(stamp: Any) -> datetime | None:
    """A protobuf time as a moment; None where it is not set."""
    moment: datetime = stamp.ToDatetime(UTC)
    return moment if stamp.seconds else None
