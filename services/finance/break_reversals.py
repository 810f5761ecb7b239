"""What the reversal of a decision on a break takes back: its line, what was linked or closed, and the break is open again."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import suspense as suspense_reads
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow
from database.tables.finance.suspense import ReversalRow
from domain.errors.finance import NotReversible
from domain.errors.general import NotFound
from domain.finance.breaks import BY_HAND, BreakState, Verb
from domain.finance.postings.statements import break_cause, line_cause
from domain.finance.reversals import REVERSED, NotReversed
from domain.finance.statements import LineState, StatementSource
from domain.people.acting import ActingReviewer
from domain.sealing import KeyRing
from services.finance.break_work import reopen_work
from services.people.acting import standing

BY_PEOPLE = (LineState.MANUAL, LineState.FORCE, LineState.IGNORED)


async def reversed_before(session: AsyncSession, cause: str) -> int:
    """Return how many adjustments of this cause were reversed: the next one has a key of its own."""
    found = select(func.count()).where(LedgerTransactionRow.cause == cause, LedgerTransactionRow.what == REVERSED)
    return int((await session.execute(found)).scalar_one())


class BreakDecision:
    """A decision on a break, as what is reversed. The caller holds the lock of matching."""

    def __init__(self, row: BreakRow) -> None:
        self.row = row

    @staticmethod
    async def locked(session: AsyncSession, break_id: str) -> BreakDecision:
        """Return the decision on this break, its row locked. Refuse NotFound and NotReversible."""
        row = await session.get(BreakRow, break_id[:26], with_for_update=True, populate_existing=True)
        if row is None:
            raise NotFound(break_id=break_id[:26])
        if row.state is not BreakState.CLOSED or row.verb is None:
            raise NotReversible(what=NotReversed.STATE.value)
        if row.verb not in BY_HAND or row.decided_by is None:
            raise NotReversible(what=NotReversed.AUTOMATIC.value)
        if row.posted_key and await suspense_reads.is_cleared(session, row.posted_key):
            raise NotReversible(what=NotReversed.CLEARED.value)
        line_id = line_of(row)
        if line_id is not None and (await session.get_one(StatementLineRow, line_id)).state not in BY_PEOPLE:
            raise NotReversible(what=NotReversed.CHANGED.value)
        return BreakDecision(row)

    @property
    def source(self) -> StatementSource:
        """Whose days it belongs to."""
        return self.row.source

    @property
    def day(self) -> date:
        """The day that it counts for."""
        return self.row.day

    @property
    def posted_key(self) -> str:
        """What it posted; empty for nothing."""
        return self.row.posted_key

    @property
    def page(self) -> str:
        """Where it is seen."""
        return f"/reconciliation/breaks/{self.row.id}"

    @property
    def of_claim(self) -> bool:
        """No decision on a break is one of a claim."""
        return False

    async def who(self, session: AsyncSession, _keyring: KeyRing, person: str, now: datetime) -> ActingReviewer:
        """Return the standing of a person who may take part: anybody whose work it is."""
        return await standing(session, person, now)

    def decided(self) -> dict[str, str]:
        """Return the decision as its reversal keeps it."""
        row = self.row
        return {
            "verb": "" if row.verb is None else row.verb.value, "reason_code": row.reason_code, "note": row.note,
            "against": "" if row.against is None else row.against.value, "link": row.link, "by": row.decided_by or "",
            "checked_by": row.checked_by or "", "at": "" if row.closed_at is None else row.closed_at.isoformat(),
            "posted_key": row.posted_key, "difference_minor": str(row.difference_minor),
        }  # fmt: skip

    async def undo(self, session: AsyncSession, reversal: ReversalRow, now: datetime) -> None:
        """Free both sides and open the break again; breaks of what it had linked, which ended by that, are open again too."""
        row = self.row
        freed = await _freed(session, row, line_of(row))
        row.reversal_id = reversal.id
        row.state, row.verb, row.reason_code, row.note = BreakState.OPEN, None, "", ""
        row.against, row.link, row.decided_by, row.deciders, row.decided_at = None, "", None, [], None
        row.checked_by = row.closed_at = None
        row.posted_key, row.policy_version = "", ""
        if row.found_minor is not None:
            row.difference_minor, row.found_minor = row.found_minor, None
        await session.flush()
        if row.task_id is not None:
            await reopen_work(session, row.task_id, reversal.reason, now)
        for ended in await _ended_by_it(session, freed, row):
            ended.state, ended.verb, ended.closed_at, ended.reversal_id = BreakState.OPEN, None, None, reversal.id
            await session.flush()
            if ended.task_id is not None:
                await reopen_work(session, ended.task_id, reversal.reason, now)


def line_of(row: BreakRow) -> str | None:
    """Return the line that a decision was about: the break's own, or the one that it was linked to."""
    return row.line_id or (row.link if row.verb is Verb.REPLACE_LINK and row.entry_id is not None else None)


async def _freed(session: AsyncSession, row: BreakRow, line_id: str | None) -> set[int]:
    """Take the line and every expectation out of the decision; return the expectations."""
    freed: set[int] = set()
    if line_id is not None:
        line = await session.get_one(StatementLineRow, line_id, with_for_update=True, populate_existing=True)
        freed |= {line.entry_id} if line.entry_id is not None else set()
        line.state, line.entry_id = LineState.OPEN, None
        listed = (ExpectationRow.line_id == line_id, ExpectationRow.cause != line_cause(line_id))
        members = update(ExpectationRow).where(*listed).values(line_id=None).returning(ExpectationRow.entry_id)
        freed |= set((await session.execute(members)).scalars())
    closed = (ExpectationRow.break_id == row.id, ExpectationRow.cause != break_cause(row.id))
    own = update(ExpectationRow).where(*closed).values(break_id=None).returning(ExpectationRow.entry_id)
    return freed | set((await session.execute(own)).scalars())


async def _ended_by_it(session: AsyncSession, freed: set[int], row: BreakRow) -> list[BreakRow]:
    """The newest break of each freed expectation that ended because the decision gave it a line."""
    found = (
        select(BreakRow)
        .where(
            BreakRow.entry_id.in_(freed), BreakRow.line_id.is_(None), BreakRow.id != row.id,
            BreakRow.state == BreakState.CLOSED, BreakRow.verb == Verb.FOUND,
        )
        .order_by(BreakRow.entry_id, BreakRow.closed_at.desc(), BreakRow.id.desc())
        .with_for_update()
    )  # fmt: skip
    newest: dict[int | None, BreakRow] = {}
    for one in (await session.execute(found)).scalars():
        newest.setdefault(one.entry_id, one)
    return list(newest.values())
