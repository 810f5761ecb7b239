"""What is not ready of the months that a closing closes: positions in foreign money without a value, and days that are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.day_figures import first_day as first_stated
from database.tables.finance.ledger import LedgerTransactionRow, PeriodRow
from database.tables.finance.statements import ReconciledDayRow
from domain.finance.periods import first_day, last_day, month_of, next_month
from domain.finance.statements import StatementSource
from domain.money import Currency
from services.finance.positions import unvalued


@dataclass(frozen=True)
class Unvalued:
    """The currencies whose position at the end of a month was not valued, or has changed since."""

    month: str
    currencies: tuple[Currency, ...]


@dataclass(frozen=True)
class OpenDays:
    """How many days of a source are not closed, and the first of them."""

    source: StatementSource
    days: int
    first: date


@dataclass(frozen=True)
class Unready:
    """What is missing, the oldest month first. `unvalued` months refuse the closing, `open_days` ask for a reason."""

    unvalued: tuple[Unvalued, ...]
    open_days: tuple[OpenDays, ...]


async def unready(session: AsyncSession, month: str) -> Unready:
    """Return what is not ready of a month that is over and of the open ones before it, which its closing closes as well."""
    return (await unready_by_month(session, month))[month]


async def unready_by_month(session: AsyncSession, until: str) -> dict[str, Unready]:
    """Return what each open month up to this one lacks to be closed with all before it, the oldest first."""
    began = {one: await first_stated(session, one) for one in StatementSource}
    found: dict[str, Unready] = {}
    unvalued_months: tuple[Unvalued, ...] = ()
    first = month = await _first_open(session, until)
    while month <= until:
        if lacking := await unvalued(session, month):
            unvalued_months += (Unvalued(month, lacking),)
        days = [await _open_days(session, source, first_day(first), last_day(month), began[source]) for source in began]
        found[month] = Unready(unvalued_months, tuple(one for one in days if one is not None))
        month = next_month(month)
    return found


async def _first_open(session: AsyncSession, until: str) -> str:
    """The month after the newest closed one, or the first that anything counts for; not after `until`."""
    closed = (await session.execute(select(func.max(PeriodRow.month)))).scalar_one()
    if closed is not None:
        return min(next_month(closed), until)
    posted = (await session.execute(select(func.min(LedgerTransactionRow.effective_on)))).scalar_one()
    return until if posted is None else min(month_of(posted), until)


async def _open_days(
    session: AsyncSession, source: StatementSource, first: date, last: date, began: date | None
) -> OpenDays | None:
    """Return the unclosed days of a source since its first statement; None without any."""
    if began is None or began > last:
        return None
    closed = select(ReconciledDayRow.day).where(
        ReconciledDayRow.source == source, ReconciledDayRow.closed_at.is_not(None), ReconciledDayRow.day.between(first, last)
    )  # fmt: skip
    done, since = set((await session.execute(closed)).scalars()), max(first, began)
    days = [one for number in range((last - since).days + 1) if (one := since + timedelta(days=number)) not in done]
    return OpenDays(source, len(days), days[0]) if days else None
