"""Hold the calls to a provider in maintenance in the workers, where Temporal's server keeps no rate of a task queue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

HELD = "provider_held"
# How long a task of this queue must wait; None: it may begin.
Wait = Callable[[str], Awaitable[timedelta | None]]


class CallHolder(Interceptor):
    """Gives a held task back to Temporal before anything is done for it; nothing is counted or reported as a failure."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  # The SDK's name.
        """Wrap one worker's activities."""
        return _Holding(super().intercept_activity(next), self._wait)


class _Holding(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, wait: Wait) -> None:
        super().__init__(following)
        self._wait = wait

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  # The SDK's name.
        """Run the activity, unless its provider is held: then Temporal gives it out again later."""
        wait = await self._wait(activity.info().task_queue)
        if wait is not None:
            raise ApplicationError("the provider is in maintenance", type=HELD, next_retry_delay=wait)
        return await self.next.execute_activity(input)
