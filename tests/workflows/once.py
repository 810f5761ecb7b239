"""Answer a local activity that runs again, because its workflow task was lost, as it was answered the first time.

A local activity is recorded with the workflow task that ran it. When that task fails or times out, as on a busy machine,
Temporal runs the same activity again. Real activities bear that; a test's story that counts calls, or gives its answers
one after the other, would tell another story.
"""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

Command = tuple[str, str, int]


class OncePerCommand(Interceptor):
    """Run each attempt of each local activity once, however often the worker is asked to; one instance per story."""

    def __init__(self) -> None:
        self._answers: dict[Command, asyncio.Future[Any]] = {}

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002  # Temporal's name.
        return _Once(next, self._answers)


class _Once(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, answers: dict[Command, asyncio.Future[Any]]) -> None:
        super().__init__(following)
        self._answers = answers

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002  # Temporal's name.
        info = activity.info()
        if not info.is_local:
            return await super().execute_activity(input)
        command = (info.workflow_run_id or "", info.activity_id, info.attempt)
        if command not in self._answers:
            self._answers[command] = asyncio.ensure_future(super().execute_activity(input))
        return await asyncio.shield(self._answers[command])
