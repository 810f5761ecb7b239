"""The steps of a settlement run: each is done once, however often it is called, and the rows say what comes next."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import translated
from database.session import Database
from domain.cards.facts import PaymentHeld
from domain.finance.settlement import SettlementState
from domain.finance.settlement_acts import SettlementAct, SettlementStep
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance.routing import until_counted
from services.finance.settlement import advancing, collecting, orders, statements
from services.support.settlement_disputes import SettlementDeeds


class SettlementActivities:
    """The activities of runs. `now` is the office's clock."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        store: PhotoStore,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._store = store
        self._deeds = SettlementDeeds(database, keyring, store, now)
        self._now = now

    @activity.defn(name="settlement.look")
    @translated
    async def look(self, run_id: str) -> SettlementStep:
        """Do what time has made due and return what comes next."""
        async with self._database.transaction() as session:
            return await advancing.look(session, run_id, self._now())

    @activity.defn(name="settlement.collect")
    @translated
    async def collect(self, run_id: str) -> None:
        """Take the entries that the run settles."""
        async with self._database.transaction() as session:
            await collecting.collect(session, run_id, self._now())

    @activity.defn(name="settlement.state")
    @translated
    async def state(self, run_id: str) -> None:
        """Make the next version of the statement and give it to the counterparty."""
        async with self._database.transaction() as session:
            await statements.issue(session, self._store, run_id, self._now())

    @activity.defn(name="settlement.act")
    @translated
    async def act(self, act: SettlementAct) -> SettlementState:
        """Do what a person or a partner's program wants; refused for what it is, not tried again."""
        return await self._deeds.do(act)

    @activity.defn(name="settlement.prepare")
    @translated
    async def prepare(self, run_id: str, key: str) -> PaymentHeld | None:
        """Write the payment order and its postings, or return why it waits. Raises `not_payable`, tried again: a person must look then."""
        try:
            return await until_counted(lambda: self._prepared(run_id, key))
        except orders.NotPayable as not_payable:
            raise ApplicationError(str(not_payable), type="not_payable") from None

    async def _prepared(self, run_id: str, key: str) -> PaymentHeld | None:
        async with self._database.transaction() as session:
            return await orders.prepare(session, self._keyring, run_id, key, self._now())
