"""Foreign money: the position of each currency, and its value at the end of a month."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.once import insert_once
from database.repositories import ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance_sales import FxRevaluationRow
from domain.errors.finance import PeriodClosed, PeriodNotOver
from domain.errors.general import FieldInvalid
from domain.errors.sales import RateSettled
from domain.finance.fx import Rate, rate_of
from domain.finance.periods import first_day, month_of, next_month
from domain.finance.postings import fx
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from services.finance.rates import require_rate
from services.people.permissions import require

# Each exchange is one transaction: its CNY side belongs to the currency of its other side. A revaluation names the currency.
_POSITION = text("""
WITH exchanged AS (
    SELECT e.transaction_id, e.amount_minor, e.currency, t.cause FROM entry e
    JOIN account a ON a.id = e.account_id AND a.code = 'fx_position'
    JOIN ledger_transaction t ON t.id = e.transaction_id
    WHERE t.effective_on <= :until
), owned AS (
    SELECT transaction_id FROM exchanged WHERE currency = :currency
    UNION SELECT transaction_id FROM exchanged WHERE cause LIKE 'revaluation:' || CAST(:currency AS text) || ':%'
)
SELECT -coalesce(sum(amount_minor) FILTER (WHERE currency = :currency), 0) AS foreign_minor,
       coalesce(sum(amount_minor) FILTER (WHERE currency = 'CNY'), 0) AS booked_minor
FROM exchanged WHERE transaction_id IN (SELECT transaction_id FROM owned)
""")
FOREVER = date(9999, 12, 31)


async def position(session: AsyncSession, currency: Currency, until: date = FOREVER) -> tuple[Money, Money]:
    """Return what is open in a currency up to a day (positive: it will come in), and the CNY that it is booked at."""
    row = (await session.execute(_POSITION, {"currency": currency.value, "until": until})).one()
    return Money(int(row.foreign_minor), currency), Money(int(row.booked_minor))


class Revaluations:
    """Values positions at the end of months. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def record(self, person: str, currency: Currency, month: str, rate: Rate) -> Money:
        """Value a currency's position at the end of a month, once, and return the difference (CNY, a gain is positive).

        Refuse NotAllowed, FieldInvalid (`month`, `currency`, `rate`, `rate_source`, `rate_at`), PeriodNotOver before the
        month's last day is over, PeriodClosed after its books are closed, and RateSettled when it was valued at another rate.
        """
        today = business_day(self._now())
        last = _last_day(month, currency, today)
        require_rate(rate, today)
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            await acquire(session, AdvisoryLock.FX_POSITION)
            if month in await ledger.closed_months(session, last):
                raise PeriodClosed(month=month)
            foreign, before = await position(session, currency, last)
            after = foreign.converted(rate.value, Currency.CNY)
            row = FxRevaluationRow(
                currency=currency, month=month, rate=rate_of(rate.text), rate_source=rate.source, rate_at=rate.at,
                position_minor=foreign.amount_minor, before_minor=before.amount_minor, after_minor=after.amount_minor,
                recorded_by=f"person:{person}", recorded_at=self._now(),
            )  # fmt: skip
            if not await insert_once(session, row, "currency", "month"):
                known = await session.get_one(FxRevaluationRow, (currency, month))
                if known.rate != row.rate:
                    raise RateSettled()
                return Money(known.after_minor - known.before_minor)
            cause = f"revaluation:{currency.value}:{month}"
            if (difference := after - before).amount_minor:
                posted = fx.difference(difference)
                await ledger.post(session, cause, None, "revalued", posted, happened_on=last, cause=cause)
            facts = {"rate": row.rate, "source": row.rate_source, "difference": str(difference)}
            session.add(by_person(person, "console:fx:revalue", cause, facts=facts))
        return difference


def _last_day(month: str, currency: Currency, today: date) -> date:
    try:
        last = first_day(next_month(month)) - timedelta(days=1)
    except ValueError:
        raise FieldInvalid(field="month", why="not_a_month") from None
    if currency is Currency.CNY:
        raise FieldInvalid(field="currency", why="out_of_range")
    if month >= month_of(today):
        raise PeriodNotOver(month=month)
    return last
