"""Foreign money that was kept is exchanged; and whatever happens to sales, a position of nothing is booked at nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from database.invariants import Look
from database.invariants.two_people import ClaimsByTwo
from database.repositories import expectations, ledger
from database.tables.finance.sales import FxExchangeRow, FxRevaluationRow, SaleRow
from database.tables.finance.statements import ExpectationRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.errors.people import NotAllowed
from domain.errors.sales import ExchangeOver, ForeignMoneyLess, ReferenceTaken
from domain.errors.work import OwnWork
from domain.finance.fx import Rate
from domain.finance.periods import last_day, month_of
from domain.finance.rails import Rail
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.exchanges import ExchangeAsked, Exchanges
from services.finance.positions import Revaluations, position, unvalued
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.sales import Sales
from tests.builders.own_world import own_world
from tests.builders.selling import a_bought_card, a_sale, posted, sold, taken_back, today
from tests.builders.world import World

world = own_world("exchanges")

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
THIS = today().replace(day=1)
MONTH = month_of(THIS - timedelta(days=1))
DAYS = [last_day(MONTH), today()]


def at(rate: str) -> Rate:
    return Rate(rate, "CFETS", AT)


def an_exchange(sold_: Money, arrived: int, rate: str, **more: Any) -> ExchangeAsked:
    given_: dict[str, Any] = {"account": "cash:bank", "reference": f"FX-{new_id()}", "exchanged_on": today()} | more
    return ExchangeAsked(sold=sold_, arrived=Money(arrived), rate=at(rate), **given_)


async def kept(world: World, person: str, price: Money, rate: str) -> Money:
    """Sell a card for a foreign price, which its buyer pays in that currency; returns what is kept at the bank."""
    sale = await sold(world, person, await a_bought_card(world), price=price, rate=at(rate))
    (row,) = await world.rows(SaleRow, id=sale)
    total = Money(row.total_minor, row.currency)
    asked = ReceiptAsked(row.buyer.partition(":")[2], Rail.BANK, total, total, new_id(), today())
    await Receipts(world.database).record(person, new_id(), asked)
    return total


async def stands(world: World, currency: Currency) -> tuple[int, int]:
    async with world.database.transaction() as session:
        foreign, booked = await position(session, currency)
    return foreign.amount_minor, booked.amount_minor


async def test_what_was_kept_is_exchanged_and_its_difference_realised_once(world: World) -> None:
    person, exchanges = await world.a_person("finance"), Exchanges(world.database)
    total = await kept(world, person, Money(200_00, Currency.USD), "7.1")
    assert (total, await stands(world, Currency.USD)) == (Money(202_00, Currency.USD), (202_00, 1_434_20))
    asked, key = an_exchange(Money(101_00, Currency.USD), 707_00, "7.0"), new_id()
    exchange = await exchanges.record(person, key, asked)
    assert await exchanges.record(person, key, asked) == exchange
    assert await posted(world, f"exchange:{exchange}") == {
        ("cash:bank", "USD"): -101_00, ("cash:bank", "CNY"): 707_00, ("fx_position", "USD"): 101_00,
        ("fx_position", "CNY"): -717_10, ("fx_difference", "CNY"): 10_10,
    }  # fmt: skip
    (row,) = await world.rows(FxExchangeRow, id=exchange)
    assert (row.difference_minor, row.confirmed_by, row.posted_at is not None) == (-10_10, None, True)
    with pytest.raises(IdempotencyKeyReused):
        await exchanges.record(person, key, an_exchange(Money(100_00, Currency.USD), 700_00, "7.0"))
    with pytest.raises(ForeignMoneyLess) as less:
        await exchanges.record(person, new_id(), an_exchange(Money(101_01, Currency.USD), 707_07, "7.0"))
    assert less.value.data == {"there": "$101.00"}
    rest = an_exchange(Money(101_00, Currency.USD), 727_20, "7.2", reference="FX-2")
    await exchanges.record(person, new_id(), rest)
    assert await stands(world, Currency.USD) == (0, 0)
    async with world.database.transaction() as session:
        assert await ledger.balance(session, "cash:bank", Currency.USD) == Money(0, Currency.USD)
        await expectations.all_from_books(session, StatementSource.BANK)
    seen = [one for one in await world.rows(ExpectationRow, reference="FX-2") if one.currency is Currency.CNY]
    assert [(one.amount_minor, one.day) for one in seen] == [(727_20, today())]  # A line of the bank's will find it.


async def test_an_exchange_of_much_waits_for_another_person(world: World) -> None:
    first, second, exchanges = (
        await world.a_person("finance"),
        await world.a_person("finance"),
        Exchanges(world.database),
    )
    total = await kept(world, first, Money(100_000, Currency.JPY), "0.051")
    asked = an_exchange(total, 5_050_00, "0.05")
    exchange = await exchanges.record(first, new_id(), asked)
    with pytest.raises(ReferenceTaken):
        await exchanges.record(second, new_id(), asked)  # A colleague enters the same line of the statement.
    other = await exchanges.record(first, new_id(), replace(asked, reference=new_id()))
    assert await posted(world, f"exchange:{exchange}") == {}
    with pytest.raises(OwnWork):
        await exchanges.confirm(first, exchange)
    for _ in range(2):
        await exchanges.confirm(second, exchange)
    assert await stands(world, Currency.JPY) == (0, 0)
    assert (await posted(world, f"exchange:{exchange}"))["cash:bank", "CNY"] == 5_050_00
    with pytest.raises(ForeignMoneyLess):  # It was recorded twice: nothing is left for the other.
        await exchanges.confirm(second, other)
    for _ in range(2):
        await exchanges.discard(second, other)
    for late in (exchanges.confirm(second, other), exchanges.discard(first, exchange)):
        with pytest.raises(ExchangeOver):
            await late
    async with world.database.transaction() as session:
        assert await ClaimsByTwo().broken(session, Look()) == []
        await session.execute(
            text("UPDATE fx_exchange SET confirmed_by = recorded_by WHERE id = :id"), {"id": exchange}
        )
        assert len(await ClaimsByTwo().broken(session, Look())) == 1
        await session.rollback()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"account": "cash"}, "account"),
        ({"account": "goodwill"}, "account"),
        ({"sold": Money(1)}, "sold"),
        ({"sold": Money(0, Currency.USD)}, "sold"),
        ({"arrived": Money(7_02)}, "arrived"),  # At 7.0 it would be 7.00: more than rounding.
        ({"arrived": Money(7_00, Currency.USD)}, "arrived"),
        ({"rate": Rate("0", "CFETS", AT)}, "rate"),
        ({"reference": " "}, "reference"),
        ({"exchanged_on": today() + timedelta(days=1)}, "exchanged_on"),
    ],
)
async def test_what_is_no_exchange_is_refused(world: World, changed: dict[str, Any], field: str) -> None:
    usual: dict[str, Any] = {
        "account": "cash:bank", "sold": Money(1_00, Currency.USD), "arrived": Money(7_00), "rate": at("7.0"), "reference": "FX",
        "exchanged_on": today(),
    }  # fmt: skip
    with pytest.raises(FieldInvalid) as refused:
        await Exchanges(world.database).record(
            await world.a_person("finance"), new_id(), ExchangeAsked(**usual | changed)
        )
    assert refused.value.data["field"] == field


async def test_only_finance_exchanges(world: World) -> None:
    asked, senior = an_exchange(Money(1_00, Currency.USD), 7_00, "7.0"), await world.a_person("senior")
    with pytest.raises(NotAllowed):
        await Exchanges(world.database).record(senior, new_id(), asked)


async def test_a_sale_that_comes_back_after_part_payments_leaves_nothing_on_its_position(world: World) -> None:
    person, receipts = await world.a_person("finance"), Receipts(world.database)
    assert await stands(world, Currency.USD) == (0, 0)
    sales = {}
    for rate in ("7.0", "8.0"):  # 101.00 at 707.00, then at 808.00.
        asked = a_sale(await a_bought_card(world), price=Money(100_00, Currency.USD), rate=at(rate))
        sales[rate] = (await Sales(world.database).record(person, new_id(), asked), asked.buyer)
    half = Money(50_50, Currency.USD)
    for _, buyer in sales.values():
        await receipts.record(person, new_id(), ReceiptAsked(buyer, Rail.BANK, half, Money(380_00), new_id(), today()))
    assert await stands(world, Currency.USD) == (101_00, 757_50)  # Each half took 378.75, the average.
    await taken_back(world, sales["8.0"][0], "agreed")
    assert await stands(world, Currency.USD) == (0, 0)
    (row,) = await world.rows(SaleRow, id=sales["8.0"][0])
    assert row.difference_minor == 50_50  # Its 808.00 left a position that was booked at 757.50.
    cause = f"sale_difference:USD:{row.id}"
    assert await posted(world, cause) == {("fx_position", "CNY"): 50_50, ("fx_difference", "CNY"): -50_50}


amounts, rates = st.integers(100, 90_000), st.sampled_from(["5.9", "6.61", "7.1234", "7.9"])
days = st.sampled_from(DAYS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("sale"), amounts, rates, days),
        st.tuples(st.sampled_from(["paid", "kept"]), st.integers(1, 100), rates, days),
        st.tuples(st.just("returned"), amounts, rates, days),
        st.tuples(st.just("exchanged"), st.integers(1, 100), rates, days),
        st.tuples(st.just("month"), amounts, rates, days),
    ),
    min_size=3,
    max_size=8,
)
Step = tuple[str, int, str, date]
SOLD, OTHER = ("sale", 10_000, "7.9", DAYS[0]), ("sale", 10_000, "5.9", DAYS[1])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
@example(
    steps=[SOLD, OTHER, ("paid", 50, "7.1234", DAYS[1]), ("month", 1, "6.61", DAYS[1]), ("returned", 0, "7.9", DAYS[1])]
)
@example(steps=[SOLD, ("paid", 50, "6.61", DAYS[1]), ("returned", 0, "7.9", DAYS[1]), OTHER])
@example(
    steps=[
        SOLD,
        ("kept", 100, "7.9", DAYS[1]),
        ("exchanged", 50, "5.9", DAYS[1]),
        ("returned", 0, "7.9", DAYS[1]),
        OTHER,
    ]
)
async def test_whatever_is_sold_paid_returned_and_exchanged_a_position_of_nothing_is_booked_at_nothing(
    world: World, steps: list[Step]
) -> None:
    scene = Scene(world, await world.a_person("finance"))
    assert await stands(world, scene.currency) == (0, 0)
    for kind, number, rate, day in steps:
        await scene.does(kind, number, rate, day)
        foreign, booked = await stands(world, scene.currency)
        assert foreign or not booked
    await scene.ends()
    assert await stands(world, scene.currency) == (0, 0)


class Scene:
    """Sales in one currency and what becomes of them, one step after the other."""

    currency = Currency.KWD

    def __init__(self, world: World, person: str) -> None:
        self.world, self.person, self.open = world, person, dict[str, tuple[str, int]]()  # sale: (buyer, what they owe)
        self.month: str | None = None

    async def does(self, kind: str, number: int, rate: str, day: date) -> None:
        if kind == "sale":
            await self.sells(number, rate, day)
        elif kind == "month":
            await self.values(self.month or rate)
        elif kind == "exchanged":
            await self.exchanges(number, rate, day)
        elif self.open and kind == "returned":
            sale = list(self.open)[number % len(self.open)]
            del self.open[sale]
            await taken_back(self.world, sale, "agreed")
        elif self.open:
            await self.pays(list(self.open)[number % len(self.open)], number, rate, day, kept=kind == "kept")

    async def sells(self, minor: int, rate: str, day: date) -> None:
        card = await a_bought_card(self.world)
        async with self.world.database.transaction() as session:
            given_ = {"card": card, "at": datetime(2020, 1, 1, tzinfo=UTC)}
            await session.execute(text("UPDATE quote SET answered_at = :at WHERE card_id = :card"), given_)
        asked = a_sale(card, price=Money(minor, self.currency), rate=at(rate), sold_on=day)
        sale = await Sales(self.world.database).record(self.person, new_id(), asked)
        (row,) = await self.world.rows(SaleRow, id=sale)
        self.open[sale] = (asked.buyer, row.total_minor)

    async def pays(self, sale: str, percent: int, rate: str, day: date, *, kept: bool) -> None:
        buyer, owes = self.open[sale]
        part = Money(-(-owes * percent // 100), self.currency)
        arrived = part if kept else part.converted(Decimal(rate), Currency.CNY)
        if part.amount_minor and arrived.amount_minor:
            asked = ReceiptAsked(buyer, Rail.BANK, part, arrived, new_id(), day)
            await Receipts(self.world.database).record(self.person, new_id(), asked)
            self.open[sale] = (buyer, owes - part.amount_minor)

    async def exchanges(self, percent: int, rate: str, day: date) -> None:
        async with self.world.database.transaction() as session:
            there = await ledger.balance(session, "cash:bank", self.currency)
        part = Money(-(-there.amount_minor * percent // 100), self.currency)
        arrived = part.converted(Decimal(rate), Currency.CNY).amount_minor
        if part.amount_minor > 0 and arrived:
            asked = an_exchange(part, arrived, rate, exchanged_on=day)
            await Exchanges(self.world.database).record(self.person, new_id(), asked)

    async def values(self, rate: str) -> None:
        """Value the month at the rate that its first valuation had: it has one for the whole module."""
        known = [one.rate for one in await self.world.rows(FxRevaluationRow, currency=self.currency, month=MONTH)]
        await Revaluations(self.world.database).record(
            self.person, self.currency, MONTH, at(known[0] if known else rate)
        )
        async with self.world.database.transaction() as session:
            assert self.currency not in await unvalued(session, MONTH)

    async def ends(self) -> None:
        """Everything is paid, or exchanged; what buyers have to their credit is used for a card, at another rate."""
        for sale, (_, owes) in list(self.open.items()):
            if owes:
                await self.pays(sale, 100, "7.3", today(), kept=False)
        await self.exchanges(100, "7.2", today())
        foreign, _ = await stands(self.world, self.currency)
        if foreign < 0:  # Owed to buyers whose cards came back after they had paid, and whose money was exchanged.
            await self.sells(-foreign, "6.9", today())
            sale = list(self.open)[-1]
            over = self.open[sale][1] + foreign  # What comes on top of the price.
            if over:
                buyer, owes = self.open[sale]
                asked = ReceiptAsked(buyer, Rail.BANK, Money(over, self.currency), Money(over), new_id(), today())
                await Receipts(self.world.database).record(self.person, new_id(), asked)
