"""Set a task's place in the queue, with every change that moves it."""

from __future__ import annotations

from datetime import datetime

from database.tables.work import WorkItemRow
from domain.work.kinds import kind_of
from domain.work.lease import holder_of
from domain.work.queue_order import OrderFacts, band_of
from domain.work.task import CameBack


def placed(task: WorkItemRow, now: datetime) -> None:
    """Sets `band` and `order_at` from what the row says. Call it whenever anything changed that the order depends on.

    A snoozed task is placed where it will be once it returns, so that its return needs no further write.
    """
    facts = order_facts(task, now)
    task.band, task.order_at = int(band_of(facts)), kind_of(task.kind).order_at(facts)


def sent_back(task: WorkItemRow, why: CameBack, reason: str, at: datetime) -> None:
    """Return the task to the queue as of this moment, for this reason (a code or words), and place it."""
    task.came_back, task.came_back_reason, task.came_back_at = why, reason, at
    placed(task, at)


def order_facts(task: WorkItemRow, now: datetime) -> OrderFacts:
    """Return what the order depends on, from the row at this moment."""
    back = task.came_back_at if task.came_back is not None else None
    return OrderFacts(
        opened_at=task.opened_at,
        due_at=task.due_at,
        value_minor=task.value_minor,
        priority=task.priority,
        escalated=task.escalated,
        warned=task.warned_at is not None,
        breached=task.breached_at is not None,
        came_back_at=back or (now if task.came_back is not None else None),
        leased_by=holder_of(task, now),
        assigned_to=task.assigned_to,
        waiting=task.waiting,
    )
