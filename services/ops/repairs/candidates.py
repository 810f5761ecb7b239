"""What our rows say of the runs of a repair, a batch at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import lasts_sql
from database.reads.ops.open_runs import VALUE
from domain.cards.card import Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.payout import PayoutState
from domain.ops.candidates import Candidate, StepNow, TaskNow
from domain.ops.runs import StepState, subject_of

_FIND = f"""
SELECT item.place, item.workflow_id, item.subject, card.id IS NOT NULL AS known, card.stage, card.waiting_for, card.until,
       card.outcome IS NOT NULL AS ended, card.started_at IS NOT NULL AS started, card.card_type, card.brand,
       {VALUE.replace("run.subject", "item.subject")} AS value_minor,
       EXISTS (SELECT FROM photo WHERE photo.card_id = card.id AND photo.current) AS has_photos,
       step.state AS step_state, step.step, step.queue, step.provider, step.failures, step.next_at,
       task.id AS task_id, CASE WHEN {lasts_sql("task")} THEN task.leased_by END AS leased_by, task.replan,
       ARRAY(SELECT person_id FROM review_draft WHERE review_draft.task_id = task.id ORDER BY person_id) AS draft_by,
       made.id AS decision, made.person_id AS decided_by,
       (SELECT count(*) FROM review_decision AS d
        WHERE d.card_id = card.id AND d.applied_at IS NOT NULL AND d.void_at IS NULL) AS approvals,
       quote.id AS quote_id, quote.state AS quote_state, quote.offered_at IS NOT NULL AS offered,
       (SELECT count(*) FROM payout WHERE payout.card_id = card.id) AS orders,
       paying.key AS order_key, paying.state AS order_state,
       asked.id AS outlet_request, asked.answer = 'confirmed' AS outlet_confirmed,
       (SELECT other.repair_id FROM repair_item AS other
        WHERE other.workflow_id = item.workflow_id AND other.live AND other.repair_id <> item.repair_id) AS other_repair
FROM repair_item AS item
LEFT JOIN card ON card.id = item.subject
LEFT JOIN pending_step AS step ON step.workflow_id = item.workflow_id
LEFT JOIN LATERAL (
    SELECT * FROM work_item WHERE work_item.card_id = card.id AND work_item.kind = 'review' AND work_item.closed_at IS NULL
) AS task ON true
LEFT JOIN LATERAL (
    SELECT * FROM review_decision AS d WHERE d.task_id = task.id AND d.applied_at IS NULL AND d.void_at IS NULL
    ORDER BY d.made_at DESC LIMIT 1
) AS made ON true
LEFT JOIN LATERAL (
    SELECT * FROM quote AS q WHERE q.card_id = card.id ORDER BY q.created_at DESC, q.id DESC LIMIT 1
) AS quote ON true
LEFT JOIN LATERAL (
    SELECT * FROM payout AS p WHERE p.card_id = card.id ORDER BY p.attempt DESC LIMIT 1
) AS paying ON true
LEFT JOIN LATERAL (
    SELECT * FROM outlet_request AS o WHERE o.card_id = card.id AND o.answered_at IS NOT NULL
    ORDER BY o.asked_at DESC LIMIT 1
) AS asked ON true
WHERE item.repair_id = :repair_id AND item.place = ANY(:places)
ORDER BY item.place
"""  # noqa: S608  # Names of our own.


async def candidates(session: AsyncSession, repair_id: str, places: list[int], now: datetime) -> dict[int, Candidate]:
    """Return the runs at these places of a repair, by place. One statement."""
    values = {"repair_id": repair_id, "places": places, "now": now}
    rows = await session.execute(text(_FIND), values)
    return {row["place"]: _candidate(row) for row in rows.mappings()}


def _candidate(row: RowMapping) -> Candidate:
    named = subject_of(row["workflow_id"])
    found: dict[str, Any] = {
        "workflow_id": row["workflow_id"], "kind": named[0] if named else None, "subject": row["subject"],
        "known": row["known"],
    }  # fmt: skip
    if not row["known"]:
        return Candidate(**found)
    return Candidate(
        **found,
        stage=Stage(row["stage"]), waiting_for=WaitingFor(row["waiting_for"]), until=row["until"], ended=row["ended"],
        started=row["started"], card_type=row["card_type"], brand=row["brand"], value_minor=row["value_minor"],
        has_photos=row["has_photos"], step=_step(row), task=_task(row), approvals=row["approvals"],
        quote_id=row["quote_id"] or "", quote_state=QuoteState(row["quote_state"]) if row["quote_state"] else None,
        offered=row["offered"], orders=row["orders"], order_key=row["order_key"] or "",
        order_state=PayoutState(row["order_state"]) if row["order_state"] else None,
        outlet_request=row["outlet_request"] or "", outlet_confirmed=bool(row["outlet_confirmed"]),
        other_repair=row["other_repair"] or "",
    )  # fmt: skip


def _step(row: RowMapping) -> StepNow | None:
    if row["step_state"] is None:
        return None
    return StepNow(
        StepState(row["step_state"]), row["step"], row["queue"], row["provider"], row["failures"], row["next_at"]
    )


def _task(row: RowMapping) -> TaskNow | None:
    if row["task_id"] is None:
        return None
    return TaskNow(
        row["task_id"], row["leased_by"] or "", tuple(row["draft_by"]), row["decision"] or "", row["decided_by"] or "",
        bool(row["replan"]),
    )  # fmt: skip
