"""Lines of statements on their way into the database: compared with what is there, batch by batch, and copied.

A line that an expectation of ours names by key, amount and currency is matched as it is written.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.plain import plain_of
from domain.finance.statements import Lines, LineState, Rejected, StatementSource

# The lines of one batch on their way. Copied as text: each value of an array is checked by the driver one by one, and lines
# in the driver's binary form cost it twice as much.
_COMING = """
CREATE TEMPORARY TABLE line_coming (
    id text COLLATE "C", number int, kind text, key text, reference text, amount_minor bigint, currency text, at timestamptz,
    day date, turn int
) ON COMMIT DROP
"""
_KNOWN = """
SELECT l.number, l.id, o.statement_id = $1 AS here, (o.amount_minor, o.currency, o.at, o.key, o.reference)
       = (l.amount_minor, l.currency, l.at, l.key, l.reference) AS same
FROM line_coming l JOIN statement_line o ON o.id = l.id ORDER BY l.number
"""
# A line gets the free expectation of its key, amount and currency that its turn says, oldest first: of two such lines in one
# batch the second has the second; lines of earlier batches have theirs already.
_WRITE = f"""
WITH written AS (
    INSERT INTO statement_line (id, number, kind, key, reference, amount_minor, currency, at, day, statement_id, source, account,
                                state, entry_id)
    SELECT l.id, l.number, l.kind, l.key, l.reference, l.amount_minor, l.currency, l.at, l.day, $1, $2, $3,
           CASE WHEN x.entry_id IS NULL THEN '{LineState.OPEN.value}' ELSE '{LineState.AUTO.value}' END, x.entry_id
    FROM line_coming l
    LEFT JOIN LATERAL (
        SELECT e.entry_id FROM expectation e
        WHERE l.key <> '' AND e.source = $2 AND e.key = l.key AND e.amount_minor = l.amount_minor AND e.currency = l.currency
          AND e.account IN ('', $3) AND e.line_id IS NULL AND e.break_id IS NULL
          AND NOT EXISTS (SELECT FROM statement_line o WHERE o.entry_id = e.entry_id)
        ORDER BY e.entry_id OFFSET l.turn LIMIT 1) AS x ON true
    RETURNING entry_id)
SELECT count(entry_id) FROM written
"""  # noqa: S608  # Words of ours.
# A batch is small beside what it is compared with: a plan that reads a table from end to end for each batch, made while
# that table was small, would never finish once it is large.
_BY_INDEX = ("hashjoin", "mergejoin", "seqscan", "material")

# Without statistics PostgreSQL takes keys for few, and reads expectations in the order of their numbers until one fits: of a
# million lines a single batch then took longer than a statement may. That is so after a restore, and before the first
# automatic ANALYZE of a new installation.
_KEYS_ARE_COUNTED = "SELECT EXISTS (SELECT FROM pg_stats WHERE tablename = 'expectation' AND attname = 'key')"

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class TakenIn:
    """What became of one batch: lines written, those of them matched, lines known before, and those that contradict."""

    lines: int
    matched: int
    known: int
    contradicting: tuple[tuple[int, Rejected, str], ...]  # Number in the file, why, and the line's id.


async def prepare(session: AsyncSession) -> None:
    """Make the transaction ready for batches, once the expectations are written."""
    if not (await session.execute(text(_KEYS_ARE_COUNTED))).scalar_one():
        await session.execute(text("ANALYZE expectation"))
    for way in _BY_INDEX:
        await session.execute(text(f"SET LOCAL enable_{way} = off"))
    await session.execute(text(_COMING))


async def take_in(
    session: AsyncSession, statement: str, source: StatementSource, account: str, lines: Lines
) -> TakenIn:
    """Write a batch of lines of a statement; known lines are left as they are. The caller is the only one who imports."""
    if not lines:
        return TakenIn(0, 0, 0, ())
    connection = await driver(session)
    first, again = _once(lines)
    taken = await _write(connection, statement, source, account, first)
    if not again:
        return taken
    # Their numbers are among the lines by now, so that each of them is known or contradicts.
    more = await _write(connection, statement, source, account, again)
    contradicting = sorted(taken.contradicting + more.contradicting)
    return TakenIn(taken.lines, taken.matched, taken.known + more.known, tuple(contradicting))


async def _write(connection: Any, statement: str, source: StatementSource, account: str, lines: Lines) -> TakenIn:
    """Write lines of which no two have one number of the provider's."""
    await _stage(connection, lines)
    there = await connection.fetch(_KNOWN, statement)
    contradicting = [
        (number, Rejected.TWICE if here else Rejected.DIFFERS, one)
        for number, one, here, same in there
        if here or not same
    ]
    if there:
        numbers = {row[0] for row in there}
        lines = Lines.of(line for line in lines if line[1] not in numbers)
        await _stage(connection, lines)
    matched = await connection.fetchval(_WRITE, statement, source.value, account) if lines else 0
    return TakenIn(len(lines), matched, len(there) - len(contradicting), tuple(contradicting))


async def _stage(connection: Any, lines: Lines) -> None:
    """Copy lines to where a batch waits, in place of the batch before."""
    await connection.execute("TRUNCATE line_coming")
    await connection.copy_to_table("line_coming", source=io.BytesIO(_as_text(lines).encode()))


async def copy_rejected(session: AsyncSession, rows: Sequence[tuple[str, int, str, bytes]]) -> None:
    """Write rejected lines: statement, number, why, and the sealed text."""
    if rows:
        connection = await driver(session)
        columns = ("statement_id", "number", "why", "text_sealed")
        await connection.copy_records_to_table("statement_rejected", records=rows, columns=columns)


async def driver(session: AsyncSession) -> Any:
    """Return asyncpg's own connection of the session, inside of its transaction, for COPY."""
    return (await plain_of(session)).connection


def _once(lines: Lines) -> tuple[Lines, Lines]:
    """The first line of each of the provider's numbers, and the others."""
    seen: set[str] = set()
    first, again = Lines(), Lines()
    if len(set(lines.ids)) == len(lines):
        return lines, again
    for line in lines:
        (again if line[0] in seen else first).add(line)
        seen.add(line[0])
    return first, again


def _as_text(lines: Lines) -> str:
    """Lines as COPY reads them. What it would read as the end of a value or a line is rare, so that all are looked at once."""
    made = _joined(lines)
    plain = made.count("\n") == len(lines) and made.count("\t") == len(lines) * 9 and not ("\\" in made or "\r" in made)
    if plain:
        return made
    texts = ([_safe(one) for one in column] for column in (lines.ids, lines.keys, lines.references))
    ids, keys, references = texts
    return _joined(replace(lines, ids=ids, keys=keys, references=references))


def _joined(lines: Lines) -> str:
    words = {day: day.isoformat() for day in set(lines.days)}
    columns = (
        lines.ids, map(str, lines.numbers), lines.kinds, lines.keys, lines.references, map(str, lines.amounts),
        lines.currencies, lines.moments, [words[day] for day in lines.days], map(str, _turns(lines)),
    )  # fmt: skip
    return "\n".join([*map("\t".join, zip(*columns, strict=True)), ""])


def _safe(text_: str) -> str:
    return text_.translate(_ESCAPES)


def _turns(lines: Lines) -> list[int]:
    """How many lines before each one name the same order with the same amount."""
    if len(set(lines.keys)) == len(lines):
        return [0] * len(lines)
    seen: Counter[tuple[str, int, str]] = Counter()
    turns = []
    for same in zip(lines.keys, lines.amounts, lines.currencies, strict=True):
        turns.append(seen[same])
        seen[same] += 1
    return turns
