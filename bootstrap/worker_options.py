"""What every Temporal worker of ours is started with, whatever its queue."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TypedDict

from temporalio.worker import Interceptor

from activities.heartbeats import EVERY_S
from bootstrap.build import build_id

# So long may running steps continue when a worker is stopped or drained; a step that needs longer is tried again elsewhere.
GRACE = timedelta(seconds=20)
# A killed worker's next workflow task goes to another worker when it has waited for the dead one for so long.
STICKY = timedelta(seconds=5)
# A worker that has taken a workflow task must end it within ten seconds, or Temporal gives it to another and the work is lost:
# with more tasks than it can do in that time, it would do all of them again and again. What waits in Temporal may wait.
WORKFLOW_TASKS_AT_ONCE = 20
ACTIVITIES_AT_ONCE = 40  # Of one queue.


class WorkerOptions(TypedDict):
    """Options of `temporalio.worker.Worker`."""

    build_id: str
    interceptors: Sequence[Interceptor]
    graceful_shutdown_timeout: timedelta
    max_heartbeat_throttle_interval: timedelta
    sticky_queue_schedule_to_start_timeout: timedelta
    max_concurrent_workflow_tasks: int
    max_concurrent_activities: int


def worker_options(
    interceptors: Sequence[Interceptor] = (), activities_at_once: int = ACTIVITIES_AT_ONCE
) -> WorkerOptions:
    """Return the options. Every heartbeat is sent as it comes: the SDK would keep most of them back."""
    return WorkerOptions(
        build_id=build_id(),
        interceptors=interceptors,
        graceful_shutdown_timeout=GRACE,
        max_heartbeat_throttle_interval=timedelta(seconds=EVERY_S),
        sticky_queue_schedule_to_start_timeout=STICKY,
        max_concurrent_workflow_tasks=WORKFLOW_TASKS_AT_ONCE,
        max_concurrent_activities=activities_at_once,
    )
