"""The items of a running repair: taken in their order, judged again, and written down after each was acted on.

An item is marked before anything is done to it. One that is still marked when a worker was killed is taken first by the
next attempt, which looks before it acts again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.card_story import Said, add_to_stories
from database.tables.ops.repairs import RepairRow
from domain.ops.candidates import Candidate, LeftOut
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import Excluded, ItemState, Proof, RepairState
from services.ops.repairs.acts import ItemAct
from services.ops.repairs.candidates import candidates
from services.ops.repairs.previewing import judge

_TAKE = """
WITH chosen AS (
    SELECT place, state FROM repair_item
    WHERE repair_id = :repair_id AND (state = 'waiting' OR (state = 'acting' AND claimed_by <> :claim))
    ORDER BY state = 'waiting', place LIMIT :limit FOR UPDATE
)
UPDATE repair_item AS item SET state = 'acting', claimed_by = :claim, acting_at = coalesce(item.acting_at, :now)
FROM chosen WHERE item.repair_id = :repair_id AND item.place = chosen.place
RETURNING item.place, item.step, chosen.state = 'acting' AS tried
"""
# A report of the workers may have proven an item while it was acted on: that stays.
_WRITE = """
UPDATE repair_item AS item SET
    state = CASE WHEN item.state = 'acting' THEN one.state ELSE item.state END, excluded = one.excluded,
    found = item.found || one.found, error = one.error, message = one.message,
    acted_at = CASE WHEN one.acted THEN coalesce(item.acted_at, :now) ELSE item.acted_at END,
    proven_at = CASE WHEN one.state = 'cured' THEN CAST(:now AS timestamptz) ELSE item.proven_at END,
    live = item.live AND one.state NOT IN ('excluded', 'ended')
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(
    place int, state text, excluded text, found jsonb, error text, message text, acted boolean)
WHERE item.repair_id = :repair_id AND item.place = one.place AND item.claimed_by = :claim
RETURNING item.place
"""
_ACTED_AT = "UPDATE repair SET acted_at = :now WHERE id = :repair_id"


@dataclass(frozen=True)
class Result:
    """What became of one item. `error` is a short word, `message` holds no secret."""

    place: int
    subject: str
    state: ItemState
    excluded: Excluded | None = None
    facts: Mapping[str, str] | None = None
    error: str = ""
    message: str = ""


async def take(
    session: AsyncSession, repair_id: str, claim: str, limit: int, now: datetime
) -> tuple[list[ItemAct], list[Result]]:
    """Mark the next items as being acted on by `claim`; return those to act on, and those that are no longer fit for it."""
    row = await session.get_one(RepairRow, repair_id)
    if row.state is not RepairState.RUNNING:
        return [], []
    values = {"repair_id": repair_id, "claim": claim, "limit": limit, "now": now}
    taken = sorted((await session.execute(text(_TAKE), values)).mappings(), key=lambda one: int(one["place"]))
    found = await candidates(session, repair_id, [one["place"] for one in taken], now)
    to_act: list[ItemAct] = []
    unfit: list[Result] = []
    for one in taken:
        candidate = found[one["place"]]
        verdict = judge(row, candidate)
        if isinstance(verdict, LeftOut) and not _goes_on(row, one["tried"], verdict):
            unfit.append(_left_out(one["place"], candidate, verdict))
        else:
            to_act.append(_act(row, one, candidate))
    return to_act, unfit


async def write(session: AsyncSession, repair_id: str, claim: str, results: Sequence[Result], now: datetime) -> int:
    """Write down what became of items that this claim took, with each card's story; return how many it still had."""
    row = await session.get_one(RepairRow, repair_id)
    values = {"repair_id": repair_id, "claim": claim, "rows": json.dumps([_row(one) for one in results]), "now": now}
    written = set((await session.execute(text(_WRITE), values)).scalars())
    await session.execute(text(_ACTED_AT), {"repair_id": repair_id, "now": now})
    await add_to_stories(session, [_said(row, one) for one in results if one.place in written and _spoken_of(one)], now)
    return len(written)


def _goes_on(row: RepairRow, tried: bool, verdict: LeftOut) -> bool:
    """Whether an interrupted act is finished although its run would be left out now. What has ended by it may be half done."""
    return tried and (verdict.why is not Excluded.ENDED or KINDS[row.kind].ends)


def done_state(row_kind: Proof) -> ItemState:
    """Return the state of an item that was acted on, by what proves it."""
    return ItemState.CURED if row_kind is Proof.ACT else ItemState.ACTED


def _act(row: RepairRow, taken: Any, candidate: Candidate) -> ItemAct:
    return ItemAct(
        row.id, taken["place"], row.kind, candidate.workflow_id, candidate.subject,
        candidate.step.name if candidate.step else taken["step"], row.options, candidate, taken["tried"],
        row.reason_code, row.submitted_by or "", row.decided_by or "",
    )  # fmt: skip


def _left_out(place: int, candidate: Candidate, verdict: LeftOut) -> Result:
    ended = verdict.why is Excluded.ENDED
    state = ItemState.ENDED if ended else ItemState.EXCLUDED
    return Result(place, candidate.subject, state, None if ended else verdict.why, verdict.facts)


def _row(one: Result) -> dict[str, Any]:
    name = "why" if one.state is ItemState.EXCLUDED else "done"
    return {
        "place": one.place, "state": one.state.value, "excluded": one.excluded.value if one.excluded else None,
        "found": {name: dict(one.facts)} if one.facts else {}, "error": one.error, "message": one.message,
        "acted": one.state in (ItemState.ACTED, ItemState.CURED),
    }  # fmt: skip


def _spoken_of(one: Result) -> bool:
    """A card's story names what was done to it, and what could not be; not that it was left alone."""
    return one.state in (ItemState.ACTED, ItemState.CURED, ItemState.FAILED)


def _said(row: RepairRow, one: Result) -> Said:
    facts = {"repair": row.id, "kind": row.kind.value, "reason_code": row.reason_code}
    if row.decided_by:
        facts["second_person"] = row.decided_by
    if one.state is ItemState.FAILED:
        facts["error"] = one.error
    what = "repair.failed" if one.state is ItemState.FAILED else f"repair.{row.kind.value}"
    return Said(one.subject, what, f"person:{row.submitted_by}", facts)


def proof_of(row: RepairRow) -> Proof:
    """Return what proves the items of a repair."""
    return KINDS[row.kind].proof
