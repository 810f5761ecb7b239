"""An outlet that has half the spread of every sale: its sales, their returns, its runs, and what its books come to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import text

from database.invariants import Look
from database.invariants.sources import SourcesAgree
from database.repositories import ledger
from database.tables.finance.sales import SaleRow, SaleSplitRow
from database.tables.finance.settlement import (
    CounterpartyRow,
    SettlementLineRow,
    SettlementOrderRow,
    SettlementRunRow,
)
from domain.finance.chart import account_of
from domain.finance.counterparties import CounterpartyKind
from domain.finance.ledger import Posting
from domain.finance.postings.sales import PARTNER_COST, SALES, partner_share
from domain.finance.settlement import SettlementDeed, SettlementState
from domain.finance.settlement_acts import NextStep
from domain.finance.waterfall import Base, PartKind
from domain.identifiers import new_id
from domain.money import Money
from services.finance.sale_returns import SaleReturns
from services.finance.sales import Sales
from tests.builders.paying import with_rules
from tests.builders.selling import a_bought_card, a_sale, today
from tests.builders.settling import Settling, nothing_is_wrong
from tests.builders.split_rules import divided_with
from tests.builders.world import World

ANSWER, APPROVAL, CLOSED = (
    SettlementState.ANSWER, SettlementState.APPROVAL, SettlementState.CLOSED,
)  # fmt: skip
CARD_COST = 465_00


@dataclass
class Shop:
    """Sales of real cards that one outlet has half the spread of, returns of them, and the runs of the outlet."""

    world: World
    settling: Settling
    party: CounterpartyRow
    sold_minor: int = 0
    returned_minor: int = 0

    async def sells(self, share: int) -> str:
        """Sell a card on the office's day, of which the outlet has this share; return the sale."""
        card_id, moment = await a_bought_card(self.world), self.settling.clock
        asked = a_sale(card_id, price=Money(CARD_COST + 2 * share), sold_on=max(today(), moment().date()))
        self.sold_minor += share
        return await Sales(self.world.database, moment).record(self.settling.finance, new_id(), asked)

    async def sells_by_row(self, share: int) -> str:
        """Record a sale as its own rows and postings are, of a card that was not bought: quicker than by its whole journey."""
        sale, card_id, day = new_id(), await self.world.a_card(), self.settling.clock().date()
        payer, owes, half = f"buyer_receivable:b-{sale[-8:].lower()}", partner_share(self.party.owner), Money(share)
        row = SaleRow(
            id=sale, key=sale, card_id=card_id, buyer=payer.partition(":")[2], price_minor=2 * share, total_minor=2 * share,
            booked_minor=2 * share, sold_at=self.settling.clock(), payer=payer, cost_minor=0, policy_version="splits-1",
            recorded_by=f"person:{self.settling.finance}",
        )  # fmt: skip
        ours = SaleSplitRow(
            sale_id=sale, line_no=1, rule="spread", part=PartKind.PLATFORM, account="sales", amount_minor=share
        )
        theirs = SaleSplitRow(
            sale_id=sale, line_no=2, rule="half", part=PartKind.SHARE, account=owes.code, amount_minor=share, base=Base.SPREAD
        )  # fmt: skip
        postings = (
            Posting(account_of(payer), half + half), Posting(SALES, -(half + half)), Posting(PARTNER_COST, half),
            Posting(owes, -half),
        )  # fmt: skip
        async with self.world.database.transaction() as session:
            session.add(row)
            await session.flush()
            session.add_all([ours, theirs])
            await ledger.post(session, f"sale:{sale}", card_id, "sold", postings, happened_on=day, cause=f"sale:{sale}")
        self.sold_minor += share
        return sale

    async def ends(self) -> None:
        """Have every run answered and paid, the oldest first, until all are closed."""
        for run in sorted(
            await self.settling.rows(SettlementRunRow, counterparty_id=self.party.id), key=lambda one: one.ends_on
        ):
            for turn in range(5):
                await self.settling.goes_on(run.id)
                if (now := await self.settling.run(run.id)).state is ANSWER:
                    who = f"person:{self.settling.finance}"
                    await self.settling.does(run, SettlementDeed.CONFIRM, who, reference=f"turn {turn}")
                elif now.state is APPROVAL:
                    await self.settling.approved(run)
            assert (await self.settling.run(run.id)).state is CLOSED

    async def takes_back(self, sale: str, share: int) -> None:
        """Reverse a sale through two people of finance."""
        returns = SaleReturns(self.world.database, self.settling.clock)
        await returns.ask(self.settling.finance, sale, "not_accepted")
        await returns.agree(await self.settling.a_person(), sale)
        self.returned_minor += share

    def _next_month(self) -> None:
        self.settling.clock.moment = (self.settling.clock() + timedelta(days=31)).replace(day=20)

    async def stated(self) -> SettlementRunRow:
        """State the run of the month that is over, once it is: the clock moves to the next month."""
        self._next_month()
        return await self.settling.stated(self.party)

    async def collected(self) -> SettlementRunRow:
        """Begin the run of the month that is over, and collect its lines; its statement is to be made next."""
        self._next_month()
        run = (await self.settling.begun(self.party))[-1]
        while (await self.settling.activities.look(run.id)).next is NextStep.COLLECT:
            await self.settling.activities.collect(run.id)
        return run

    async def paid(self, run: SettlementRunRow) -> SettlementRunRow:
        """Have the run confirmed and agreed to; return it as it is then."""
        finance = f"person:{self.settling.finance}"
        await self.settling.does(run, SettlementDeed.CONFIRM, finance, reference="by mail")
        if (await self.settling.run(run.id)).state is APPROVAL:
            await self.settling.approved(run)
        return await self.settling.run(run.id)

    async def owes(self) -> int:
        """What the books say the outlet owes, minor units."""
        async with self.world.database.transaction() as session:
            return (await ledger.balance(session, f"partner_receivable:{self.party.owner}")).amount_minor

    async def lines(self, run: SettlementRunRow) -> list[tuple[str, int, str]]:
        """The lines of a run that take something off: what, minor units, and the sale."""
        found = await self.settling.rows(SettlementLineRow, run_id=run.id)
        return [(one.what, one.amount_minor, one.cause) for one in found if one.what == "settlement_netted"]

    async def transferred(self) -> int:
        """What reached the outlet by the gateway's own book, minor units."""
        sent = 0
        for run in await self.settling.rows(SettlementRunRow, counterparty_id=self.party.id):
            for order in await self.settling.rows(SettlementOrderRow, run_id=run.id):
                for one in await self.world.transfers(order.key):
                    sent += one["amount_minor"] if one["status"] == "SUCCESS" else 0
        return sent

    async def books_are_right(self) -> None:
        """What was paid, is owed to it and it owes come to what was sold less what was returned; and the sales' rows say so."""
        due = await self.settling.owed(self.party) - await self.owes()
        assert await self.transferred() + due == self.sold_minor - self.returned_minor
        await nothing_is_wrong(self.settling)
        async with self.world.database.transaction() as session:
            wrong = await SourcesAgree().broken(session, Look(most=100_000))
            ours = await session.execute(
                text("SELECT sale_id FROM sale_split WHERE account = :share ORDER BY sale_id"), {"share": f"partner_share:{self.party.owner}"}
            )  # fmt: skip
            sales = set(ours.scalars())
        assert [line for line in wrong if any(sale in line for sale in sales)] == []


async def a_shop(scene: Settling, own_world: World) -> Shop:
    """An outlet of its own, settled from the first day of this month on."""
    with_rules(new_payee_from_minor=10_000_00)
    owner = f"outlet-{new_id()[-8:].lower()}"
    divided_with(owner)
    scene.clock.moment = scene.clock.moment.replace(year=today().year, month=today().month, day=28)
    since: date = today().replace(day=1)
    party = await scene.a_party(kind=CounterpartyKind.OUTLET, owner=owner, mail="books@outlet.example", since=since)
    return Shop(own_world, scene, party)
