"""The steps of a settlement run: each is done once, however often it is called, and the rows say what comes next."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import translated
from domain.cards.facts import PaymentHeld
from domain.finance.settlement import SettlementState
from domain.finance.settlement_acts import SettlementAct, SettlementStep
from services.finance.routing import until_counted
from services.finance.settlement import advancing, collecting, orders, statements
from services.support.desk import SupportDesk
from services.support.settlement_acts import SettlementActs


@dataclass(frozen=True)
class SettlementActivities:
    """The activities of runs."""

    desk: SupportDesk

    @activity.defn(name="settlement.look")
    @translated
    async def look(self, run_id: str) -> SettlementStep:
        """Do what time has made due and return what comes next."""
        async with self.desk.database.transaction() as session:
            return await advancing.look(session, run_id, self.desk.now())

    @activity.defn(name="settlement.collect")
    @translated
    async def collect(self, run_id: str) -> None:
        """Take the entries that the run settles."""
        async with self.desk.database.transaction() as session:
            await collecting.collect(session, run_id, self.desk.now())

    @activity.defn(name="settlement.state")
    @translated
    async def state(self, run_id: str) -> None:
        """Make the next version of the statement and give it to the counterparty."""
        async with self.desk.database.transaction() as session:
            await statements.issue(session, self.desk.store, run_id, self.desk.now())

    @activity.defn(name="settlement.act")
    @translated
    async def act(self, act: SettlementAct) -> SettlementState:
        """Do what a person or a partner's program wants; refused for what it is, not tried again."""
        return await SettlementActs(self.desk).do(act)

    @activity.defn(name="settlement.prepare")
    @translated
    async def prepare(self, run_id: str, key: str) -> PaymentHeld | None:
        """Write the payment order and its postings, or return why it waits. Raises `not_payable`, tried again: a person must look then."""
        try:
            return await until_counted(lambda: self._prepared(run_id, key))
        except orders.NotPayable as not_payable:
            raise ApplicationError(str(not_payable), type="not_payable") from None

    async def _prepared(self, run_id: str, key: str) -> PaymentHeld | None:
        async with self.desk.database.transaction() as session:
            return await orders.prepare(session, self.desk.keyring, run_id, key, self.desk.now())
