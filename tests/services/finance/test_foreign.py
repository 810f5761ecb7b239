"""A price in another currency is booked at the locked rate, valued at the end of a month, and its difference realised when paid."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from database.repositories import ledger
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.sales import BuyerReceiptRow, FxRevaluationRow, SaleRow, SaleSplitRow
from domain.errors.finance import PeriodClosed, PeriodNotOver
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.errors.people import NotAllowed
from domain.errors.sales import BuyerOwesLess, RateSettled, ReferenceTaken
from domain.finance.fx import Rate, rate_of
from domain.finance.periods import month_of
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.positions import Revaluations, position
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.sales import Sales
from tests.builders.own_world import own_world
from tests.builders.selling import a_bought_card, a_sale, posted, taken_back, today
from tests.builders.world import World

world = own_world("foreign")

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
# Each test has a currency of its own, because a position is the whole installation's.
LAST_MONTH = month_of(today().replace(day=1) - timedelta(days=1))


async def a_foreign_sale(world: World, person: str, price: Money, rate: str) -> tuple[str, str]:
    """A card sold for a foreign price; returns the sale and the buyer's code."""
    card_id = await a_bought_card(world)
    asked = a_sale(card_id, price=price, rate=Rate(rate, "CFETS mid rate", AT))
    return await Sales(world.database).record(person, new_id(), asked), asked.buyer


async def backdated(world: World, cause: str, day: date) -> None:
    """Let the postings of a cause count for an earlier day, as if the sale had been recorded then."""
    async with world.database.transaction() as session:
        await session.execute(text("ALTER TABLE ledger_transaction DISABLE TRIGGER USER"))
        await session.execute(text("UPDATE ledger_transaction SET effective_on = :day WHERE cause = :cause"), {"day": day, "cause": cause})  # fmt: skip
        await session.execute(text("ALTER TABLE ledger_transaction ENABLE TRIGGER USER"))


async def test_a_foreign_sale_is_booked_at_its_locked_rate_with_source_and_moment(world: World) -> None:
    person = await world.a_person("finance")
    sale, buyer = await a_foreign_sale(world, person, Money(70_00, Currency.USD), "7.1")
    assert await posted(world, f"sale:{sale}") == {
        (f"buyer_receivable:buyer:{buyer}", "USD"): 70_70, ("fx_position", "USD"): -70_70, ("fx_position", "CNY"): 501_97,
        ("sales", "CNY"): -497_00, ("service_fee", "CNY"): -4_97, ("cost_of_sales", "CNY"): 465_00, ("inventory", "CNY"): -465_00,
    }  # fmt: skip
    (row,) = await world.rows(SaleRow, id=sale)
    assert (row.rate, row.rate_source, row.rate_at) == ("7.1", "CFETS mid rate", AT)
    lines = await world.rows(SaleSplitRow, sale_id=sale)
    assert sum(one.amount_minor for one in lines) == row.booked_minor == 501_97
    money = Money(70_70, Currency.USD)
    asked = ReceiptAsked(buyer, Rail.BANK, money, Money(500_00), new_id(), today())
    receipt = await Receipts(world.database).record(person, new_id(), asked)
    assert await posted(world, f"receipt:{receipt}") == {
        ("cash:bank", "CNY"): 500_00, (f"buyer_receivable:buyer:{buyer}", "USD"): -70_70, ("fx_position", "USD"): 70_70,
        ("fx_position", "CNY"): -501_97, ("fx_difference", "CNY"): 1_97,
    }  # fmt: skip
    async with world.database.transaction() as session:
        assert await position(session, Currency.USD) == (Money(0, Currency.USD), Money(0))


