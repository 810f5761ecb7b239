"""Two people close a month of the books; its balances are kept, and nothing is posted into it any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.once import insert_once
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.books import ClosingRow
from database.tables.finance.ledger import PeriodRow
from domain.errors.finance import ClosingOver, ClosingWaits, PeriodClosed, PeriodNotOver, PositionsUnvalued
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import OwnWork
from domain.finance.breaks import NOTE_MAX
from domain.finance.periods import ClosingState, first_day, month_of, next_month
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.places import business_day
from domain.review.four_eyes import apart
from services.finance.closable import Unready, unready
from services.finance.second_person import Proposal, notify_declined
from services.people.acting import handled_by, standing
from services.people.permissions import require

# What closed months left is read from the newest closing with kept balances, so that only the months since are summed.
BALANCES = """
WITH closed AS (
    SELECT max(p.month) AS month FROM ledger_period p
    WHERE p.month < :month AND EXISTS (SELECT FROM ledger_period_balance b WHERE b.month = p.month)
), moved AS (
    SELECT e.account_id, coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0), 0) AS debits,
           coalesce(-sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0), 0) AS credits
    FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id
    WHERE t.effective_on < :end
      AND t.effective_on >= coalesce(
        (SELECT CAST(month || '-01' AS date) + interval '1 month' FROM closed), CAST('-infinity' AS timestamp))
    GROUP BY e.account_id
), kept AS (
    SELECT account_id, debits_minor, credits_minor FROM ledger_period_balance WHERE month = (SELECT month FROM closed)
)
INSERT INTO ledger_period_balance (month, account_id, debits_minor, credits_minor, balance_minor)
SELECT :month, account_id, coalesce(kept.debits_minor, 0) + coalesce(moved.debits, 0),
       coalesce(kept.credits_minor, 0) + coalesce(moved.credits, 0),
       coalesce(kept.debits_minor, 0) + coalesce(moved.debits, 0) - coalesce(kept.credits_minor, 0) - coalesce(moved.credits, 0)
