"""Lines of statements on their way into the database: copied beside it batch by batch, then taken in by one statement each.

A line that an expectation of ours names by key, amount and currency is matched as it is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.finance.statements import Line, Rejected, StatementSource

_COLUMNS = ("id", "number", "kind", "key", "reference", "amount_minor", "currency", "at", "day")
_BESIDE = text("""
CREATE TEMP TABLE statement_new (
    id varchar COLLATE "C", number int, kind varchar, key varchar, reference varchar, amount_minor bigint,
    currency varchar, at timestamptz, day date) ON COMMIT DROP
""")
# Of lines with one key and amount the first is matched; the others are duplicates, which a person judges.
_TAKE = text("""
WITH found AS (
    SELECT s.*, x.entry_id, row_number() OVER (PARTITION BY x.entry_id ORDER BY s.number) AS nth
    FROM statement_new s LEFT JOIN LATERAL (
        SELECT e.entry_id FROM expectation e
        WHERE s.key <> '' AND e.source = CAST(:source AS varchar) AND e.key = s.key AND e.amount_minor = s.amount_minor
          AND e.currency = s.currency AND e.account IN ('', CAST(:account AS varchar)) AND e.line_id IS NULL AND e.break_id IS NULL
          AND NOT EXISTS (SELECT FROM statement_line l WHERE l.entry_id = e.entry_id)
        ORDER BY e.entry_id LIMIT 1) AS x ON true
), taken AS (
    INSERT INTO statement_line (id, statement_id, number, source, account, kind, key, reference, amount_minor, currency,
                                at, day, state, entry_id)
    SELECT id, CAST(:statement AS varchar), number, CAST(:source AS varchar), CAST(:account AS varchar), kind, key, reference, amount_minor, currency, at, day,
           CASE WHEN entry_id IS NOT NULL AND nth = 1 THEN 'auto' ELSE 'open' END, CASE WHEN nth = 1 THEN entry_id END
    FROM found ORDER BY number
    ON CONFLICT (id) DO NOTHING
    RETURNING entry_id)
SELECT count(*), count(entry_id) FROM taken
""")
_NOT_TAKEN = text("""
SELECT s.number, s.id, l.statement_id = CAST(:statement AS varchar) AS here,
       (l.amount_minor, l.currency, l.at, l.key, l.reference) = (s.amount_minor, s.currency, s.at, s.key, s.reference) AS same
FROM statement_new s JOIN statement_line l ON l.id = s.id
WHERE l.statement_id <> CAST(:statement AS varchar) OR l.number <> s.number
ORDER BY s.number
""")


@dataclass(frozen=True)
class TakenIn:
    """What became of one batch: lines written, those of them matched, lines known before, and those that contradict."""

    lines: int
    matched: int
    known: int
    contradicting: tuple[tuple[int, Rejected, str], ...]  # Number in the file, why, and the line's id.


async def prepare(session: AsyncSession) -> None:
    """Make the table that batches are copied into; it is gone with the transaction."""
    await session.execute(_BESIDE)


async def take_in(
    session: AsyncSession, statement: str, source: StatementSource, account: str, lines: Sequence[Line]
) -> TakenIn:
    """Write a batch of lines of a statement; known lines are left as they are."""
    if not lines:
        return TakenIn(0, 0, 0, ())
    connection = await driver(session)
    await session.execute(text("TRUNCATE statement_new"))
    await connection.copy_records_to_table("statement_new", records=lines, columns=_COLUMNS)
    given = {"statement": statement, "source": source.value, "account": account}
    written, matched = (await session.execute(_TAKE, given)).one()
    if written == len(lines):
        return TakenIn(written, matched, 0, ())
    others = (await session.execute(_NOT_TAKEN, {"statement": statement})).all()
    contradicting = tuple(
        (one.number, Rejected.TWICE if one.here else Rejected.DIFFERS, one.id)
        for one in others
        if one.here or not one.same
    )
    return TakenIn(written, matched, len(others) - len(contradicting), contradicting)


async def copy_rejected(session: AsyncSession, rows: Sequence[tuple[str, int, str, bytes]]) -> None:
    """Write rejected lines: statement, number, why, and the sealed text."""
    if rows:
        connection = await driver(session)
        columns = ("statement_id", "number", "why", "text_sealed")
        await connection.copy_records_to_table("statement_rejected", records=rows, columns=columns)


async def driver(session: AsyncSession) -> Any:
    """Return asyncpg's own connection of the session, inside of its transaction, for COPY."""
    raw = await (await session.connection()).get_raw_connection()
    return raw.driver_connection
