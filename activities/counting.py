"""Count what activities do, and name the card and its workflow in every line that they log."""

from __future__ import annotations

import time
from typing import Any

from prometheus_client import Counter, Histogram
from structlog.contextvars import bound_contextvars
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.ops.runs import RunKind, subject_of

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
ATTEMPTS = Counter(
    "cardloop_activity_attempts", "Attempts by activity and outcome: passed, failed, refused.", ("activity", "outcome")
)
SECONDS = Histogram("cardloop_activity_duration_seconds", "Time of one attempt.", ("activity",), buckets=BUCKETS)
PAYOUTS = Counter("cardloop_payouts", "Payment orders that were settled, by outcome.", ("outcome",))
OFFERS = Histogram(
    "cardloop_quote_duration_seconds",
    "From a card's submission to its offer.",
    buckets=(0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0, 86400.0),
)


class AttemptCounter(Interceptor):
    """Counts every attempt of one process's activities."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  # The SDK's name.
        """Wrap one worker's activities."""
        return _Counting(super().intercept_activity(next))


class _Counting(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  # The SDK's name.
        """Run the activity; a refusal is an answer, and everything else that is raised is a failure."""
        info, started, outcome = activity.info(), time.perf_counter(), "failed"
        workflow_id = info.workflow_id or ""
        subject = subject_of(workflow_id)
        card_id = subject[1] if subject is not None and subject[0] is RunKind.CARD else None
        with bound_contextvars(
            activity=info.activity_type,
            attempt=info.attempt,
            workflow_id=workflow_id,
            card_id=card_id,
        ):
            try:
                result = await self.next.execute_activity(input)
                outcome = "passed"
            except ApplicationError as error:
                outcome = "refused" if error.non_retryable else "failed"
                raise
            finally:
                ATTEMPTS.labels(info.activity_type, outcome).inc()
                SECONDS.labels(info.activity_type).observe(time.perf_counter() - started)
        return result
