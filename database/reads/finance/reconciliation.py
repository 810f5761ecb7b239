"""What the pages of reconciliation show: files, days, lines, breaks and what could belong together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from database.lease import lasts
from database.tables.finance.statements import (
    BreakRow,
    ExpectationRow,
    ReconciledDayRow,
    RejectedLineRow,
    StatementLineRow,
    StatementRow,
)
from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.finance.breaks import BreakState
from domain.finance.statements import LineState, Rejected, StatementSource, StatementState
from domain.money import Currency

PAGE, FILES, CANDIDATES = 100, 30, 12
CANDIDATE_DAYS = 31
_FREE = text("""
NOT EXISTS (SELECT FROM statement_line o WHERE o.entry_id = expectation.entry_id)
""")


@dataclass(frozen=True)
class OpenBreak:
    """A break with its holder; empty without one."""

    row: BreakRow
    holder: str
    decided_by: str


@dataclass(frozen=True)
class DayCell:
    """A source on a day: files imported and refused, lines, breaks that are open, and who closed or asked to."""

    source: StatementSource
    day: date
    files: int
    lines: int
    matched: int
    breaks: int
    closed: ReconciledDayRow | None


async def files(session: AsyncSession, source: StatementSource | None = None) -> tuple[StatementRow, ...]:
    """Return the newest files, those under way and refused among them."""
    found = select(StatementRow).order_by(StatementRow.brought_at.desc(), StatementRow.id).limit(FILES)
    if source is not None:
        found = found.where(StatementRow.source == source)
    return tuple((await session.execute(found)).scalars())


async def cells(session: AsyncSession, first: date, last: date) -> dict[tuple[StatementSource, date], DayCell]:
    """Return the days from the first to the last by source; a file of several days counts for its last."""
    rows = await session.execute(
        select(
            StatementRow.source, StatementRow.first_day, StatementRow.last_day, StatementRow.lines, StatementRow.matched
        ).where(StatementRow.state == StatementState.IMPORTED, StatementRow.last_day >= first)
    )  # fmt: skip
    counts: dict[tuple[StatementSource, date], list[int]] = {}
    for source, begins, ends, lines, matched in rows:
        if source is None or begins is None or ends is None:
            continue
        for number in range((ends - begins).days + 1):
            one = counts.setdefault((source, begins + timedelta(days=number)), [0, 0, 0])
            one[0] += 1
        one[1] += lines
        one[2] += matched
    open_ones = (
        select(BreakRow.source, BreakRow.day, func.count())
        .where(BreakRow.state != BreakState.CLOSED, BreakRow.day >= first)
        .group_by(BreakRow.source, BreakRow.day)
    )
    breaks = {(source, day): number for source, day, number in await session.execute(open_ones)}
    closed = {
        (row.source, row.day): row
        for row in (
            await session.execute(select(ReconciledDayRow).where(ReconciledDayRow.day.between(first, last)))
        ).scalars()
    }
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return {
        (source, day): _cell(source, day, counts, breaks.get((source, day), 0), closed.get((source, day)))
        for source in StatementSource
        for day in days
    }  # fmt: skip


def _cell(
    source: StatementSource, day: date, counts: dict[tuple[StatementSource, date], list[int]], breaks: int,
    closed: ReconciledDayRow | None,
) -> DayCell:  # fmt: skip
    files_, lines, matched = counts.get((source, day), [0, 0, 0])
    return DayCell(source, day, files_, lines, matched, breaks, closed)


async def statement(session: AsyncSession, statement_id: str) -> StatementRow:
    """Return a file. Refuse NotFound."""
    row = await session.get(StatementRow, statement_id[:26])
    if row is None:
        raise NotFound(statement=statement_id[:26])
    return row


async def counts_of(session: AsyncSession, statement_id: str) -> dict[LineState, int]:
    """Return how many lines of a file are in each state."""
    found = (
        select(StatementLineRow.state, func.count())
        .where(StatementLineRow.statement_id == statement_id)
        .group_by(StatementLineRow.state)
    )
    return {state: number for state, number in await session.execute(found)}  # noqa: C416  # Rows are no pairs to mypy.


async def lines_of(
    session: AsyncSession, statement_id: str, state: LineState | None, after: int
) -> tuple[StatementLineRow, ...]:
    """Return a page of a file's lines in its order, those after a number."""
    found = select(StatementLineRow).where(
        StatementLineRow.statement_id == statement_id, StatementLineRow.number > after
    )
    if state is not None:
        found = found.where(StatementLineRow.state == state)
    return tuple((await session.execute(found.order_by(StatementLineRow.number).limit(PAGE))).scalars())


async def breaks_of_lines(session: AsyncSession, lines: tuple[StatementLineRow, ...]) -> dict[str, str]:
    """Return the open break of each of these lines, by line."""
    ids = [line.id for line in lines]
    found = select(BreakRow.line_id, BreakRow.id).where(
        BreakRow.line_id.in_(ids), BreakRow.state != BreakState.CLOSED
    )  # fmt: skip
    return {str(line): break_id for line, break_id in await session.execute(found)}


async def rejected_of(session: AsyncSession, statement_id: str, after: int, most: int) -> list[RejectedLineRow]:
    """Return rejected lines of a file in its order, those after a number."""
    found = select(RejectedLineRow).where(
        RejectedLineRow.statement_id == statement_id, RejectedLineRow.number > after
    )  # fmt: skip
    return list((await session.execute(found.order_by(RejectedLineRow.number).limit(most))).scalars())


