"""One row of the queue: priority, holder, and why the task came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from database.reads.work.queue import COUNTED_MAX, QueueEntry
from database.tables.work import WorkItemRow
from domain.identifiers import short
from domain.money import Money
from domain.work.kinds import kind_of, subject_of
from domain.work.queue_order import OrderReason, reasons_of
from domain.work.reason_codes import ReasonedAct
from domain.work.task import CameBack, TaskPhase
from reviewer_ui.reason_words import ACT_OF, Reasons, said
from services.work.ordering import order_facts

MINUTE_S = 60


@dataclass(frozen=True)
class Row:
    """One line of the queue. `holder` and `assignee` are names; `left` is what remains of the lease, as `04:31`."""

    task_id: str
    card_id: str  # Empty for work that concerns no card.
    name: str  # The last characters of the id that people use: its card's, or its own subject's.
    page: str
    holds_card: bool
    card_type: str
    brand: str
    language: str
    value: Money
    reasons: tuple[str, ...]  # Keys of their words.
    order: tuple[OrderReason, ...]
    checking: bool
    decided: bool
    own_card: bool  # The seller is probably the viewer.
    late: bool
    soon: bool  # Its warning has passed and it is not late yet.
    due_at: datetime
    opened_at: datetime
    holder: str | None
    held_by_me: bool
    held_until: datetime | None
    left: str
    assignee: str | None
    assigned_to_me: bool
    snoozed_until: datetime | None
    snooze_reason: str
    came_back: CameBack | None
    came_back_reason: str
    escalation_reason: str


def row(entry: QueueEntry, person: str, reasons: Reasons, locale: str, now: datetime) -> Row:
    """Prepare the entry as this person (id) sees it at this moment."""
    task = entry.task
    snoozed = task.snoozed_until is not None and task.snoozed_until > now
    back = None if snoozed else task.came_back
    held = task.leased_until if entry.holder is not None else None
    return Row(
        **_of_the_card(task),
        order=reasons_of(order_facts(task, now), person),
        checking=task.phase is TaskPhase.CHECK,
        decided=task.decided,
        own_card=person in task.linked,
        late=task.due_at < now,
        soon=task.warn_at <= now <= task.due_at,
        due_at=task.due_at,
        opened_at=task.opened_at,
        holder=entry.holder,
        held_by_me=held is not None and task.leased_by == person,
        held_until=held,
        left="" if held is None else clock((held - now).total_seconds()),
        assignee=entry.assignee,
        assigned_to_me=task.assigned_to == person,
        snoozed_until=task.snoozed_until if snoozed else None,
        snooze_reason=said(reasons, ReasonedAct.SNOOZE, task.snooze_reason, locale) if snoozed else "",
        came_back=back,
        came_back_reason=said(reasons, ACT_OF.get(back), task.came_back_reason, locale) if back else "",
        escalation_reason=said(reasons, ReasonedAct.ESCALATE, task.escalation_reason, locale) if task.escalated else "",
    )


def counted(number: int) -> str:
    """`1,234`, or `10,000+` where counting stopped."""
    return f"{number:,}" if number <= COUNTED_MAX else f"{COUNTED_MAX:,}+"


def clock(seconds: float) -> str:
    """`04:31`; hours count as minutes."""
    minutes, rest = divmod(max(0, round(seconds)), MINUTE_S)
    return f"{minutes:02d}:{rest:02d}"


def _of_the_card(task: WorkItemRow) -> dict[str, Any]:
    kind = kind_of(task.kind)
    return {
        "task_id": task.id,
        "card_id": task.card_id or "",
        "name": short(task.card_id or subject_of(task.id) or task.id),
        "page": kind.page_of(task.id, task.card_id),
        "holds_card": kind.holds_card,
        "card_type": task.card_type.value if task.card_type else "",
        "brand": task.brand,
        "language": task.language,
        "value": Money(task.value_minor),
        "reasons": tuple(f"{kind.reasons}.{reason}" for reason in task.reasons),
    }
