"""Settlement at a demo's first start: three counterparties with runs in several states, as their people would have made them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from bootstrap import keys
from database.session import Database
from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from domain.finance.counterparties import CounterpartyKind
from domain.finance.rails import Rail
from domain.finance.settlement import SettlementDeed
from domain.finance.settlement_acts import NextStep, SettlementAct
from domain.finance.settlement_periods import PeriodKind, period_of
from domain.places import business_day
from gateways.pictures.store import PhotoStore
from services.finance.settlement import advancing, collecting, statements
from services.finance.settlement.counterparties import Counterparties, NewParty, PartyWords
from services.finance.settlement.starting import begin_runs
from services.support.desk import SupportDesk
from services.support.settlement_acts import SettlementActs

OUTLET = "pudong-outlet"  # Its account; by it a second start knows that all is there.
PAYEE = "13800006601"  # Not a real account.


@dataclass
class _Clock:
    """The moment at which the office of the story is."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment


class DemoSettlement:
    """Tells the story through the acts of `finance` and a `colleague` there (persons' ids), and of the partner's program."""

    def __init__(self, store: Database, held: keys.Secrets, photos: PhotoStore, finance: str, colleague: str) -> None:
        self._store, self._photos = store, photos
        self._finance, self._colleague = finance, colleague
        self._clock = _Clock(datetime.now(UTC))
        self._counterparties = Counterparties(store, held.keyring, self._clock)
        self._deeds = SettlementActs(SupportDesk(store, held.keyring, photos, self._clock))

    async def tell(self, partner_id: str) -> int:
        """Write the story and return how many runs it has: none where it was begun before."""
        async with self._store.transaction() as session:
            known = await session.execute(select(CounterpartyRow.id).where(CounterpartyRow.owner == OUTLET))
            if known.first() is not None:
                return 0
        now = self._clock.moment
        begun = [await self._partner(partner_id, now), await self._outlet(now)]
        return sum(begun) + await self._distributor(now)

    async def _partner(self, partner_id: str, now: datetime) -> int:
        """Two months of the API partner: the first is confirmed and about to be paid, in the second there was nothing."""
        last = period_of(period_of(business_day(now), PeriodKind.MONTH).first - timedelta(days=1), PeriodKind.MONTH)
        first = period_of(last.first - timedelta(days=1), PeriodKind.MONTH)
        words = PartyWords("江畔卡券 Riverside Cards", "zh_CN", "monthly", Rail.ALIPAY, partner_id=partner_id)
        owner = f"partner:{partner_id}"
        party = await self._added(NewParty(CounterpartyKind.PARTNER, owner, first.first, words, opening_minor=536_60))
        runs = await self._begun(party, now)
        for place, run in enumerate(runs):
            await self._goes_on(run, now)
            if place == 0:
                await self._does(run, SettlementDeed.CONFIRM, owner, reference="RC-0917")
                await self._does(run, SettlementDeed.APPROVE, f"person:{self._colleague}")
        return len(runs)

    async def _outlet(self, now: datetime) -> int:
        """Weeks of an outlet that is reached by mail: one carried over, one disputed, one that waits for the disputed one."""
        since = period_of(business_day(now), PeriodKind.WEEK).first - timedelta(weeks=4)
        words = PartyWords("浦东网点 Pudong Outlet", "zh_CN", "weekly", Rail.ALIPAY, mail="books@pudong.outlet.example")
        new = NewParty(CounterpartyKind.OUTLET, OUTLET, since, words, opening_minor=86_40)
        runs, finance = await self._begun(await self._added(new), now), f"person:{self._finance}"
        for place, run in enumerate(runs[:3]):
            await self._goes_on(run, now)
            if place == 0:
                await self._does(run, SettlementDeed.CONFIRM, finance, reference="邮件确认 mail")
            elif place == 1:
                said = "结转金额应为 96.40 元，请核对。The amount carried over should be 96.40."
                await self._does(run, SettlementDeed.DISPUTE, finance, words=said)
        return len(runs)

    async def _distributor(self, now: datetime) -> int:
        """The last month of a distributor that can be settled by now; its statement is with it."""
        this = period_of(business_day(now) - timedelta(days=3), PeriodKind.MONTH)
        month = period_of(this.first - timedelta(days=20), PeriodKind.MONTH)
        words = PartyWords("灯塔分销 Beacon Distribution", "en", "monthly", Rail.ALIPAY, mail="accounts@beacon.example")
        # Below the amount that two people agree to: one of the demo's two people of finance entered it.
        new = NewParty(CounterpartyKind.DISTRIBUTION, "beacon", month.first, words, opening_minor=4_280_00)
        runs = await self._begun(await self._added(new), now)
        for run in runs:
            await self._goes_on(run, now)
        return len(runs)

    async def _added(self, new: NewParty) -> str:
        party = await self._counterparties.add(self._finance, new)
        proposed = await self._counterparties.propose_payee(self._finance, party, new.words.rail, PAYEE, new.words.name)
        await self._counterparties.agree_payee(self._colleague, proposed)
        return party

    async def _begun(self, party: str, now: datetime) -> list[str]:
        async with self._store.transaction() as session:
            await begin_runs(session, party, now, 50)
            own = select(SettlementRunRow.id).where(SettlementRunRow.counterparty_id == party)
            return list((await session.execute(own.order_by(SettlementRunRow.ends_on))).scalars())

    async def _goes_on(self, run_id: str, now: datetime) -> None:
        """Do what the run's workflow would do until it waits; paying is left to the workflow."""
        while True:
            async with self._store.transaction() as session:
                step = await advancing.look(session, run_id, now)
            if step.next is NextStep.COLLECT:
                async with self._store.transaction() as session:
                    await collecting.collect(session, run_id, now)
            elif step.next is NextStep.STATE:
                async with self._store.transaction() as session:
                    await statements.issue(session, self._photos, run_id, now)
            else:
                return

    async def _does(
        self, run_id: str, deed: SettlementDeed, by: str, *, words: str = "", reference: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        await self._deeds.do(SettlementAct(run_id, deed, by, 1, words, lines, None, reference))
