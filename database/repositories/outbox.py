"""Messages to the outside: written with the change they report, taken by a deliverer, retried until they arrive."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import now
from database.tables.platform import OutboxRow
from domain.identifiers import new_id

LEASE = timedelta(minutes=1)  # Longer than any delivery may take.
MESSAGES = "message"  # One provider takes all messages: it is one receiver, however many sellers they are for.
MAIL = "mail"  # One mail server takes all mail to customers.
PER_LANE = {MESSAGES: 8, MAIL: 4}
PER_LANE_ELSE = 3  # Of one partner's webhooks.


async def put(session: AsyncSession, kind: str, destination: str, topic: str, payload: Mapping[str, Any]) -> str:
    """Adds a `webhook`, `message` or `mail` to `partner:<id>`, `seller:<id>` or `contact:<id>`, due at once; returns its delivery id."""
    delivery_id = new_id()
    row = OutboxRow(id=delivery_id, kind=kind, destination=destination, topic=topic, payload=dict(payload))
    await session.execute(insert(OutboxRow).values(row.values()))
    return delivery_id


def lane_of(row: OutboxRow) -> str:
    """Return the receiver whose slowness must hold up no other."""
    return row.kind if row.kind in PER_LANE else row.destination


async def due(
    session: AsyncSession, limit: int, busy: Mapping[str, int], lease: timedelta = LEASE, destination: str | None = None
) -> tuple[OutboxRow, ...]:
    """Takes up to `limit` rows that are due, of one destination or of all, oldest first, each counted as one more attempt.

    No receiver gets more than PER_LANE says, less what the caller already runs for it (`busy`, by `lane_of`). They are due again after `lease`: commit, deliver outside of any transaction, then call `delivered` or `failed`.
    A deliverer that dies in between loses nothing. Two deliverers never take the same row.
    """
    moment = now()
    waiting: tuple[Any, ...] = (
        OutboxRow.due_at <= moment,
        OutboxRow.delivered_at.is_(None),
        OutboxRow.given_up_at.is_(None),
    )
    if destination is not None:
        waiting = (*waiting, OutboxRow.destination == destination)
    ready = (
        select(OutboxRow.id)
        .where(*waiting, _is_among(_first_of_each_lane(waiting, busy)))
        .order_by(OutboxRow.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(OutboxRow)
        .where(_is_among(ready))
        .values(due_at=moment + lease, attempts=OutboxRow.attempts + 1)
        .returning(OutboxRow)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    rows = (await session.execute(statement)).scalars()
    return tuple(sorted(rows, key=lambda row: row.id))


def _is_among(chosen: Select[str]) -> ColumnElement[bool]:
    """Ask for a few ids as an array, which is made once. With IN the planner may choose them again for each row: its
    statistics are from before an outage filled the table.
    """
    return OutboxRow.id == func.any(func.array(chosen.scalar_subquery()))


def _first_of_each_lane(waiting: tuple[Any, ...], busy: Mapping[str, int]) -> Select[str]:
    lane = case((OutboxRow.kind.in_(PER_LANE), OutboxRow.kind), else_=OutboxRow.destination)
    place = func.row_number().over(partition_by=lane, order_by=OutboxRow.due_at)
    ranked = select(OutboxRow.id, lane.label("lane"), place.label("place")).where(*waiting).subquery()
    room = {name: PER_LANE.get(name, PER_LANE_ELSE) - busy.get(name, 0) for name in {*PER_LANE, *busy}}
    return select(ranked.c.id).where(ranked.c.place <= case(room, value=ranked.c.lane, else_=PER_LANE_ELSE))


async def delivered(session: AsyncSession, delivery_id: str) -> None:
    """It arrived."""
    await _set(session, delivery_id, delivered_at=now(), last_failure=None)


async def withdraw(session: AsyncSession, delivery_id: str) -> None:
    """Withdraw an obsolete message: it is not sent."""
    await session.execute(delete(OutboxRow).where(OutboxRow.id == delivery_id))


async def failed(session: AsyncSession, delivery_id: str, failure: str, again_at: datetime | None) -> None:
    """It did not arrive; tried again at `again_at`, or given up with None. `failure` names no address and no secret."""
    if again_at is None:
        await _set(session, delivery_id, given_up_at=now(), last_failure=failure)
    else:
        await _set(session, delivery_id, due_at=again_at, last_failure=failure)


async def _set(session: AsyncSession, delivery_id: str, **values: Any) -> None:
    await session.execute(
        update(OutboxRow)
        .where(OutboxRow.id == delivery_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