async def test_a_position_is_valued_at_the_end_of_a_month_and_the_difference_realised_when_paid(world: World) -> None:
    person = await world.a_person("finance")
    sale, buyer = await a_foreign_sale(world, person, Money(10_000, Currency.JPY), "0.05")  # ¥500.00
    end = today().replace(day=1) - timedelta(days=1)
    await backdated(world, f"sale:{sale}", end)
    values = Revaluations(world.database)
    assert await values.record(person, Currency.JPY, LAST_MONTH, Rate("0.048", "CFETS", AT)) == Money(-20_20)
    assert await values.record(person, Currency.JPY, LAST_MONTH, Rate("0.048", "CFETS", AT)) == Money(-20_20)
    with pytest.raises(RateSettled):
        await values.record(person, Currency.JPY, LAST_MONTH, Rate("0.049", "CFETS", AT))
    assert await posted(world, f"revaluation:JPY:{LAST_MONTH}") == {
        ("fx_position", "CNY"): -20_20, ("fx_difference", "CNY"): 20_20,
    }  # fmt: skip
    assert await posted(world, f"revaluation_end:JPY:{LAST_MONTH}") == {
        ("fx_position", "CNY"): 20_20, ("fx_difference", "CNY"): -20_20,
    }  # fmt: skip
    (valued,) = await world.rows(LedgerTransactionRow, cause=f"revaluation:JPY:{LAST_MONTH}")
    (ended,) = await world.rows(LedgerTransactionRow, cause=f"revaluation_end:JPY:{LAST_MONTH}")
    assert (ended.reverses, valued.effective_on, ended.effective_on) == (valued.id, end, today().replace(day=1))
    (row,) = await world.rows(FxRevaluationRow, currency="JPY", month=LAST_MONTH)
    assert (row.position_minor, row.before_minor, row.after_minor) == (10_100, 505_00, 484_80)
    half, rest = Money(5_050, Currency.JPY), Money(5_050, Currency.JPY)
    receipts = Receipts(world.database)
    await receipts.record(person, new_id(), ReceiptAsked(buyer, Rail.BANK, half, Money(250_00), new_id(), today()))
    await receipts.record(person, new_id(), ReceiptAsked(buyer, Rail.BANK, rest, Money(240_00), new_id(), today()))
    differences = [one.difference_minor for one in await world.rows(BuyerReceiptRow, buyer=f"buyer:{buyer}")]
    assert differences == [-2_50, -12_50]  # Of the 252.50 that each half was booked at.
    async with world.database.transaction() as session:
        assert await position(session, Currency.JPY) == (Money(0, Currency.JPY), Money(0))


async def test_money_that_stays_foreign_keeps_its_position_open(world: World) -> None:
    person = await world.a_person("finance")
    sale, buyer = await a_foreign_sale(world, person, Money(20_000, Currency.KWD), "23.5")
    assert (await posted(world, f"sale:{sale}"))[(f"buyer_receivable:buyer:{buyer}", "KWD")] == 20_200
    money = Money(20_200, Currency.KWD)
    await Receipts(world.database).record(
        person, new_id(), ReceiptAsked(buyer, Rail.BANK, money, money, new_id(), today())
    )
    async with world.database.transaction() as session:
        assert await position(session, Currency.KWD) == (money, Money(474_70))
        assert await ledger.balance(session, "cash:bank", Currency.KWD) == money


async def test_a_returned_foreign_sale_leaves_no_position(world: World) -> None:
    person = await world.a_person("finance")
    async with world.database.transaction() as session:
        before = await position(session, Currency.USD)
    sale, _ = await a_foreign_sale(world, person, Money(80_00, Currency.USD), "7.2")
    await taken_back(world, sale, "agreed")
    async with world.database.transaction() as session:
        assert await position(session, Currency.USD) == before


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"buyer": "NO"}, FieldInvalid),
        ({"owed": Money(0)}, FieldInvalid),
        ({"arrived": Money(2)}, FieldInvalid),
        ({"arrived": Money(1, Currency.USD)}, FieldInvalid),
        ({"reference": ""}, FieldInvalid),
        ({"received_on": today() + timedelta(days=1)}, FieldInvalid),
        ({}, BuyerOwesLess),
    ],
)
async def test_a_payment_that_cannot_be_is_refused(world: World, changed: dict[str, Any], refusal: type[Exception]) -> None:  # fmt: skip
    given = {"owed": Money(1), "arrived": Money(1), "reference": "r", "received_on": today(), "rail": Rail.BANK, "buyer": "nobody-yet"}  # fmt: skip
    with pytest.raises(refusal):
        await Receipts(world.database).record(await world.a_person("finance"), new_id(), ReceiptAsked(**(given | changed)))  # type: ignore[arg-type]  # fmt: skip