FROM kept FULL JOIN moved USING (account_id)
ON CONFLICT DO NOTHING
"""


class Periods:
    """Closes months. `now` is the moment of asking; a month is over by the business day."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def ask(self, person: str, month: str, note: str = "") -> str:
        """Request the permanent close of a month; return the id to agree to. Nothing changes before a second person agrees.

        `note` says why days of it stay open, where some are. Refuse NotAllowed, FieldInvalid (`month`, `note`), PeriodNotOver before
        its last day is over, PeriodClosed when it or a later month was closed before, PositionsUnvalued for the oldest month that it
        closes without a value, and ClosingWaits when a colleague has asked for it already.
        """
        self._require_over(month)
        if len(note) > NOTE_MAX:
            raise FieldInvalid(field="note", why="too_long")
        async with self._database.transaction() as session:
            await require(session, person, Permission.CLOSE_PERIODS)
            await _require_open(session, month)
            missing = await unready(session, month)
            _require_valued(missing)
            if missing.open_days and not note.strip():
                raise FieldInvalid(field="note", why="missing")
            circle = (await standing(session, person, self._now())).circle
            row = ClosingRow(
                id=new_id(), month=month, asked_by=person, askers=sorted(circle), asked_at=self._now(), note=note.strip()
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ClosingWaits(month=month) from None
            session.add(by_person(person, "console:period:ask", month, facts={"closing": row.id}))
            return row.id

    async def agree(self, person: str, closing_id: str) -> None:
        """Close the month as the second person. Agreed to already by them, nothing changes.

        Refuse NotAllowed, NotFound, PeriodClosed and ClosingOver when it no longer waits, PositionsUnvalued for what came since it
        was asked for, and OwnWork to a person who asked, acts for who did or handled their account.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.CLOSE_PERIODS)
            row = await _locked(session, closing_id)
            if row.state is ClosingState.AGREED and row.decided_by == person:
                return
            _require_asked(row)
            await self._require_apart(session, person, row)
            await acquire(session, AdvisoryLock.PERIODS)  # Waits for postings that are about to commit.
            await _require_open(session, row.month)
            _require_valued(await unready(session, row.month))
            closed = PeriodRow(month=row.month, closed_by=row.asked_by, agreed_by=person, closed_at=self._now())
            if not await insert_once(session, closed, "month"):
                raise PeriodClosed(month=row.month)
            row.state, row.decided_by, row.decided_at = ClosingState.AGREED, person, self._now()
            facts = {"closing": row.id, "asked_by": row.asked_by}
            session.add(by_person(person, "console:period:close", row.month, facts=facts))
        async with self._database.transaction() as session:
            await keep_balances(session, row.month)

    async def withdraw(self, person: str, closing_id: str) -> None:
        """Take back what waits, as its asker or another person of finance. Refuse as `agree`, but OwnWork."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.CLOSE_PERIODS)
            row = await _locked(session, closing_id)
            if row.state is ClosingState.WITHDRAWN and row.decided_by == person:
                return
            _require_asked(row)
            row.state, row.decided_by, row.decided_at = ClosingState.WITHDRAWN, person, self._now()
            session.add(by_person(person, "console:period:withdraw", row.month, facts={"closing": row.id}))
            await notify_declined(session, row.asked_by, person, Proposal.MONTH, "/money/periods")

    def _require_over(self, month: str) -> None:
        try:
            first_day(month)
        except ValueError:
            raise FieldInvalid(field="month", why="not_a_month") from None
        if month >= month_of(business_day(self._now())):
            raise PeriodNotOver(month=month)

    async def _require_apart(self, session: AsyncSession, person: str, row: ClosingRow) -> None:
        askers, circle = frozenset(row.askers), (await standing(session, person, self._now())).circle
        if not apart(askers, circle, await handled_by(session, askers | circle, self._now())):
            raise OwnWork()


async def _require_open(session: AsyncSession, month: str) -> None:
    """Refuse PeriodClosed for a month that is closed, or one before it."""
    later = select(PeriodRow.month).where(PeriodRow.month >= month).order_by(PeriodRow.month).limit(1)
    if (await session.execute(later)).scalar_one_or_none() is not None:
        raise PeriodClosed(month=month)


def _require_valued(missing: Unready) -> None:
    """Refuse PositionsUnvalued for the oldest month that was not valued."""
    for one in missing.unvalued[:1]:
        raise PositionsUnvalued(month=one.month, currencies=", ".join(each.value for each in one.currencies))


async def keep_balances(session: AsyncSession, month: str) -> None:
    """Store the balance of every account at the end of a closed month. Safe to repeat: a closed month does not change."""
    await session.execute(text(BALANCES), {"month": month, "end": first_day(next_month(month))})


async def catch_up(database: Database) -> int:
    """Keep the balances of closed months whose closing was cut off before, the oldest first, each in a transaction of its own.

    Returns of how many.
    """
    missing = text("""
        SELECT month FROM ledger_period p
        WHERE NOT EXISTS (SELECT FROM ledger_period_balance b WHERE b.month = p.month)
          AND EXISTS (SELECT FROM ledger_transaction t
                      WHERE t.effective_on < CAST(p.month || '-01' AS date) + interval '1 month')
        ORDER BY month
    """)
    async with database.transaction() as session:
        months = list((await session.execute(missing)).scalars())
    for month in months:
        async with database.transaction() as session:
            await keep_balances(session, month)
    return len(months)


def _require_asked(row: ClosingRow) -> None:
    """Refuse PeriodClosed for what was agreed to, and ClosingOver for what was taken back."""
    if row.state is not ClosingState.ASKED:
        raise (PeriodClosed if row.state is ClosingState.AGREED else ClosingOver)(month=row.month)


async def _locked(session: AsyncSession, closing_id: str) -> ClosingRow:
    row = await session.get(ClosingRow, closing_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(closing=closing_id[:26])
    return row
