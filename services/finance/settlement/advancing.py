"""What a run's workflow does next, by the run's rows: deadlines pass, payees come, orders follow."""

from __future__ import annotations

from datetime import datetime
from math import ceil

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from domain.finance.settlement import (
    UNSETTLED,
    SettlementAnswer,
    SettlementNeed,
    SettlementState,
    Terms,
)
from domain.finance.settlement_acts import NextStep, SettlementStep
from domain.identifiers import settlement_key
from services.finance.settlement import work
from services.finance.settlement.again import stated_again
from services.finance.settlement.answering import answered, to_payment
from services.finance.settlement.payees import payee_of
from services.finance.settlement.story import earlier, happened, locked


async def look(session: AsyncSession, run_id: str, now: datetime) -> SettlementStep:
    """Do what time has made due, once however often it is called, and return what comes next. Refuse NotFound."""
    run, party = await locked(session, run_id)
    await stated_again(session, run, party, now)
    if run.state is SettlementState.ANSWER and run.version >= run.lines_version:
        await _pass_time(session, run, party, now)
    if run.state is SettlementState.PAYEE and await payee_of(session, party, run) is not None:
        await to_payment(session, run, party, "machine", now)
    await session.flush()
    return await _next(session, run, now)


async def _pass_time(session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, now: datetime) -> None:
    """The deadline: silence confirms where the terms say so; else finance is asked, once."""
    if run.deadline_at is None or now <= run.deadline_at:
        return
    if Terms(**run.terms).silence_confirms:
        await answered(session, run, party, SettlementAnswer.SILENCE, "machine", now)
    elif run.overdue_at is None:
        run.overdue_at = now
        happened(session, run, "machine", "overdue", now)
        await work.needs(session, run, party, SettlementNeed.ANSWER, now)


async def _next(session: AsyncSession, run: SettlementRunRow, now: datetime) -> SettlementStep:
    if run.state is SettlementState.CLOSED:
        return SettlementStep(run.state, NextStep.OVER)
    if run.state is SettlementState.PAYING:
        return SettlementStep(run.state, NextStep.PAY, key=settlement_key(run.id, run.attempt))
    before = await earlier(session, run) if run.state in UNSETTLED else None
    if run.collected_at is None:
        waits = before is not None and before.collected_at is None
        return SettlementStep(run.state, NextStep.WAIT if waits else NextStep.COLLECT)
    if run.state in UNSETTLED and run.version < run.lines_version:
        waits = before is not None and before.state in UNSETTLED
        return SettlementStep(run.state, NextStep.WAIT if waits else NextStep.STATE)
    if run.state is SettlementState.ANSWER and run.deadline_at is not None and now <= run.deadline_at:
        # A second later than the deadline: an answer of its last moment counts.
        return SettlementStep(run.state, NextStep.WAIT, ceil((run.deadline_at - now).total_seconds()) + 1)
    return SettlementStep(run.state, NextStep.WAIT)