async def test_a_payment_is_recorded_once_per_key_and_only_by_finance(world: World) -> None:
    person, receipts = await world.a_person("finance"), Receipts(world.database)
    sale_card = await a_bought_card(world)
    asked_sale = a_sale(sale_card)
    await Sales(world.database).record(person, new_id(), asked_sale)
    asked, key = ReceiptAsked(asked_sale.buyer, Rail.WECHAT, Money(100), Money(100), new_id(), today()), new_id()
    first = await receipts.record(person, key, asked)
    assert await receipts.record(person, key, asked) == first
    with pytest.raises(IdempotencyKeyReused):
        await receipts.record(person, key, ReceiptAsked(asked_sale.buyer, Rail.BANK, Money(100), Money(100), "r", today()))  # fmt: skip
    for changed in ({"received_on": today() - timedelta(days=1)}, {"received_for": ReceiptFor.DEPOSIT}):
        with pytest.raises(IdempotencyKeyReused):
            await receipts.record(person, key, replace(asked, **changed))
    with pytest.raises(ReferenceTaken):
        await receipts.record(
            await world.a_person("finance"), new_id(), replace(asked, reference=f" {asked.reference} ")
        )
    with pytest.raises(FieldInvalid) as old:
        await receipts.record(person, new_id(), replace(asked, reference=new_id(), received_on=date(1026, 11, 28)))
    assert old.value.data["field"] == "received_on"
    with pytest.raises(NotAllowed):
        await receipts.record(await world.a_person("senior"), new_id(), asked)


async def test_months_that_are_not_over_closed_or_wrong_are_refused(world: World) -> None:
    person, values, rate = await world.a_person("finance"), Revaluations(world.database), Rate("7", "CFETS", AT)
    async with world.database.transaction() as session:
        await session.execute(text("INSERT INTO ledger_period (month, closed_by, agreed_by, closed_at) VALUES ('2019-01', 'a', 'b', now())"))  # fmt: skip
    cases: list[tuple[type[Exception], Currency, str, Rate]] = [
        (PeriodNotOver, Currency.USD, month_of(today()), rate),
        (PeriodClosed, Currency.USD, "2019-01", rate),
        (FieldInvalid, Currency.USD, "soon", rate),
        (FieldInvalid, Currency.CNY, "2019-02", rate),
        (FieldInvalid, Currency.USD, "2019-02", Rate("NaN", "CFETS", AT)),
        (FieldInvalid, Currency.USD, "2019-02", Rate("7", "", AT)),
    ]
    for refusal, currency, month, given in cases:
        with pytest.raises(refusal):
            await values.record(person, currency, month, given)
    async with world.database.transaction() as session:
        await session.execute(text("ALTER TABLE ledger_period DISABLE TRIGGER USER"))
        await session.execute(text("DELETE FROM ledger_period WHERE month = '2019-01'"))
        await session.execute(text("ALTER TABLE ledger_period ENABLE TRIGGER USER"))


@pytest.mark.parametrize("text", ["", "seven", "0", "-1", "10001", "1e999", "NaN", "Infinity", "7.12345678901"])
def test_text_that_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="rate"):
        rate_of(text)


def test_a_rate_is_kept_as_it_was_typed() -> None:
    assert (rate_of(" 7.1200 "), Decimal(rate_of("1E1"))) == ("7.1200", Decimal(10))
