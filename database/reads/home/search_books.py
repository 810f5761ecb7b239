"""What the search finds in the books: claims, sales, settlement runs, breaks, statement lines and money in suspense."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import suspense
from database.reads.home.search import FOUND_MAX, ends
from database.tables.finance.ledger import AccountRow, EntryRow, LedgerTransactionRow
from database.tables.finance.rollback import RollbackRow
from database.tables.finance.sales import SaleRow
from database.tables.finance.settlement import SettlementRunRow
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow, StatementRow
from domain.finance.breaks import BreakState
from domain.finance.postings.statements import line_cause
from domain.finance.statements import StatementSource, line_id
from domain.money import Money


class EntryKind(StrEnum):
    """What of the books was found."""

    CLAIM = "claim"
    SALE = "sale"
    RUN = "run"  # A settlement run.
    BREAK = "break"
    LINE = "line"  # Of a statement.
    SUSPENSE = "suspense"


@dataclass(frozen=True)
class FoundEntry:
    """Something of the books; `place` is by what its page is addressed: its id, a claim's card, a line's statement."""

    kind: EntryKind
    id: str
    place: str
    amount: Money
    at: datetime


async def claims(session: AsyncSession, whole: str, ending: str) -> tuple[FoundEntry, ...]:
    """Return claims of that id or whose id ends so, the newest first."""
    return tuple(
        FoundEntry(EntryKind.CLAIM, row.id, row.card_id, Money(row.amount_minor, row.currency), row.proposed_at)
        for row in await _named(session, RollbackRow, whole, ending)
    )


async def sales(session: AsyncSession, whole: str, ending: str) -> tuple[FoundEntry, ...]:
    """Return sales of that id or whose id ends so, the newest first."""
    return tuple(
        FoundEntry(EntryKind.SALE, row.id, row.id, Money(row.total_minor, row.currency), row.sold_at)
        for row in await _named(session, SaleRow, whole, ending)
    )


async def runs(session: AsyncSession, whole: str, ending: str, reference: str) -> tuple[FoundEntry, ...]:
    """Return settlement runs of that id or whose id ends so, or that the counterparty's own number names, the newest first."""
    theirs = SettlementRunRow.reference == reference if reference else None
    return tuple(
        FoundEntry(EntryKind.RUN, row.id, row.id, Money(row.payable_minor, row.currency), row.made_at)
        for row in await _named(session, SettlementRunRow, whole, ending, theirs)
    )


async def statement_lines(session: AsyncSession, number: str) -> tuple[FoundEntry, ...]:
    """Return lines that the provider gave this number, or of this id of ours."""
    if not number:
        return ()
    accounts = select(StatementRow.source, StatementRow.account).distinct()
    given = await session.execute(
        accounts.where(StatementRow.source.is_not(None)).order_by(StatementRow.source, StatementRow.account)
    )
    ids = [number, *(line_id(source, account, number) for source, account in given if source is not None)]
    wanted = select(StatementLineRow).where(StatementLineRow.id.in_(ids)).order_by(StatementLineRow.id).limit(FOUND_MAX)
    return tuple(
        FoundEntry(EntryKind.LINE, row.id, row.statement_id, row.amount, row.at)
        for row in (await session.execute(wanted)).scalars()
    )


async def breaks(
    session: AsyncSession, whole: str, ending: str, named: str, lines: Iterable[FoundEntry]
) -> tuple[FoundEntry, ...]:
    """Return breaks of that id or whose id ends so, and open ones of these lines, or whose line or posting names this key or reference."""
    entries = select(ExpectationRow.entry_id).where(
        ExpectationRow.source.in_(StatementSource),
        or_(ExpectationRow.key == named, (ExpectationRow.reference == named) & (ExpectationRow.reference != "")),
    )
    of_open = select(BreakRow.id).join(StatementLineRow, StatementLineRow.id == BreakRow.line_id)
    names = or_(StatementLineRow.key == named, StatementLineRow.reference == named)
    open_lines = of_open.where(BreakRow.state != BreakState.CLOSED, names)
    of_lines = BreakRow.line_id.in_([one.id for one in lines])
    which = or_(of_lines, BreakRow.id.in_(open_lines), BreakRow.entry_id.in_(entries)) if named else of_lines
    still_open = select(BreakRow).where(BreakRow.state != BreakState.CLOSED, which)
    newest = still_open.order_by(BreakRow.id.desc()).limit(FOUND_MAX)
    rows = {row.id: row for row in (await session.execute(newest)).scalars()}
    rows |= {row.id: row for row in await _named(session, BreakRow, whole, ending)}
    return tuple(FoundEntry(EntryKind.BREAK, row.id, row.id, row.amount, row.found_at) for row in rows.values())


async def in_suspense(session: AsyncSession, entry: int, lines: Iterable[FoundEntry]) -> tuple[FoundEntry, ...]:
    """Return the entry in suspense of this number, and those that these lines led to."""
    causes = [line_cause(one.id) for one in lines]
    led = (
        select(EntryRow.id)
        .join(LedgerTransactionRow, LedgerTransactionRow.id == EntryRow.transaction_id)
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .where(LedgerTransactionRow.cause.in_(causes), AccountRow.code.startswith("suspense:"))
        .order_by(EntryRow.id)
        .limit(FOUND_MAX)
    )
    ids = [*([entry] if entry else []), *((await session.execute(led)).scalars() if causes else ())]
    known = [await suspense.entry(session, one) for one in ids]
    return tuple(
        FoundEntry(EntryKind.SUSPENSE, str(one.entry_id), str(one.entry_id), one.amount, one.at)
        for one in known
        if one is not None
    )


async def _named(session: AsyncSession, table: Any, whole: str, ending: str, also: Any = None) -> list[Any]:
    """The newest rows of that id or whose id ends so, or for which `also` holds."""
    which = [table.id == whole] if whole else [ends(table.id, ending)] if ending else []
    if also is not None:
        which.append(also)
    if not which:
        return []
    wanted = select(table).where(or_(*which)).order_by(table.id.desc()).limit(FOUND_MAX)
    return list((await session.execute(wanted)).scalars())
