"""Lines of statements on their way into the database: compared with what is there, batch by batch, and copied.

A line that an expectation of ours names by key, amount and currency is matched as it is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.finance.statements import Line, LineState, Rejected, StatementSource

_COLUMNS = (
    "id", "number", "kind", "key", "reference", "amount_minor", "currency", "at", "day", "statement_id", "source", "account",
    "state", "entry_id",
)  # fmt: skip
_KNOWN = (
    "SELECT id, statement_id, number, amount_minor, currency, at, key, reference FROM statement_line WHERE id = ANY($1)"
)
# Free expectations of these orders, oldest first.
_EXPECTED = """
SELECT e.key, e.amount_minor, e.currency, e.entry_id FROM expectation e
WHERE e.source = $1 AND e.key = ANY($2) AND e.account IN ('', $3) AND e.line_id IS NULL AND e.break_id IS NULL
  AND NOT EXISTS (SELECT FROM statement_line o WHERE o.entry_id = e.entry_id)
ORDER BY e.entry_id
"""
# A batch is small beside what it is compared with: a plan that reads a table from end to end for each batch, made while
# that table was small, would never finish once it is large.
_BY_INDEX = ("hashjoin", "mergejoin", "seqscan", "material")
_AUTO, _OPEN = LineState.AUTO.value, LineState.OPEN.value


@dataclass(frozen=True)
class TakenIn:
    """What became of one batch: lines written, those of them matched, lines known before, and those that contradict."""

    lines: int
    matched: int
    known: int
    contradicting: tuple[tuple[int, Rejected, str], ...]  # Number in the file, why, and the line's id.


async def prepare(session: AsyncSession) -> None:
    """Make the transaction ready for batches."""
    for way in _BY_INDEX:
        await session.execute(text(f"SET LOCAL enable_{way} = off"))


async def take_in(
    session: AsyncSession, statement: str, source: StatementSource, account: str, lines: Sequence[Line]
) -> TakenIn:
    """Write a batch of lines of a statement; known lines are left as they are. The caller is the only one who imports."""
    if not lines:
        return TakenIn(0, 0, 0, ())
    connection = await driver(session)
    fresh, known, contradicting = _apart(lines, await connection.fetch(_KNOWN, [line[0] for line in lines]), statement)
    keys = list({line[3] for line in fresh if line[3]})
    free: dict[tuple[str, int, str], list[int]] = {}
    for key, amount, currency, entry in await connection.fetch(_EXPECTED, source.value, keys, account):
        free.setdefault((key, amount, currency), []).append(entry)
    counts = [0]
    rows = _rows(fresh, free, (statement, source.value, account), counts)
    await connection.copy_records_to_table("statement_line", records=rows, columns=_COLUMNS)
    return TakenIn(len(fresh), counts[0], known, tuple(contradicting))


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


def _apart(
    lines: Sequence[Line], found: Sequence[Any], statement: str
) -> tuple[list[Line], int, list[tuple[int, Rejected, str]]]:
    """The new lines, how many are known with the same values, and those that contradict a line of this or another file."""
    there: dict[str, tuple[bool, tuple[int, str, datetime, str, str]]] = {
        row[0]: (row[1] == statement, (row[3], row[4], row[5], row[6], row[7])) for row in found
    }
    fresh: list[Line] = []
    contradicting, known = [], 0
    for line in lines:
        other = there.get(line[0])
        if other is None:
            there[line[0]] = (True, (line[5], line[6], line[7], line[3], line[4]))
            fresh.append(line)
        elif other[0]:
            contradicting.append((line[1], Rejected.TWICE, line[0]))
        elif other[1] != (line[5], line[6], line[7], line[3], line[4]):
            contradicting.append((line[1], Rejected.DIFFERS, line[0]))
        else:
            known += 1
    return fresh, known, contradicting


def _rows(
    lines: Sequence[Line], free: dict[tuple[str, int, str], list[int]], of: tuple[str, str, str], counts: list[int]
) -> Iterator[tuple[str | int | datetime | date | None, ...]]:
    """Each line as it is written: of lines with one key and amount the first is matched, the others a person judges."""
    for line in lines:
        entries = free.get((line[3], line[5], line[6]))
        if entries:
            counts[0] += 1
            yield (*line, *of, _AUTO, entries.pop(0))
        else:
            yield (*line, *of, _OPEN, None)
