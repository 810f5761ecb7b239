"""A sale that is returned after a statement was made: the statement is made again, in place of a payment of too much."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from domain.finance.settlement import SettlementState
from domain.identifiers import settlement_key
from domain.money import Money
from services.finance.settlement import netting, work
from services.finance.settlement.story import happened, moved
from services.finance.settlement.unpaid import ordered
from services.finance.waiting import goes_on

# A dispute is answered first: the version after it takes off what is owed.
_STATED = (SettlementState.ANSWER, SettlementState.APPROVAL, SettlementState.PAYEE, SettlementState.PAYING)


async def stated_again(session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, now: datetime) -> bool:
    """Have a run stated again where less is to be paid than its statement says; return whether it is. The caller holds the run.

    The next version takes off what the counterparty owes, and is answered and agreed to as the first was.
    """
    if run.state not in _STATED or run.version < run.lines_version or await ordered(session, run):
        return False
    taken = await netting.found(session, party, Money(run.payable_minor, run.currency))
    if not taken.lines:
        return False
    run.lines_version = run.version + 1
    run.answer = run.answered_by = run.answered_at = None
    run.approved_by = []
    await goes_on(session, settlement_key(run.id, run.attempt), now)  # A hold was of the amount that is not paid now.
    await moved(session, run, SettlementState.ANSWER)
    happened(session, run, "machine", "stated_again", now, amount=str(taken.amount), version=str(run.version))
    await work.needs(session, run, party, None, now)
    return True
