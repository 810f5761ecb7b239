"""Judge every item of a repair by its kind, a batch at a time: what would change, what is kept, or why it is left out."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.ops.repairs import RepairRow
from domain.ops.candidates import Candidate, Foreseen, LeftOut, unfit
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import ItemState
from services.ops.repairs.candidates import candidates

BATCH = 500
_WRITE = """
UPDATE repair_item AS item SET
    state = one.state, excluded = one.excluded, found = one.found, card_type = one.card_type, brand = one.brand,
    stage = one.stage, waiting_for = one.waiting_for, step = one.step, value_minor = one.value_minor
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(
    place int, state text, excluded text, found jsonb, card_type text, brand text, stage text, waiting_for text, step text,
    value_minor bigint)
WHERE item.repair_id = :repair_id AND item.place = one.place
"""
_PLACES = """
SELECT place FROM repair_item WHERE repair_id = :repair_id AND place > :after ORDER BY place LIMIT :limit
"""


async def judge_items(session: AsyncSession, row: RepairRow, now: datetime) -> None:
    """Judge all items of a repair that nothing was done to yet. Memory holds one batch."""
    after = 0
    while places := await _next(session, row.id, after):
        found = await candidates(session, row.id, places, now)
        rows = [_judged(row, place, candidate) for place, candidate in found.items()]
        await session.execute(text(_WRITE), {"rows": json.dumps(rows), "repair_id": row.id})
        after = places[-1]


def judge(row: RepairRow, candidate: Candidate) -> Foreseen | LeftOut:
    """Return what the repair would change for a run, or why it leaves it out."""
    return unfit(candidate) or KINDS[row.kind].judge(candidate, row.options)


async def _next(session: AsyncSession, repair_id: str, after: int) -> list[int]:
    values = {"repair_id": repair_id, "after": after, "limit": BATCH}
    return list((await session.execute(text(_PLACES), values)).scalars())


def _judged(row: RepairRow, place: int, candidate: Candidate) -> dict[str, Any]:
    verdict = judge(row, candidate)
    left_out = isinstance(verdict, LeftOut)
    return {
        "place": place,
        "state": (ItemState.EXCLUDED if left_out else ItemState.WAITING).value,
        "excluded": verdict.why.value if isinstance(verdict, LeftOut) else None,
        "found": {"why": dict(verdict.facts)} if isinstance(verdict, LeftOut) else foreseen(verdict, candidate),
        "card_type": candidate.card_type, "brand": candidate.brand,
        "stage": candidate.stage.value if candidate.known else "",
        "waiting_for": candidate.waiting_for.value if candidate.known else "",
        "step": candidate.step.name if candidate.step else "", "value_minor": candidate.value_minor,
    }  # fmt: skip


def foreseen(verdict: Foreseen, candidate: Candidate) -> dict[str, Any]:
    """Return what an item remembers of its preview."""
    keeps = [{"what": one.what.value, "facts": dict(one.facts)} for one in candidate.keeps()]
    return {"foreseen": verdict.what, "facts": dict(verdict.facts), "keeps": keeps}
