"""How a day of a source was closed or asked for, what became of a request that was taken back, and which day comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.people import accounts
from database.tables.finance.statements import ReconciledDayRow
from database.tables.people import AuditRow
from domain.finance.statements import StatementSource

WITHDRAWN = "console:day:withdraw"
WITHOUT_BILL = "statement:day:without_bill"


@dataclass(frozen=True)
class Withdrawn:
    """An ended request to close a day: who asked, who withdrew or declined it, and when."""

    asked_by: str
    by: str
    same: bool
    note: str
    at: datetime


async def names_of(session: AsyncSession, row: ReconciledDayRow | None) -> tuple[str, str]:
    """Return the names of who asked to close the day and of who agreed; empty where there is none."""
    if row is None:
        return "", ""
    names = await accounts.names_of(session, (row.asked_by, row.agreed_by))
    return names.get(row.asked_by, ""), names.get(row.agreed_by or "", "")


async def withdrawn(session: AsyncSession, source: StatementSource, day: date) -> Withdrawn | None:
    """Return the newest request to close the day where it was taken back; None where it was not, or none was made."""
    acts = select(AuditRow).where(AuditRow.subject == f"{source.value}:{day}", AuditRow.act.like("console:day:%"))
    newest = (await session.execute(acts.order_by(AuditRow.id.desc()).limit(1))).scalar_one_or_none()
    if newest is None or newest.act != WITHDRAWN:
        return None
    by = newest.actor.partition(":")[2]
    asked_by = str(newest.facts.get("asked_by", by))
    names = await accounts.names_of(session, (by, asked_by))
    note = str(newest.facts.get("note", ""))
    return Withdrawn(names.get(asked_by, ""), names.get(by, ""), by == asked_by, note, newest.at)


async def next_to_close(session: AsyncSession, source: StatementSource, first: date | None) -> date | None:
    """Return the day of a source that is closed next; None before it has a statement, which covers `first`."""
    closed = select(func.max(ReconciledDayRow.day)).where(
        ReconciledDayRow.source == source, ReconciledDayRow.closed_at.is_not(None)
    )
    last = (await session.execute(closed)).scalar_one()
    return first if first is None or last is None else max(first, last + timedelta(days=1))


async def without_bill(session: AsyncSession, source: StatementSource, day: date) -> bool:
    """Return whether the provider said that it has no bill of the day although our books expected something of it."""
    said = select(AuditRow.id).where(AuditRow.subject == f"{source.value}:{day}", AuditRow.act == WITHOUT_BILL)
    return (await session.execute(said.order_by(AuditRow.id).limit(1))).first() is not None
