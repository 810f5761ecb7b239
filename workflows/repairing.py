"""What repairs do to single runs, spoken to Temporal: each act looks first where an earlier attempt may have acted already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from temporalio.api.activity.v1 import ActivityOptions
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import WorkflowExecutionStatus
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    PauseActivityRequest,
    ResetActivityRequest,
    UnpauseActivityRequest,
    UpdateActivityOptionsRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.cards.facts import CardToBuy
from domain.errors.general import TemporarilyUnavailable
from domain.ops.repair_judges import report_for
from domain.ops.repairs import Proof, RepairKind, ResetPoint
from domain.ops.runs import CODE_FAILURES
from services.ops.repairs.acts import Act, AlreadyCured, Declined, ItemAct, LookedAt, NotOffered, RunEnded
from workflows.client import CardClient

CALL = timedelta(seconds=10)
IDENTITY = "cardloop repair"
LEFT_AFTER_PAUSE = timedelta(minutes=15)  # So much of a step's time limit is left when its planned pause is over.
FIRST_EVENTS = 3  # A history this short holds only the start of the first workflow task.
_RUNNING = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
_TERMINATED = WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_TERMINATED
_NOBODY_KNOWS = frozenset(
    {
        RPCStatusCode.UNAVAILABLE,
        RPCStatusCode.DEADLINE_EXCEEDED,
        RPCStatusCode.RESOURCE_EXHAUSTED,
        RPCStatusCode.ABORTED,
        RPCStatusCode.CANCELLED,
        RPCStatusCode.UNKNOWN,
        RPCStatusCode.INTERNAL,
    }
)


class RepairActs:
    """The acts of the technical kinds. `from_point` returns what a card's journey is started with at a named point."""

    def __init__(
        self,
        client: Client,
        desk: CardClient,
        from_point: Callable[[str, ResetPoint], Awaitable[CardToBuy]],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._desk = desk
        self._from_point = from_point
        self._now = now

    def by_kind(self) -> Mapping[RepairKind, Act]:
        """Return the act of each kind."""
        return {
            RepairKind.RETRY_NOW: self.retry_now,
            RepairKind.SKIP_WAIT: self.skip_wait,
            RepairKind.PAUSE: self.pause,
            RepairKind.UNPAUSE: self.unpause,
            RepairKind.CHANGE_RETRY: self.change_retry,
            RepairKind.SIGNAL_AGAIN: self.signal_again,
            RepairKind.RESET: self.reset,
        }

    async def retry_now(self, item: ItemAct) -> Mapping[str, str]:
        """Begin the pending step again at once, from its first attempt."""
        if item.tried and (await self._pending(item)).attempt <= 1:
            return {}  # The interrupted attempt did it.
        await self._call(item, "reset_activity", ResetActivityRequest(**self._named(item)))
        return {}

    async def skip_wait(self, item: ItemAct) -> Mapping[str, str]:
        """End a back-off: pausing and unpausing a step tries it at once and counts on. Or end a wait of the journey."""
        if item.candidate.step is None and not item.step:
            await self._desk.skip_wait(item.subject, item.candidate.waiting_for)
            return {}
        await self._call(item, "pause_activity", PauseActivityRequest(**self._named(item), reason=item.key))
        await self._call(item, "unpause_activity", UnpauseActivityRequest(**self._named(item)))
        return {}

    async def pause(self, item: ItemAct) -> Mapping[str, str]:
        """Pause the pending step, after its time limit was extended by what the pause takes at most."""
        pending = await self._pending(item)
        if pending.paused:
            return {}  # Its limit was extended before it was paused.
        planned = timedelta(seconds=int(item.options["for_at_most_s"]))
        facts = await self._with_time_left(item, pending, planned + LEFT_AFTER_PAUSE)
        await self._call(item, "pause_activity", PauseActivityRequest(**self._named(item), reason=item.key))
        return facts

    async def unpause(self, item: ItemAct) -> Mapping[str, str]:
        """Resume a paused step."""
        if (await self._pending(item)).paused:
            again = bool(item.options["from_first_attempt"])
            request = UnpauseActivityRequest(**self._named(item), reset_attempts=again)
            await self._call(item, "unpause_activity", request)
        return {}

    async def change_retry(self, item: ItemAct) -> Mapping[str, str]:
        """Give the pending step other intervals, and more time."""
        pending, options = await self._pending(item), ActivityOptions()
        options.retry_policy.initial_interval.CopyFrom(Duration(seconds=int(item.options["first_s"])))
        longest = max(int(item.options["longest_s"]), int(item.options["first_s"]))
        options.retry_policy.maximum_interval.CopyFrom(Duration(seconds=longest))
        await self._options(item, options, "retry_policy.initial_interval", "retry_policy.maximum_interval")
        return await self._with_time_left(item, pending, timedelta(seconds=int(item.options["extend_s"])))

    async def signal_again(self, item: ItemAct) -> Mapping[str, str]:
        """Give the card a report that is in our rows; one that it has heard already changes nothing."""
        what, named = report_for(item.candidate) or ("", "")
        if what == "outlet":
            await self._desk.outlet_reported(item.subject, named, item.candidate.outlet_confirmed)
        elif what == "payment":
            await self._desk.payment_reported(item.subject, named)
        elif what == "replan":
            await self._desk.replan(item.subject, named)
        else:
            raise AlreadyCured
        return {"report": what, "id": named}

    async def reset(self, item: ItemAct) -> Mapping[str, str]:
        """Start the journey again from its rows: they hold every decision, and nothing is sent twice."""
        point = ResetPoint(item.options["point"])
        await self._desk.restart(await self._from_point(item.subject, point))
        return {"point": point.value}

    async def look(self, one: LookedAt) -> bool | None:
        """Return whether an item is proven by Temporal's own account. Raises TemporarilyUnavailable."""
        answer = await self._describe(one.workflow_id)
        if answer is None:
            return None
        if answer.workflow_execution_info.status != _RUNNING:
            return True if answer.workflow_execution_info.status != _TERMINATED else None
        if answer.pending_workflow_task.attempt >= CODE_FAILURES:
            return False if one.proof is Proof.RUNS else None
        if one.proof is Proof.RUNS:
            return True if answer.workflow_execution_info.history_length > FIRST_EVENTS else None
        if one.proof is not Proof.STEP:
            return None
        pending = _of_type(answer, one.step)
        if pending is None:
            return True
        return False if pending.attempt > 1 and not pending.paused else None

    async def _with_time_left(
        self, item: ItemAct, pending: PendingActivityInfo, needed: timedelta
    ) -> Mapping[str, str]:
        """Extend the step's time limit so that this much is left from now on; a step without a limit stays without.

        Servers up to 1.29 extend the limit and not the time until which they retry: `retries_until` then names that time.
        One attempt is made after it; if that fails, the journey continues as it does at the step's limit.
        """
        limit = pending.activity_options.schedule_to_close_timeout.ToTimedelta()
        if not limit or not pending.expiration_time.seconds:
            return {}
        missing = self._now() + needed - pending.expiration_time.ToDatetime(UTC)
        if missing <= timedelta():
            return {}
        longer = Duration(seconds=int((limit + missing).total_seconds()) + 1)
        await self._options(item, ActivityOptions(schedule_to_close_timeout=longer), "schedule_to_close_timeout")
        facts = {"extended_s": str(int(missing.total_seconds()) + 1)}
        after = await self._pending(item)
        if after.expiration_time == pending.expiration_time:
            facts["retries_until"] = pending.expiration_time.ToDatetime(UTC).isoformat()
        return facts

    async def _options(self, item: ItemAct, options: ActivityOptions, *paths: str) -> None:
        request = UpdateActivityOptionsRequest(
            **self._named(item), activity_options=options, update_mask=FieldMask(paths=paths)
        )
        await self._call(item, "update_activity_options", request)

    def _named(self, item: ItemAct) -> dict[str, Any]:
        """The pending step of a run, as every call about it names it."""
        execution = WorkflowExecution(workflow_id=item.workflow_id)
        return {"namespace": self._client.namespace, "execution": execution, "type": item.step, "identity": IDENTITY}

    async def _pending(self, item: ItemAct) -> PendingActivityInfo:
        """The pending step. Raises RunEnded, and AlreadyCured where it is not pending any more."""
        answer = await self._describe(item.workflow_id)
        if answer is None or answer.workflow_execution_info.status != _RUNNING:
            raise RunEnded
        pending = _of_type(answer, item.step)
        if pending is None:
            raise AlreadyCured
        return pending

    async def _call(self, item: ItemAct, call: str, request: Any) -> None:
        try:
            await getattr(self._client.workflow_service, call)(request, timeout=CALL)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                await self._pending(item)  # Says whether the run has ended or the step has passed.
                raise TemporarilyUnavailable() from error
            raise _judged(call, error) from error
        except (RuntimeError, TimeoutError) as error:
            raise TemporarilyUnavailable() from error

    async def _describe(self, workflow_id: str) -> DescribeWorkflowExecutionResponse | None:
        """The run as it is; None where there is none."""
        request = DescribeWorkflowExecutionRequest(
            namespace=self._client.namespace, execution=WorkflowExecution(workflow_id=workflow_id)
        )
        try:
            return await self._client.workflow_service.describe_workflow_execution(request, timeout=CALL)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise _judged("describe_workflow_execution", error) from error
        except (RuntimeError, TimeoutError) as error:
            raise TemporarilyUnavailable() from error


def _judged(call: str, error: RPCError) -> Exception:
    """What an error of Temporal means for the run."""
    if error.status is RPCStatusCode.UNIMPLEMENTED:
        return NotOffered(call)
    return TemporarilyUnavailable() if error.status in _NOBODY_KNOWS else Declined(error.status.name.lower())


def _of_type(answer: DescribeWorkflowExecutionResponse, step: str) -> PendingActivityInfo | None:
    return next((one for one in answer.pending_activities if one.activity_type.name == step), None)
