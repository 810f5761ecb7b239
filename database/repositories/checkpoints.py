"""Checkpoints of balances: what makes the balance of an old account as quick as that of a young one.

An entry's id is drawn before its transaction commits, so that ids become visible out of order. A checkpoint covers the ids
up to a mark, and is made only when every transaction that was open at the mark has ended.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, try_acquire

ENTRIES_MIN = 200  # An account gets a checkpoint after so many entries.
_MARK = text("""
SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('entry', 'id')), 0), pg_snapshot_xmax(pg_current_snapshot())
""")
_SETTLED = text("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= CAST(:opened AS xid8)")
_NEWEST = text("SELECT coalesce(max(upto), 0) FROM balance_checkpoint")
_TOUCHED = text("SELECT DISTINCT account_id FROM entry WHERE id > :since AND id <= :upto")
_WRITE = text("""
INSERT INTO balance_checkpoint (account_id, upto, balance_minor, newest_at, made_at)
SELECT :account, :upto, coalesce(before.balance_minor, 0) + since.minor,
       greatest(since.newest_at, before.newest_at), now()
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT balance_minor, upto, newest_at FROM balance_checkpoint WHERE account_id = :account ORDER BY upto DESC LIMIT 1
) AS before ON true
CROSS JOIN LATERAL (
    SELECT sum(amount_minor)::bigint AS minor, count(*) AS many, max(at) AS newest_at
    FROM entry WHERE account_id = :account AND id > coalesce(before.upto, 0) AND id <= :upto
) AS since
WHERE since.many >= :least
ON CONFLICT DO NOTHING
RETURNING 1
""")


@dataclass(frozen=True)
class Mark:
    """The newest entry's id at a moment, and the first transaction that was not begun then."""

    upto: int
    opened: int


async def mark(session: AsyncSession) -> Mark:
    """Return the mark of this moment."""
    upto, opened = (await session.execute(_MARK)).one()
    return Mark(int(upto), int(opened))


async def newest(session: AsyncSession) -> int:
    """Return up to which entry any account has a checkpoint; 0 before the first."""
    return int((await session.execute(_NEWEST)).scalar_one())


async def settled(session: AsyncSession, one: Mark) -> bool:
    """Return whether every transaction that was open at the mark has ended."""
    return bool((await session.execute(_SETTLED, {"opened": one.opened})).scalar_one())


async def write(session: AsyncSession, since: int, one: Mark, least: int = ENTRIES_MIN) -> int:
    """Write checkpoints, up to a settled mark, of accounts used after `since` that have `least` entries since their newest.

    Return how many; 0 while another process does it.
    """
    if not await try_acquire(session, AdvisoryLock.CHECKPOINTS):
        return 0
    touched = (await session.execute(_TOUCHED, {"since": since, "upto": one.upto})).scalars().all()
    done = 0
    for account in touched:
        values = {"account": account, "upto": one.upto, "least": least}
        done += (await session.execute(_WRITE, values)).first() is not None
    return done
