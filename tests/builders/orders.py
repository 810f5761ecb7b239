"""A payment of each kind of order, ready to be made: what is done to all orders alike is tested on each of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from database.repositories import ledger
from database.sealed import GOODWILL_ACCOUNT, ORDER_ACCOUNT, SETTLEMENT_ACCOUNT, SealedColumn
from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from domain.cards.facts import PaymentHeld
from domain.finance.order_kinds import OrderCode
from domain.finance.settlement_periods import PeriodKind, over_by
from domain.identifiers import goodwill_key, settlement_key
from domain.money import Money
from domain.places import business_day
from domain.rules.settlement import settlement_in_force
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill, GoodwillProposal
from tests.builders.escalating import Escalating
from tests.builders.paying import paying
from tests.builders.settling import Clock, Settling
from tests.builders.world import World

ACCOUNT = "13900008888"


@dataclass
class Payable:
    """A payment whose order is to be made. `prepare` makes it or says why it waits; `owed` is the account that it debits.

    `again` makes what is paid to another payee once this order was refused for certain; it returns the next order's key.
    `maker` (a person) decided what is paid, `subject` is what it is for, `account` the column of its payee.
    """

    world: World
    code: OrderCode
    key: str
    subject: str
    amount: Money
    owed: str
    prepare: Callable[[], Awaitable[PaymentHeld | None]]
    again: Callable[[], Awaitable[str]]
    maker: str
    account: SealedColumn
    renamed: Callable[[], Awaitable[None]] | None = None  # Names another payee before anything was ordered.

    async def sent(self) -> None:
        """Make the order and send it."""
        assert await self.prepare() is None
        await self.world.payout.send(self.key)

    async def balance(self) -> int:
        """Return the balance of the debited account; a debt of ours is negative."""
        async with self.world.database.transaction() as session:
            return (await ledger.balance(session, self.owed)).amount_minor


async def _card(world: World) -> Payable:
    case = await paying(world)
    card, quote = await case.accepted()
    key = f"card-{card}-payout-1"

    async def again() -> str:
        await case.named(card, "13900007777")
        assert await case.prepare(card, quote, 2) is None
        return f"card-{card}-payout-2"

    decided = await world.a_person("finance")
    return Payable(
        world, OrderCode.CARD, key, card, Money(465_00), f"seller_payable:{case.owner}",
        lambda: case.prepare(card, quote), again, decided, ORDER_ACCOUNT,
    )  # fmt: skip


async def _goodwill(world: World) -> Payable:
    case = await paying(world)
    paid = await case.paid(ACCOUNT)
    card = paid[len("card-") :][:26]
    scene = Escalating(world, case.owner, card)
    await scene.open()
    goodwill = Goodwill(SupportDesk(world.database, world.keyring, world.photos, scene.clock))

    async def agreed() -> str:
        given = await goodwill.propose(scene.agent, scene.ticket_id, GoodwillProposal(Money(20_00), "late", paid, ""))
        await goodwill.agree(await world.a_person("support_lead"), given)
        return given

    async def again() -> str:
        other = await agreed()
        assert await world.payout.prepare_goodwill(other, goodwill_key(other)) is None
        return goodwill_key(other)

    given = await agreed()
    key = goodwill_key(given)
    return Payable(
        world, OrderCode.GOODWILL, key, given, Money(20_00), "goodwill",
        lambda: world.payout.prepare_goodwill(given, key), again, scene.agent, GOODWILL_ACCOUNT,
    )  # fmt: skip


async def a_stated_run(world: World, minor: int) -> tuple[Settling, CounterpartyRow, SettlementRunRow]:
    """Return a run of the newest month that may be settled by now, whose statement the counterparty has not answered."""
    await world.calm()
    scene = Settling(world.database, world.keyring, world.photos, clock=Clock(datetime.now(UTC)))
    today = business_day(scene.clock())
    terms = settlement_in_force(today).terms["monthly"]
    *_, newest = over_by(today - timedelta(days=70), today, PeriodKind.MONTH, terms.cut_off_days)
    party = await scene.a_party(since=newest.first, opening=minor)
    return scene, party, await scene.stated(party)


async def _settlement(world: World) -> Payable:
    scene, party, run = await a_stated_run(world, 300_00)
    await scene.confirmed(run, party)
    await scene.approved(run)
    key = settlement_key(run.id, 1)

    async def renamed() -> None:
        await scene.a_payee(party.id, "13900007777")

    async def again() -> str:
        await renamed()
        await scene.activities.look(run.id)
        assert await scene.activities.prepare(run.id, settlement_key(run.id, 2)) is None
        return settlement_key(run.id, 2)

    return Payable(
        world, OrderCode.SETTLEMENT, key, run.id, Money(300_00), f"partner_share:{party.owner}",
        lambda: scene.activities.prepare(run.id, key), again, scene.finance, SETTLEMENT_ACCOUNT, renamed,
    )  # fmt: skip


PAYABLES: Mapping[OrderCode, Callable[[World], Awaitable[Payable]]] = {
    OrderCode.CARD: _card,
    OrderCode.GOODWILL: _goodwill,
    OrderCode.SETTLEMENT: _settlement,
}
