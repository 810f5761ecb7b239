"""What is not ready of a month that is to be closed: positions in foreign money without a value, and days that are open."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.day_figures import first_day as first_stated
from database.tables.finance_statements import ReconciledDayRow
from domain.finance.periods import first_day, last_day
from domain.finance.statements import StatementSource
from domain.money import Currency
from services.finance.positions import unvalued


@dataclass(frozen=True)
class OpenDays:
    """How many days of a source are not closed in a month, and the first of them."""

    source: StatementSource
    days: int
    first: date


@dataclass(frozen=True)
class Unready:
    """What is missing of a month. `unvalued` currencies refuse its closing, `open_days` ask for a reason."""

    unvalued: tuple[Currency, ...]
    open_days: tuple[OpenDays, ...]


async def unready(session: AsyncSession, month: str) -> Unready:
    """Return what is not ready of a month that is over."""
    found = [await _open_days(session, one, month) for one in StatementSource]
    return Unready(await unvalued(session, month), tuple(one for one in found if one is not None))


async def _open_days(session: AsyncSession, source: StatementSource, month: str) -> OpenDays | None:
    """The days of a source since its first statement that nobody closed; None without any."""
    first, last, began = first_day(month), last_day(month), await first_stated(session, source)
    if began is None or began > last:
        return None
    closed = select(ReconciledDayRow.day).where(
        ReconciledDayRow.source == source, ReconciledDayRow.closed_at.is_not(None), ReconciledDayRow.day.between(first, last)
    )  # fmt: skip
    done, since = set((await session.execute(closed)).scalars()), max(first, began)
    days = [one for number in range((last - since).days + 1) if (one := since + timedelta(days=number)) not in done]
    return OpenDays(source, len(days), days[0]) if days else None
