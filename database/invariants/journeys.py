"""I5 and I6: every card has ended or waits for exactly one thing, and no task is decided twice or without its lease."""

from __future__ import annotations

from typing import Any

from database.invariants.base import Invariant, Look


class CardsAreHeld(Invariant):
    """Each open card has exactly one task or timer, and none waits past it."""

    code, name, often = "I5", "cards_are_held", True
    sql = """
SELECT 'card ' || card.id || ' waits for a reviewer with ' || open || ' open tasks'
FROM card JOIN LATERAL (
    SELECT count(*) AS open FROM work_item WHERE card_id = card.id AND kind = 'review' AND closed_at IS NULL
) tasks ON true
WHERE (waiting_for = 'reviewer') <> (open = 1) AND outcome IS NULL OR outcome IS NOT NULL AND open > 0
UNION ALL
SELECT 'card ' || id || ' waits for ' || waiting_for || ' without a deadline'
FROM card WHERE waiting_for IN ('seller_fields', 'seller_code', 'seller_item', 'seller_offer', 'outlet') AND until IS NULL
UNION ALL
SELECT 'card ' || id || ' is late: waited for ' || waiting_for || ' until ' || until
FROM card WHERE outcome IS NULL AND waiting_for <> 'reviewer' AND until < now() - CAST(:step_max AS interval)
UNION ALL
SELECT 'card ' || id || ' has stood with the machine since ' || since
FROM card WHERE outcome IS NULL AND waiting_for = 'machine' AND since < now() - CAST(:step_max AS interval)
UNION ALL
SELECT 'card ' || id || ' has ended half: stage ' || stage || ', waiting for ' || waiting_for
FROM card WHERE (outcome IS NOT NULL) <> (stage = 'ended') OR (outcome IS NOT NULL) <> (waiting_for = 'nobody')
"""

    def given(self, look: Look) -> dict[str, Any]:
        """Return how long a step may last."""
        return {"step_max": look.step_max}


class DecidedOnce(Invariant):
    """What was undone, returned or refused counts for nothing. A checked decision left with the lease in its checker's hand."""

    code, name = "I6", "decided_once"
    sql = """
SELECT 'task ' || task_id || ' was decided ' || count(*) || ' times'
FROM review_decision WHERE void_at IS NULL GROUP BY task_id HAVING count(*) > 1
UNION ALL
SELECT 'decision ' || d.id || ' was applied to a task that is bound to another'
FROM review_decision d LEFT JOIN work_item t ON t.id = d.task_id
WHERE d.applied_at IS NOT NULL AND t.decision_id IS DISTINCT FROM d.id
UNION ALL
SELECT 'decision ' || id || ' was applied though it was ' || void_why
FROM review_decision WHERE applied_at IS NOT NULL AND void_at IS NOT NULL
UNION ALL
SELECT 'task ' || t.id || ' was decided by ' || d.person_id || ' without the lease'
FROM work_item t JOIN review_decision d ON d.task_id = t.id AND d.void_at IS NULL AND d.needs_check = ''
WHERE d.person_id IS NOT NULL AND t.leased_by IS NOT NULL AND (t.leased_by <> d.person_id OR t.leased_until < d.made_at)
UNION ALL
SELECT 'task ' || t.id || ' was checked by ' || c.person_id || ' without the lease'
FROM work_item t JOIN review_check c ON c.decision_id = t.decision_id AND c.verdict = 'apply'
WHERE t.leased_by IS NOT NULL AND (t.leased_by <> c.person_id OR t.leased_until < c.at)
"""
