"""Days of which a provider says that it has no bill: empty once they are long over and our books expect nothing of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from database.reads.finance import day_closes
from database.repositories import expectations
from database.session import Database
from database.tables.people import AuditRow
from domain.finance.statements import StatementSource
from domain.places import business_day
from domain.rules.reconciliation import accounts_on
from services.finance.statement_import import nothing_moved

SURE_AFTER = timedelta(days=2)  # Until a day has been over for so long, its bill may only be late.


async def taken_as_empty(database: Database, source: StatementSource, day: date, now: datetime) -> bool:
    """Keep an empty statement of a day without a bill; return whether it was kept.

    Nothing is kept while the bill may be late. Where our books expect something of the day, that is noted once for the
    page of the day, and the bill stays outstanding.
    """
    if business_day(now) - day <= SURE_AFTER:
        return False
    async with database.transaction() as session:
        await expectations.all_from_books(session, source)
        expected = await expectations.expected_on(session, source, day)
        if expected.count:
            if not await day_closes.without_bill(session, source, day):
                facts = {"expected": str(expected.count), "total": str(expected.total)}
                subject = f"{source.value}:{day}"
                session.add(AuditRow(actor="machine", act=day_closes.WITHOUT_BILL, subject=subject, facts=facts))
            return False
    accounts = accounts_on(source, day)
    await nothing_moved(database, source, accounts[0] if accounts else "", day, now)
    return True
