"""Foreign money: the position of each currency, and its value at the end of a month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories import ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.sales import FxRevaluationRow
from domain.errors.finance import PeriodClosed, PeriodNotOver
from domain.errors.general import FieldInvalid
from domain.errors.sales import PositionMoved, RateSettled
from domain.finance.fx import Rate, can_take_back, rate_of
from domain.finance.periods import last_day, month_of
from domain.finance.postings import fx
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from services.finance.rates import require_rate
from services.people.permissions import require

# Each exchange is one transaction: its CNY side belongs to the currency of its other side. A valuation and its end have only a
# CNY side, and their causes name the currency.
_POSITIONS = text("""
WITH exchanged AS (
    SELECT e.transaction_id, e.amount_minor, e.currency, t.cause FROM entry e
    JOIN account a ON a.id = e.account_id AND a.code = 'fx_position'
    JOIN ledger_transaction t ON t.id = e.transaction_id
    WHERE t.effective_on <= :until
), owned AS (
    SELECT transaction_id, coalesce(
        min(currency) FILTER (WHERE currency <> 'CNY'), min(split_part(cause, ':', 2))) AS foreign_currency
    FROM exchanged GROUP BY transaction_id
)
SELECT foreign_currency, -coalesce(sum(amount_minor) FILTER (WHERE currency <> 'CNY'), 0) AS foreign_minor,
       coalesce(sum(amount_minor) FILTER (WHERE currency = 'CNY'), 0) AS booked_minor
FROM exchanged JOIN owned USING (transaction_id) GROUP BY foreign_currency ORDER BY foreign_currency
""")
FOREVER = date(9999, 12, 31)


@dataclass(frozen=True)
class Position:
    """What is open in a currency (positive: it will come in), and the CNY that it is booked at."""

    open: Money
    booked: Money


async def positions(session: AsyncSession, until: date = FOREVER) -> dict[Currency, Position]:
    """Return the position of each currency that was exchanged up to a day."""
    rows = await session.execute(_POSITIONS, {"until": until})
    return {
        (one := Currency(row.foreign_currency)): Position(Money(int(row.foreign_minor), one), Money(int(row.booked_minor)))
        for row in rows
    }  # fmt: skip


async def hold_position(session: AsyncSession, currency: Currency) -> None:
    """Lock the positions for foreign money, before any row or account, as whatever moves one does; nothing for yuan."""
    if currency is not Currency.CNY:
        await acquire(session, AdvisoryLock.FX_POSITION)


async def position(session: AsyncSession, currency: Currency, until: date = FOREVER) -> tuple[Money, Money]:
    """Return what is open in a currency up to a day (positive: it will come in), and the CNY that it is booked at."""
    found = (await positions(session, until)).get(currency, Position(Money(0, currency), Money(0)))
    return found.open, found.booked


async def require_movable(session: AsyncSession, moved: Money, value: Money) -> None:
    """Refuse PositionMoved where foreign money that left its position at a value (CNY) cannot come back to it as it left.

    The caller holds the lock of positions.
    """
    open_, booked = await position(session, moved.currency)
    if not can_take_back(open_, booked, moved, value):
        raise PositionMoved(open=str(open_ + moved), booked=str(booked + value))


async def unvalued(session: AsyncSession, month: str) -> tuple[Currency, ...]:
    """Return the currencies whose position at the end of a month was not valued, or has changed since it was."""
    found = await positions(session, last_day(month))
    statement = select(FxRevaluationRow).where(FxRevaluationRow.month == month)
    rows = {row.currency: row for row in (await session.execute(statement)).scalars()}
    return tuple(one for one, at in sorted(found.items()) if not _valued(at, rows.get(one)))


def _valued(at: Position, row: FxRevaluationRow | None) -> bool:
    if row is None:
        return not at.open.amount_minor and not at.booked.amount_minor
    # Before a valuation was reversed, it could not be repeated either.
    return row.ended_on is None or (row.position_minor, row.after_minor) == (at.open.amount_minor, at.booked.amount_minor)  # fmt: skip


class Revaluations:
    """Values positions at the end of months. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def record(self, person: str, currency: Currency, month: str, rate: Rate) -> Money:
        """Value a currency's position at the end of a month, and return the unrealised difference (CNY, a gain is positive).

        It is posted on the month's last day and reversed on the first day after it, so that what is paid later realises its whole
        difference against what the sale was booked at, whenever the month was valued. Repeated at the same rate, it posts what has
        come to count for the month since; mostly nothing.

        Refuse NotAllowed, FieldInvalid (`month`, `currency`, `rate`, `rate_source`, `rate_at`), PeriodNotOver before the
        month's last day is over, PeriodClosed after its books or later ones are closed, and RateSettled when it was valued at
        another rate.
        """
        today = business_day(self._now())
        last = _require_over(month, currency, today)
        require_rate(rate, today)
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            await acquire(session, AdvisoryLock.FX_POSITION)
            if await ledger.closed_months(session, last):
                raise PeriodClosed(month=month)
            foreign, booked = await position(session, currency, last)
            after = foreign.converted(rate.value, Currency.CNY)
            row = await session.get(FxRevaluationRow, (currency, month))
            if row is not None and row.rate != rate_of(rate.text):
                raise RateSettled()
            if row is not None and row.ended_on is None:
                return Money(row.after_minor - row.before_minor)
            earlier = Money(0 if row is None else row.after_minor - row.before_minor)
            row = FxRevaluationRow(
                currency=currency, month=month, rate=rate_of(rate.text), rate_source=rate.source, rate_at=rate.at,
                position_minor=foreign.amount_minor, before_minor=(booked - earlier).amount_minor,
                after_minor=after.amount_minor, ended_on=last + timedelta(days=1), recorded_by=f"person:{person}",
                recorded_at=self._now(),
            )  # fmt: skip
            await session.merge(row)
            await _post(session, row, after - booked, last)
            facts = {"rate": row.rate, "source": row.rate_source, "difference": str(after - booked)}
            session.add(by_person(person, "console:fx:revalue", cause_of(row), facts=facts))
        return after - booked + earlier


async def _post(session: AsyncSession, row: FxRevaluationRow, difference: Money, last: date) -> None:
    """Post a difference on the last day of a month, and its reversal on the first day of the next one."""
    if not difference.amount_minor:
        return
    cause, ends = cause_of(row), f"revaluation_end:{row.currency.value}:{row.month}"
    before = select(func.count()).where(LedgerTransactionRow.cause == cause)
    key = f"{cause}:{(await session.execute(before)).scalar_one() + 1}"
    await ledger.post(session, key, None, "revalued", fx.difference(difference), happened_on=last, cause=cause)
    first = last + timedelta(days=1)
    await ledger.reverse(session, f"{key}:end", key, "revaluation_ended", happened_on=first, cause=ends)


def cause_of(row: FxRevaluationRow) -> str:
    """Return the cause that a valuation's postings name."""
    return f"revaluation:{row.currency.value}:{row.month}"


def _require_over(month: str, currency: Currency, today: date) -> date:
    try:
        last = last_day(month)
    except ValueError:
        raise FieldInvalid(field="month", why="not_a_month") from None
    if currency is Currency.CNY:
        raise FieldInvalid(field="currency", why="out_of_range")
    if month >= month_of(today):
        raise PeriodNotOver(month=month)
    return last
