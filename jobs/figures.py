"""Put the installation's figures into this process's metrics; the console's process does, which every installation has once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from prometheus_client import Gauge

from database.reads.ops.figures import Figures, figures
from database.session import Database
from domain.ops.workers import WorkerState

STUCK = Gauge("cardloop_stuck_runs", "Stuck runs by likely reason, step and provider.", ("reason", "step", "provider"))
STUCK_VALUE = Gauge("cardloop_stuck_value_cny", "Money at stake in stuck runs, CNY.", ("reason", "step", "provider"))
STUCK_AGE = Gauge("cardloop_stuck_oldest_seconds", "Age of the oldest stuck run.", ("reason", "step", "provider"))
BACKLOG = Gauge("cardloop_queue_backlog", "Tasks that wait in a task queue, by Temporal's account.", ("queue", "kind"))
BACKLOG_AGE = Gauge("cardloop_queue_backlog_age_seconds", "Wait of the oldest such task.", ("queue", "kind"))
POLLERS = Gauge("cardloop_queue_pollers", "Workers that ask a task queue for work.", ("queue", "kind"))
QUEUE_SEEN = Gauge(
    "cardloop_queue_seen_timestamp_seconds", "When Temporal last described the queue.", ("queue", "kind")
)
WORKERS = Gauge("cardloop_workers", "Worker processes by kind and state.", ("kind", "state"))
BUILDS = Gauge("cardloop_build_open_runs", "Open runs that a build has worked on.", ("build",))
OUTBOX = Gauge("cardloop_outbox_waiting", "Webhooks and messages that are due.", ("kind",))
OUTBOX_AGE = Gauge("cardloop_outbox_oldest_seconds", "For how long the oldest of them has been due.", ("kind",))
NOTICES = Gauge("cardloop_notices_waiting", "Notices that are due by mail or webhook.")
WORK = Gauge("cardloop_work_items_open", "Open work items of people, by kind.", ("kind",))
WORK_AGE = Gauge("cardloop_work_items_oldest_seconds", "Age of the oldest open work item.", ("kind",))
UNKNOWN = Gauge("cardloop_payouts_unknown", "Payment orders whose outcome is unknown.")
UNKNOWN_AGE = Gauge("cardloop_payouts_unknown_oldest_seconds", "Age of the oldest of them.")
SET_ASIDE = Gauge("cardloop_set_aside", "Pieces of work that a background loop could not do.", ("loop",))
READ_AT = Gauge("cardloop_figures_timestamp_seconds", "When these figures were last read.")
LABELLED = (
    STUCK, STUCK_VALUE, STUCK_AGE, BACKLOG, BACKLOG_AGE, POLLERS, QUEUE_SEEN, WORKERS, BUILDS, OUTBOX, OUTBOX_AGE, WORK,
    WORK_AGE, SET_ASIDE,
)  # fmt: skip
WORKER_KINDS = ("cards", "reading")  # Counted also where there is none.
OUTBOX_KINDS = ("message", "webhook")


class FiguresJob:
    """Reads the figures. Which label values there are is bounded by our own lists: steps, queues, kinds, brands, builds."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def look(self) -> int:
        """Read and show them. Raises DatabaseUnavailable; the last figures stay then, with their time."""
        async with self._database.transaction() as session:
            found = await figures(session, self._now())
        for one in LABELLED:
            one.clear()
        _show_temporal(found)
        _show_rows(found)
        READ_AT.set(self._now().timestamp())
        return 1


def _show_temporal(found: Figures) -> None:
    for labels, one in found.stuck.items():
        STUCK.labels(*labels).set(one.runs)
        STUCK_VALUE.labels(*labels).set(one.value_minor / 100)
        STUCK_AGE.labels(*labels).set(one.oldest_s)
    for queue in found.queues:
        BACKLOG.labels(queue.queue, queue.kind).set(queue.backlog)
        BACKLOG_AGE.labels(queue.queue, queue.kind).set(queue.backlog_age_s)
        POLLERS.labels(queue.queue, queue.kind).set(len(queue.workers))
        QUEUE_SEEN.labels(queue.queue, queue.kind).set(queue.seen_at.timestamp())
    for kind in WORKER_KINDS:
        for state in WorkerState:
            WORKERS.labels(kind, state.value).set(found.workers.get((kind, state), 0))
    for build, runs in found.builds.items():
        BUILDS.labels(build).set(runs)


def _show_rows(found: Figures) -> None:
    for kind in sorted({*OUTBOX_KINDS, *found.outbox}):
        waiting = found.outbox.get(kind)
        OUTBOX.labels(kind).set(waiting.waiting if waiting else 0)
        OUTBOX_AGE.labels(kind).set(waiting.oldest_s if waiting else 0)
    NOTICES.set(found.notices)
    for kind, backlog in found.work.items():
        WORK.labels(kind).set(backlog.waiting)
        WORK_AGE.labels(kind).set(backlog.oldest_s)
    UNKNOWN.set(found.unknown_payouts.waiting)
    UNKNOWN_AGE.set(found.unknown_payouts.oldest_s)
    for loop, count in found.set_aside.items():
        SET_ASIDE.labels(loop).set(count)
