"""An exchange difference counts once: realised when money is exchanged, unrealised only from a month's last day to the next day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from domain.finance.fx import Rate
from domain.finance.periods import first_day, last_day, month_of
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.positions import FOREVER, Revaluations, position, unvalued
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.sales import Sales
from tests.builders.own_world import own_world
from tests.builders.selling import a_bought_card, a_sale, today
from tests.builders.world import World

world = own_world("month_ends")

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
THIS = today().replace(day=1)
MONTH = month_of(THIS - timedelta(days=1))
BEFORE = month_of(first_day(MONTH) - timedelta(days=1))
# Days of which the ends of both months lie in between.
DAYS = [first_day(BEFORE), last_day(BEFORE), first_day(MONTH), last_day(MONTH), THIS, today()]
RATES_AT_END = {BEFORE: "6.4", MONTH: "7.0"}
GAINS = text("""
SELECT -coalesce(sum(e.amount_minor), 0)::bigint FROM entry e
JOIN account a ON a.id = e.account_id AND a.code = 'fx_difference'
JOIN ledger_transaction t ON t.id = e.transaction_id WHERE t.effective_on <= :until
""")


async def sell(world: World, person: str, price: Money, rate: str, day: date) -> str:
    """Sell a card, bought long before, for a price to which 1 % comes on top; returns the buyer's code."""
    card_id = await a_bought_card(world)
    async with world.database.transaction() as session:
        long_before = {"card": card_id, "at": datetime(2020, 1, 1, tzinfo=UTC)}
        await session.execute(text("UPDATE quote SET answered_at = :at WHERE card_id = :card"), long_before)
    asked = a_sale(card_id, price=price, rate=Rate(rate, "CFETS", AT), sold_on=day)
    await Sales(world.database).record(person, new_id(), asked)
    return asked.buyer


async def pay(world: World, person: str, buyer: str, owed: Money, arrived: Money, day: date) -> None:
    asked = ReceiptAsked(buyer, Rail.BANK, owed, arrived, new_id(), day)
    await Receipts(world.database).record(person, new_id(), asked)


async def value(world: World, person: str, currency: Currency, month: str, rate: str) -> Money:
    return await Revaluations(world.database).record(person, currency, month, Rate(rate, "CFETS", AT))


async def gains(world: World, until: date = FOREVER) -> int:
    """Return realised and unrealised gains up to a day, in CNY minor units."""
    async with world.database.transaction() as session:
        return int((await session.execute(GAINS, {"until": until})).scalar_one())


async def stands(world: World, currency: Currency, until: date = FOREVER) -> tuple[int, int]:
    async with world.database.transaction() as session:
        foreign, booked = await position(session, currency, until)
    return foreign.amount_minor, booked.amount_minor


async def test_a_month_valued_after_the_payment_counts_its_difference_once(world: World) -> None:
    person, before, ended = await world.a_person("finance"), await gains(world), await gains(world, last_day(MONTH))
    buyer = await sell(world, person, Money(100_00, Currency.USD), "7.1", last_day(MONTH))
    assert await stands(world, Currency.USD) == (101_00, 717_10)
    await pay(world, person, buyer, Money(101_00, Currency.USD), Money(707_00), THIS)  # Realised: -10.10.
    assert await gains(world) - before == -10_10
    assert await value(world, person, Currency.USD, MONTH, "7.0") == Money(-10_10)
    assert await gains(world, last_day(MONTH)) - ended == -10_10
    assert await stands(world, Currency.USD, last_day(MONTH)) == (101_00, 707_00)
    assert (await stands(world, Currency.USD), await gains(world) - before) == ((0, 0), -10_10)


async def test_late_payment_allows_a_new_valuation_of_its_month(world: World) -> None:
    person, before = await world.a_person("finance"), await gains(world)
    buyer = await sell(world, person, Money(1_000, Currency.JPY), "0.05", last_day(MONTH))  # 1010 at 50.50
    assert await value(world, person, Currency.JPY, MONTH, "0.04") == Money(-10_10)
    assert await value(world, person, Currency.JPY, MONTH, "0.04") == Money(-10_10)
    async with world.database.transaction() as session:
        assert Currency.JPY not in await unvalued(session, MONTH)
    await pay(world, person, buyer, Money(1_010, Currency.JPY), Money(45_00), last_day(MONTH))
    async with world.database.transaction() as session:
        assert Currency.JPY in await unvalued(session, MONTH)
    assert await value(world, person, Currency.JPY, MONTH, "0.04") == Money(0)
    async with world.database.transaction() as session:
        assert Currency.JPY not in await unvalued(session, MONTH)
    assert await stands(world, Currency.JPY, last_day(MONTH)) == await stands(world, Currency.JPY) == (0, 0)
    assert await gains(world) - before == -5_50


amounts, rates = st.integers(100, 90_000), st.sampled_from(["5.9", "6.61", "7.1234", "7.9"])
sales = st.lists(st.tuples(amounts, rates, st.sampled_from(DAYS)), min_size=1, max_size=3)
# A payment: of which sale, which share of what its buyer still owes (percent), at which rate it was exchanged, and its day.
payments = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 100), rates, st.sampled_from(DAYS)), min_size=1, max_size=4
)
steps = st.lists(st.sampled_from(["sale", "payment", BEFORE, MONTH]), min_size=4, max_size=12)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sales=sales, payments=payments, steps=steps)
async def test_what_is_paid_in_full_leaves_nothing_and_every_gain_is_the_cash_difference(
    world: World, sales: list[tuple[int, str, date]], payments: list[tuple[int, int, str, date]], steps: list[str]
) -> None:
    """Sales, payments and valuations are recorded in any order, each for any day, and months are valued at any later time."""
    currency, person, before = Currency.KWD, await world.a_person("finance"), await gains(world)
    owing: list[tuple[str, int]] = []
    to_sell, to_pay, cash = list(sales), list(payments), 0
    start = await stands(world, currency)
    assert start == (0, 0)
    booked = 0

    async def paid(number: int, share: int, rate: str, day: date) -> int:
        buyer, owes = owing[number % len(owing)]
        part = Money(-(-owes * share // 100), currency)
        arrived = part.converted(Decimal(rate), Currency.CNY)
        if not part.amount_minor or not arrived.amount_minor:
            return 0
        await pay(world, person, buyer, part, arrived, day)
        owing[number % len(owing)] = (buyer, owes - part.amount_minor)
        return arrived.amount_minor

    for step in [*steps, *("sale" for _ in sales), *("payment" for _ in payments)]:
        if step == "sale" and to_sell:
            minor, rate, day = to_sell.pop()
            foreign, at = await stands(world, currency)
            buyer = await sell(world, person, Money(minor, currency), rate, day)
            now_foreign, now_at = await stands(world, currency)
            owing.append((buyer, now_foreign - foreign))
            booked += now_at - at
        elif step == "payment" and to_pay and owing:
            cash += await paid(*to_pay.pop())
        elif step in RATES_AT_END:
            await value(world, person, currency, step, RATES_AT_END[step])
    for number in range(len(owing)):
        cash += await paid(number, 100, "7.3", today())
    for month, rate in RATES_AT_END.items():
        await value(world, person, currency, month, rate)
        foreign, at = await stands(world, currency, last_day(month))
        assert at == Money(foreign, currency).converted(Decimal(rate), Currency.CNY).amount_minor
        async with world.database.transaction() as session:
            assert currency not in await unvalued(session, month)
    assert await stands(world, currency) == (0, 0)
    assert await gains(world) - before == cash - booked
