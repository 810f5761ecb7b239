"""Which items of repairs are cured: by the workers' reports as steps pass or fail, else by looking at single runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.ops.repairs import RepairRow
from domain.ops.runs import MESSAGE_MAX, FailedAttempt
from services.ops.repairs.acts import LookedAt
from services.ops.repairs.items import proof_of

LOOKED_AT_ONCE = 50
SETTLED = timedelta(seconds=5)  # Reports of the workers come within this time; only then Temporal is asked.
_PASSED = """
UPDATE repair_item AS item SET state = 'cured', proven_at = :now, error = '', message = ''
FROM unnest(CAST(:runs AS text[]), CAST(:steps AS text[])) AS passed(workflow_id, step)
WHERE item.workflow_id = passed.workflow_id AND item.step = passed.step
  AND item.state IN ('acting', 'acted', 'failed_again')
"""
# What was reported in the second before the act was recorded may have failed before it.
_FAILED = """
UPDATE repair_item AS item SET state = 'failed_again', error = one.error, message = one.message
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(workflow_id text, step text, error text, message text, at timestamptz)
WHERE item.workflow_id = one.workflow_id AND item.step = one.step AND item.state = 'acted' AND item.acted_at < one.at
"""
_TO_LOOK = """
SELECT place, workflow_id, step FROM repair_item
WHERE repair_id = :repair_id AND state IN ('acted', 'failed_again') AND acted_at < :settled
ORDER BY proven_at NULLS FIRST, place LIMIT :limit
"""
# `proven_at` of an item that is not proven is when it was looked at last: those not looked at come first.
_LOOKED = """
UPDATE repair_item AS item SET
    state = CASE one.verdict WHEN 'cured' THEN 'cured' WHEN 'failed' THEN 'failed_again' ELSE item.state END,
    proven_at = :now
FROM unnest(CAST(:places AS int[]), CAST(:verdicts AS text[])) AS one(place, verdict)
WHERE item.repair_id = :repair_id AND item.place = one.place AND item.state IN ('acted', 'failed_again')
"""


async def by_reports(
    session: AsyncSession, passed: Mapping[str, set[str]], failed: Sequence[FailedAttempt], now: datetime
) -> None:
    """Mark the items whose step passed, or failed again after it was acted on. Costs one look where no repair has them."""
    pairs = [(run, step) for run, steps in passed.items() for step in steps]
    if pairs:
        runs, steps = [run for run, _ in pairs], [step for _, step in pairs]
        await session.execute(text(_PASSED), {"runs": runs, "steps": steps, "now": now})
    if failed:
        rows = [
            {
                "workflow_id": one.workflow_id, "step": one.step, "error": one.reason or one.error_class,
                "message": one.message[:MESSAGE_MAX], "at": one.at.isoformat(),
            }
            for one in failed
        ]  # fmt: skip
        await session.execute(text(_FAILED), {"rows": json.dumps(rows)})


async def to_look_at(session: AsyncSession, repair_id: str, now: datetime) -> list[LookedAt]:
    """Return items without news since they were acted on, those not looked at for longest first."""
    proof = proof_of(await session.get_one(RepairRow, repair_id))
    values = {"repair_id": repair_id, "settled": now - SETTLED, "limit": LOOKED_AT_ONCE}
    rows = await session.execute(text(_TO_LOOK), values)
    return [LookedAt(row.place, row.workflow_id, row.step, proof) for row in rows]


async def looked(session: AsyncSession, repair_id: str, verdicts: Mapping[int, bool | None], now: datetime) -> None:
    """Write down what looking at items showed: True cured, False failed again, None nothing yet."""
    words = {True: "cured", False: "failed", None: ""}
    values = {"places": list(verdicts), "verdicts": [words[one] for one in verdicts.values()]}
    await session.execute(text(_LOOKED), values | {"repair_id": repair_id, "now": now})
