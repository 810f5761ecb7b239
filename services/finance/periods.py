"""Two people close a month of the books; its balances are kept, and nothing is posted into it any more."""

from __future__ import annotations

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.once import insert_once
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance import PeriodRow
from domain.errors.finance import PeriodClosed, PeriodNotOver
from domain.errors.general import FieldInvalid
from domain.errors.work import OwnWork
from domain.finance.periods import first_day, month_of, next_month
from domain.people.roles import Permission
from services.people.permissions import require

_BALANCES = text("""
INSERT INTO ledger_period_balance (month, account_id, debits_minor, credits_minor, balance_minor)
SELECT :month, e.account_id,
       coalesce(sum(e.amount_minor) FILTER (WHERE e.amount_minor > 0), 0),
       coalesce(-sum(e.amount_minor) FILTER (WHERE e.amount_minor < 0), 0),
       sum(e.amount_minor)
FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id
WHERE t.effective_on < :end
GROUP BY e.account_id
ON CONFLICT DO NOTHING
""")


class Periods:
    """Closes months. `today` is the business day."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def close(self, person: str, agreed_by: str, month: str, today: date) -> None:
        """Close a month for good, on the word of two people of finance.

        Refuse NotAllowed, OwnWork for one person twice, FieldInvalid (`month`), PeriodNotOver before its last day is over,
        and PeriodClosed when it was closed before.
        """
        try:
            first_day(month)
        except ValueError:
            raise FieldInvalid(field="month", why="not_a_month") from None
        if month >= month_of(today):
            raise PeriodNotOver(month=month)
        if person == agreed_by:
            raise OwnWork()
        async with self._database.transaction() as session:
            for one in (person, agreed_by):
                await require(session, one, Permission.CLOSE_PERIODS)
            await acquire(session, AdvisoryLock.PERIODS)  # Waits for postings that are about to commit.
            if not await insert_once(session, PeriodRow(month=month, closed_by=person, agreed_by=agreed_by), "month"):
                raise PeriodClosed(month=month)
            session.add(by_person(person, "console:period:close", month, facts={"agreed_by": agreed_by}))
        async with self._database.transaction() as session:
            await keep_balances(session, month)


async def keep_balances(session: AsyncSession, month: str) -> None:
    """Keep what every account stood at when a closed month ended. Safe to repeat: a closed month does not change."""
    await session.execute(_BALANCES, {"month": month, "end": first_day(next_month(month))})
