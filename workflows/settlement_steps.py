"""The steps of a settlement run as its workflow calls them: each activity bound to its policy, once."""

from __future__ import annotations

from temporalio import workflow

from workflows.policies import DATABASE, STATEMENT

with workflow.unsafe.imports_passed_through():
    from activities.settlement import SettlementActivities
    from domain.cards.facts import PaymentHeld
    from domain.finance.settlement import SettlementState
    from domain.finance.settlement_acts import SettlementAct, SettlementStep


async def look(run_id: str) -> SettlementStep:
    """Does what time has made due and says what comes next."""
    return await workflow.execute_local_activity_method(SettlementActivities.look, run_id, **DATABASE)


async def collect(run_id: str) -> None:
    """Takes the entries that the run settles."""
    await workflow.execute_local_activity_method(SettlementActivities.collect, run_id, **DATABASE)


async def state(run_id: str) -> None:
    """Makes the statement's files and gives it to the counterparty."""
    await workflow.execute_activity_method(SettlementActivities.state, run_id, **STATEMENT)


async def act(wanted: SettlementAct) -> SettlementState:
    """Does what a person or a partner's program wants."""
    return await workflow.execute_local_activity_method(SettlementActivities.act, wanted, **DATABASE)


async def prepare(run_id: str, key: str) -> PaymentHeld | None:
    """Writes the payment order down, or returns why it must wait."""
    return await workflow.execute_local_activity_method(SettlementActivities.prepare, args=[run_id, key], **DATABASE)
