"""What pages and the command line show of repairs: the list, one repair with its counts, and its items page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.ops.repairs import RepairItemRow, RepairRow
from domain.money import Money
from domain.ops.repairs import ItemState, RepairState

PAGE = 50


@dataclass(frozen=True)
class Counts:
    """How many items are in each state; `value` is the money at stake in those that are not left out."""

    by_state: Mapping[ItemState, int]
    by_reason: tuple[tuple[str, int], ...]  # Why items are left out, the most frequent first.
    by_error: tuple[tuple[str, str, int], ...]  # Errors of failed items: short word, newest message, number.
    value: Money

    @property
    def total(self) -> int:
        """Every item; the counts of the states add up to it."""
        return sum(self.by_state.values())

    def of(self, *states: ItemState) -> int:
        """Return how many items are in these states."""
        return sum(self.by_state.get(state, 0) for state in states)


@dataclass(frozen=True)
class Repair:
    """One repair with its counts."""

    row: RepairRow
    counts: Counts


async def repairs(
    session: AsyncSession, *, state: RepairState | None = None, before: str = "", limit: int = PAGE
) -> list[Repair]:
    """Return repairs, the newest first; `before` is the id of the last one of the page before."""
    statement = select(RepairRow).order_by(RepairRow.id.desc()).limit(limit)  # Ids are in the order of their making.
    if state is not None:
        statement = statement.where(RepairRow.state == state)
    if before:
        statement = statement.where(RepairRow.id < before)
    rows = (await session.execute(statement)).scalars().all()
    return [Repair(row, await counts(session, row.id)) for row in rows]


async def repair(session: AsyncSession, repair_id: str) -> Repair | None:
    """Return one repair; None when there is none of this id."""
    row = await session.get(RepairRow, repair_id)
    return None if row is None else Repair(row, await counts(session, row.id))


async def repairs_of_card(
    session: AsyncSession, card_id: str, limit: int = PAGE
) -> list[tuple[RepairRow, RepairItemRow]]:
    """Return the repairs that had this card, the newest first, each with its item."""
    statement = (
        select(RepairRow, RepairItemRow)
        .join(RepairItemRow, RepairItemRow.repair_id == RepairRow.id)
        .where(RepairItemRow.subject == card_id)
        .order_by(RepairRow.id.desc())
        .limit(limit)
    )
    return [(row, item) for row, item in await session.execute(statement)]


async def items(
    session: AsyncSession, repair_id: str, *, state: ItemState | None = None, reason: str = "", error: str = "",
    after: int = 0, limit: int = PAGE,
) -> list[RepairItemRow]:  # fmt: skip
    """Return a page of a repair's items by place; `after` is the place of the last item of the page before."""
    wanted = [RepairItemRow.repair_id == repair_id, RepairItemRow.place > after]
    if state is not None:
        wanted.append(RepairItemRow.state == state)
    if reason:
        wanted.append(RepairItemRow.excluded == reason)
    if error:
        wanted.append(RepairItemRow.error == error)
    statement = select(RepairItemRow).where(*wanted).order_by(RepairItemRow.place).limit(limit)
    return list((await session.execute(statement)).scalars())


_SUMS = """
SELECT state, excluded, error, count(*) AS items, sum(value_minor) AS value_minor,
       (array_agg(message ORDER BY place DESC))[1] AS message
FROM repair_item WHERE repair_id = :repair_id GROUP BY state, excluded, error
"""


async def counts(session: AsyncSession, repair_id: str) -> Counts:
    """Return how many items are in each state, why items are left out, and which errors the failed ones have. One statement."""
    found = (await session.execute(text(_SUMS), {"repair_id": repair_id})).mappings().all()
    by_state: dict[ItemState, int] = {}
    reasons: dict[str, int] = {}
    errors: dict[str, tuple[str, int]] = {}
    value = 0
    for row in found:
        state, number = ItemState(row["state"]), int(row["items"])
        by_state[state] = by_state.get(state, 0) + number
        if state is ItemState.EXCLUDED:
            reasons[row["excluded"]] = reasons.get(row["excluded"], 0) + number
        else:
            value += int(row["value_minor"])
        if state in (ItemState.FAILED, ItemState.FAILED_AGAIN):
            errors[row["error"]] = (row["message"], errors.get(row["error"], ("", 0))[1] + number)
    by_reason = sorted(reasons.items(), key=lambda one: (-one[1], one[0]))
    by_error = sorted(
        ((word, said, number) for word, (said, number) in errors.items()), key=lambda one: (-one[2], one[0])
    )
    return Counts(by_state, tuple(by_reason), tuple(by_error), Money(value))


async def waiting_for(session: AsyncSession, person: str) -> int:
    """Return how many repairs wait for a second person, other than those that this person (id) asked for."""
    counted = select(func.count()).where(RepairRow.state == RepairState.WAITING, ~RepairRow.makers.contains([person]))
    return int((await session.execute(counted)).scalar_one())


def as_json(found: Repair) -> dict[str, Any]:
    """Return a repair as the command line prints it."""
    row = found.row

    def at(moment: datetime | None) -> str | None:
        return moment.isoformat(timespec="seconds") if moment else None

    return {
        "id": row.id, "kind": row.kind.value, "state": row.state.value, "options": row.options, "reason": row.reason_code,
        "note": row.note, "source": row.source, "retries": row.retries, "canary": row.canary, "rate_per_s": row.rate_per_s,
        "failures_bp": row.failures_bp, "two_people": row.two_people, "drafted_by": row.drafted_by,
        "submitted_by": row.submitted_by, "decided_by": row.decided_by, "drafted_at": at(row.drafted_at),
        "submitted_at": at(row.submitted_at), "started_at": at(row.started_at), "ended_at": at(row.ended_at),
        "suspended_why": row.suspended_why.value if row.suspended_why else None, "items": found.counts.total,
        "value_minor": found.counts.value.amount_minor,
        "counts": {state.value: found.counts.of(state) for state in ItemState},
        "excluded": dict(found.counts.by_reason),
        "errors": [{"error": word, "message": said, "items": number} for word, said, number in found.counts.by_error],
    }  # fmt: skip
