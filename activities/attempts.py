"""Report every failed attempt of every activity as it happens: Temporal can neither list nor group them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.failures import WAITS
from domain.ops.runs import FailedAttempt, short_reason
from services.ops.attempts import Attempts

NO_POLICY = RetryPolicy()
AFTER_THE_LAST = timedelta(minutes=1)  # For so long another attempt of the workflow's own is expected.
LONGEST_S = 24 * 3600.0  # However long a provider asks us to wait.


class AttemptReporter(Interceptor):
    """`build_id` and `worker` say which code ran, and where."""

    def __init__(self, attempts: Attempts, build_id: str, worker: str) -> None:
        self._attempts = attempts
        self._build_id = build_id
        self._worker = worker

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  # The SDK's name.
        """Wrap one worker's activities."""
        return _Reporting(super().intercept_activity(next), self)

    def failed(self, info: activity.Info, error: ApplicationError) -> None:
        """Report an attempt that did not succeed. A refusal is an answer: the workflow continues with it;
        so is a wait that is planned.

        After the last attempt the workflow may ask the same again more patiently, so that failures count on.
        """
        if error.non_retryable or error.type == WAITS:
            self.passed(info)
            return
        wait = error.next_retry_delay or _backoff(info)
        if _last(info, wait):
            wait = AFTER_THE_LAST
        error_class = error.type or type(error).__name__
        self._attempts.failed(
            FailedAttempt(
                workflow_id=info.workflow_id or "",
                step=info.activity_type,
                queue=info.task_queue,
                error_class=error_class,
                reason=short_reason(error_class, error.message),
                message=error.message,
                failures=1,
                next_in_s=min(wait.total_seconds(), LONGEST_S),
                build_id=self._build_id,
                worker=self._worker,
            )
        )

    def passed(self, info: activity.Info) -> None:
        """Report a success."""
        self._attempts.passed(info.workflow_id or "", info.activity_type)


class _Reporting(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, reporter: AttemptReporter) -> None:
        super().__init__(following)
        self._reporter = reporter

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  # The SDK's name.
        """Run the activity and report how it went."""
        try:
            result = await self.next.execute_activity(input)
        except ApplicationError as error:
            self._reporter.failed(activity.info(), error)
            raise
        self._reporter.passed(activity.info())
        return result


def _backoff(info: activity.Info) -> timedelta:
    """The wait after this attempt by the activity's retry policy."""
    policy = info.retry_policy or NO_POLICY
    longest = policy.maximum_interval or policy.initial_interval * 100
    grown = policy.initial_interval.total_seconds() * policy.backoff_coefficient ** min(info.attempt - 1, 60)
    return timedelta(seconds=min(grown, longest.total_seconds()))


def _last(info: activity.Info, wait: timedelta) -> bool:
    """Whether no further attempt follows."""
    policy, limit = info.retry_policy or NO_POLICY, info.schedule_to_close_timeout
    if policy.maximum_attempts and info.attempt >= policy.maximum_attempts:
        return True
    return limit is not None and limit > timedelta() and datetime.now(UTC) + wait > info.scheduled_time + limit
