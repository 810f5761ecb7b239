"""Begin the runs that are due: one for each period of a counterparty that is over by more than its cut-off."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.session import Database
from database.tables.columns import now as this_moment
from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from domain.finance.settlement_periods import Period, PeriodKind, over_by
from domain.identifiers import new_id
from domain.places import business_day
from domain.rules.settlement import settlement_in_force
from services.finance.settlement.story import happened


class SettlementStarting:
    """Writes the rows of runs; their workflows are started from them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin_due(self, limit: int) -> int:
        """Begin up to `limit` runs and return how many. Raises DatabaseUnavailable."""
        moment = this_moment()
        async with self._database.transaction() as session:
            known = await session.execute(
                select(CounterpartyRow.id).where(CounterpartyRow.active).order_by(CounterpartyRow.id)
            )
            parties = list(known.scalars())
        begun = 0
        for party_id in parties:
            if begun >= limit:
                break
            async with self._database.transaction() as session:
                begun += await begin_runs(session, party_id, moment, limit - begun)
        return begun


async def begin_runs(session: AsyncSession, party_id: str, moment: datetime, limit: int) -> int:
    """Begin up to `limit` runs of a counterparty that are due, the oldest period first; return how many."""
    party = await session.get_one(CounterpartyRow, party_id, with_for_update=True, populate_existing=True)
    today = business_day(moment)
    rules = settlement_in_force(today)
    terms = rules.terms.get(party.terms)
    if terms is None:
        return 0  # The page of the counterparty says that its terms are gone.
    newest = select(func.max(SettlementRunRow.ends_on)).where(SettlementRunRow.counterparty_id == party.id)
    settled_to: date | None = (await session.execute(newest)).scalar_one()
    since = party.since if settled_to is None else settled_to + timedelta(days=1)
    begun = 0
    for period in over_by(since, today, PeriodKind(terms.period), terms.cut_off_days):
        if begun >= limit:
            break
        row = _run(party, period, since)
        row.terms, row.policy_version, row.two_people_from_minor = (
            terms.record(), rules.version, rules.two_people_from_minor,
        )  # fmt: skip
        if await insert_once(session, row, "counterparty_id", "period"):
            kept = await session.get_one(SettlementRunRow, row.id)
            happened(session, kept, "machine", "begun", moment, period=period.code, terms=terms.code)
            begun += 1
    return begun


def _run(party: CounterpartyRow, period: Period, since: date) -> SettlementRunRow:
    return SettlementRunRow(
        id=new_id(), counterparty_id=party.id, period=period.code, starts_on=max(period.first, since),
        ends_on=period.last, currency=party.currency, policy_version="", two_people_from_minor=0,
    )  # fmt: skip
