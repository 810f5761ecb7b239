"""Take the entries of the ledger that a run settles: each entry is taken by one run, whenever it was posted."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ARRAY, String, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import CounterpartyRow, SettlementLineRow
from domain.finance.counterparties import CounterpartyKind
from domain.finance.postings.settlement import OF_PAYMENTS, OPENING, payable_to
from domain.money import Money
from services.finance.settlement.story import earlier, happened, locked, wake_later

# What was posted for an earlier period after its run is taken by this one, and marked.
_COLLECT = text("""
INSERT INTO settlement_line (entry_id, run_id, version, amount_minor, happened_on, what, cause, card_id, late, note)
SELECT e.id, :run, 1, -e.amount_minor, coalesce(t.late_for, t.effective_on), t.what, t.cause, t.card_id,
       coalesce(t.late_for, t.effective_on) < :starts_on, ''
FROM account a JOIN entry e ON e.account_id = a.id JOIN ledger_transaction t ON t.id = e.transaction_id
WHERE a.code = :account AND a.currency = :currency AND t.effective_on <= :ends_on AND t.what <> ALL (:besides)
  AND starts_with(t.key, :keys)
  AND NOT EXISTS (SELECT FROM settlement_line l WHERE l.entry_id = e.id)
ORDER BY e.id
""").bindparams(bindparam("besides", type_=ARRAY(String)))


_UNSETTLED = text("""
SELECT -coalesce(sum(e.amount_minor), 0)::bigint
FROM account a JOIN entry e ON e.account_id = a.id JOIN ledger_transaction t ON t.id = e.transaction_id
WHERE a.code = :account AND a.currency = :currency AND starts_with(t.key, :keys)
  AND NOT EXISTS (SELECT FROM settlement_line l WHERE l.entry_id = e.id)
""")


async def collect(session: AsyncSession, run_id: str, now: datetime) -> None:
    """Take everything that is not settled yet and counts for a day up to the end of the run's period; once per run.

    Nothing happens while an earlier run of the counterparty has not taken what is its own.
    """
    run, party = await locked(session, run_id)
    before = await earlier(session, run)
    if run.collected_at is not None or (before is not None and before.collected_at is None):
        return  # What counts for an earlier period is the earlier run's.
    # Two runs of one counterparty take entries one after the other.
    await session.get_one(CounterpartyRow, party.id, with_for_update=True, populate_existing=True)
    values = {
        "run": run.id, "starts_on": run.starts_on, "ends_on": run.ends_on, "currency": run.currency.value,
        "account": payable_to(party.kind, party.owner).code, "keys": keys_of(party), "besides": list(OF_PAYMENTS),
    }  # fmt: skip
    await session.execute(_COLLECT, values)
    run.collected_at = now
    opening = select(SettlementLineRow.entry_id).where(
        SettlementLineRow.run_id == run.id, SettlementLineRow.what == OPENING
    )
    if (await session.execute(opening.limit(1))).first() is not None:
        run.hands = sorted({*run.hands, party.made_by})  # Who entered what was owed does not agree to paying it.
    counted = text("SELECT count(*), count(*) FILTER (WHERE late) FROM settlement_line WHERE run_id = :run")
    lines, late = (await session.execute(counted, {"run": run.id})).one()
    happened(session, run, "machine", "collected", now, lines=str(lines), late=str(late))
    await wake_later(session, run)


async def unsettled(session: AsyncSession, party: CounterpartyRow) -> Money:
    """Return what stands on the counterparty's account and no run has taken; positive where we owe it."""
    values = {
        "account": payable_to(party.kind, party.owner).code,
        "currency": party.currency.value,
        "keys": keys_of(party),
    }
    return Money(int((await session.execute(_UNSETTLED, values)).scalar_one()), party.currency)


def keys_of(party: CounterpartyRow) -> str:
    """Return how the keys of the entries begin that are a provider's on the account that it shares; empty: all are its own."""
    return f"cost:{party.owner}:" if party.kind is CounterpartyKind.PROVIDER else ""