async def rejected_counts(session: AsyncSession, statement_id: str) -> dict[Rejected, int]:
    """Return how many lines of a file were rejected for each reason."""
    found = (
        select(RejectedLineRow.why, func.count())
        .where(RejectedLineRow.statement_id == statement_id)
        .group_by(RejectedLineRow.why)
    )
    return {why: number for why, number in await session.execute(found)}  # noqa: C416  # Rows are no pairs to mypy.


async def open_breaks(
    session: AsyncSession, *, source: StatementSource | None = None, until: date | None = None, proposed: bool = False
) -> tuple[OpenBreak, ...]:
    """Return open breaks with who has them, the oldest first; only proposals where `proposed`.

    The holder is who works on it, else its assignee; none once the lease is over.
    """
    holder, decider = _named("holder"), _named("decider")
    whose = case((lasts(WorkItemRow, func.now()), WorkItemRow.leased_by), else_=WorkItemRow.assigned_to)
    found = (
        select(BreakRow, holder.name, decider.name)
        .outerjoin(WorkItemRow, WorkItemRow.id == BreakRow.task_id)
        .outerjoin(holder, holder.id == whose)
        .outerjoin(decider, decider.id == BreakRow.decided_by)
        .where(BreakRow.state == BreakState.PROPOSED if proposed else BreakRow.state != BreakState.CLOSED)
        .order_by(BreakRow.since, BreakRow.id)
        .limit(PAGE)
    )
    if source is not None:
        found = found.where(BreakRow.source == source)
    if until is not None:
        found = found.where(BreakRow.day <= until)
    return tuple(OpenBreak(row, held or "", made or "") for row, held, made in await session.execute(found))


async def candidates(session: AsyncSession, row: BreakRow) -> tuple[Any, ...]:
    """Return what the break could belong to instead: free expectations for a line, open lines for an expectation.

    Those of the nearest amount first, within a month.
    """
    amount = row.amount_minor
    span = (row.day - timedelta(days=CANDIDATE_DAYS), row.day + timedelta(days=CANDIDATE_DAYS))
    if row.line_id is not None:
        found = (
            select(ExpectationRow)
            .where(
                ExpectationRow.source == row.source, ExpectationRow.day.between(*span), ExpectationRow.line_id.is_(None),
                ExpectationRow.break_id.is_(None), ExpectationRow.cancelled_by.is_(None), _FREE, ExpectationRow.entry_id != (row.entry_id or 0),
                ExpectationRow.amount_minor.between(*_around(amount)),
            )
            .order_by(func.abs(ExpectationRow.amount_minor - amount), ExpectationRow.entry_id)
        )  # fmt: skip
        return tuple((await session.execute(found.limit(CANDIDATES))).scalars())
    if row.entry_id is None:
        return ()
    lines = (
        select(StatementLineRow)
        .where(
            StatementLineRow.source == row.source, StatementLineRow.day.between(*span),
            StatementLineRow.state == LineState.OPEN, StatementLineRow.amount_minor.between(*_around(amount)),
        )
        .order_by(func.abs(StatementLineRow.amount_minor - amount), StatementLineRow.id)
    )  # fmt: skip
    return tuple((await session.execute(lines.limit(CANDIDATES))).scalars())


async def closed_days(session: AsyncSession, source: StatementSource) -> tuple[tuple[ReconciledDayRow, str, str], ...]:
    """Return the newest days that were closed or asked for, with the names of both people."""
    asker, second = _named("asker"), _named("second")
    found = (
        select(ReconciledDayRow, asker.name, second.name)
        .outerjoin(asker, asker.id == ReconciledDayRow.asked_by)
        .outerjoin(second, second.id == ReconciledDayRow.agreed_by)
        .where(ReconciledDayRow.source == source)
        .order_by(ReconciledDayRow.day.desc())
        .limit(FILES)
    )
    return tuple((row, by or "", agreed or "") for row, by, agreed in await session.execute(found))


async def days_asked(session: AsyncSession) -> tuple[tuple[ReconciledDayRow, str], ...]:
    """Return the days that wait for a second person, with the name of the first."""
    found = (
        select(ReconciledDayRow, PersonRow.name)
        .outerjoin(PersonRow, PersonRow.id == ReconciledDayRow.asked_by)
        .where(ReconciledDayRow.closed_at.is_(None))
        .order_by(ReconciledDayRow.day, ReconciledDayRow.source)
    )
    return tuple((row, by or "") for row, by in await session.execute(found))


async def open_sums(session: AsyncSession, late_before: dict[StatementSource, datetime]) -> tuple[int, int, int]:
    """Return how many breaks are open, how many of them are late, and the sum without signs of those in CNY (minor units)."""
    late = or_(*(((BreakRow.source == one) & (BreakRow.since < at)) for one, at in late_before.items()))
    found = select(
        func.count(),
        func.count().filter(late),
        func.coalesce(func.sum(func.abs(BreakRow.difference_minor)).filter(BreakRow.currency == Currency.CNY), 0),
    ).where(BreakRow.state != BreakState.CLOSED)
    number, overdue, total = (await session.execute(found)).one()
    return int(number), int(overdue), int(total)


def _around(amount: int) -> tuple[int, int]:
    """Amounts of the same direction that are near: within a tenth, or one yuan."""
    span = max(100, abs(amount) // 10)
    low, high = amount - span, amount + span
    return (low, min(high, -1)) if amount < 0 else (max(low, 1), high)


def _named(name: str) -> Any:

    return aliased(PersonRow, name=name)
