"""A buyer's payment or an exchange that was recorded in error is taken back by two people, as of today, unless its money was used."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text

from database.invariants.base import Look
from database.invariants.two_people import ClaimsByTwo
from database.reads.finance import attention, foreign
from database.reads.finance import sales as reads
from database.repositories import ledger
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.sales import BuyerReceiptRow, FxExchangeRow, SaleRow
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow
from domain.errors.base import Refusal
from domain.errors.finance import ReceiptOver, ReceiptReconciled
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import BuyerOwesLess, ForeignMoneyLess, PositionMoved, ReferenceTaken, SplitAccountLess
from domain.errors.work import OwnWork
from domain.finance.fx import Rate
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, ReceiptFor
from domain.finance.statements import LineState
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.notices.kinds import NoticeKind
from services.finance.exchanges import EXCHANGES_BACK, ExchangeAsked, Exchanges
from services.finance.positions import position
from services.finance.receipts import RECEIPTS_BACK, ReceiptAsked, Receipts
from services.finance.sales import Sales
from services.finance.taking_back import Reversals
from tests.builders.claiming import SOUND
from tests.builders.own_world import own_world
from tests.builders.reconciling import BANK, FinanceDesk
from tests.builders.selling import a_bought_card, a_sale, brokered, posted, sold, today
from tests.builders.world import World

world = own_world("taking_back")

AT = datetime(2026, 1, 5, 2, tzinfo=UTC)
WHY = "Of another buyer."


def at(rate: str) -> Rate:
    return Rate(rate, "CFETS", AT)


def a_receipt(buyer: str, owed: Money, **more: Any) -> ReceiptAsked:
    given: dict[str, Any] = {"rail": Rail.BANK, "arrived": owed, "reference": new_id(), "received_on": today()} | more
    return ReceiptAsked(buyer=buyer, owed=owed, **given)


async def received(world: World, buyer: str, owed: Money, **more: Any) -> str:
    return await Receipts(world.database).record(
        await world.a_person("finance"), new_id(), a_receipt(buyer, owed, **more)
    )


async def exchanged(world: World, sold_: Money, arrived: int, rate: str, **more: Any) -> str:
    given: dict[str, Any] = {"account": "cash:bank", "reference": new_id(), "exchanged_on": today()} | more
    asked = ExchangeAsked(sold=sold_, arrived=Money(arrived), rate=at(rate), **given)
    return await Exchanges(world.database).record(await world.a_person("finance"), new_id(), asked)


async def a_debt(world: World, price: Money, rate: str = "") -> tuple[str, Money]:
    """A card is sold; returns its buyer's code and what they owe."""
    more: dict[str, Any] = {"rate": at(rate)} if rate else {}
    sale = await sold(world, await world.a_person("finance"), await a_bought_card(world), price=price, **more)
    (row,) = await world.rows(SaleRow, id=sale)
    return row.buyer.partition(":")[2], Money(row.total_minor, row.currency)


def receipts_of(world: World) -> Reversals[BuyerReceiptRow]:
    return Reversals(world.database, RECEIPTS_BACK)


def exchanges_of(world: World) -> Reversals[FxExchangeRow]:
    return Reversals(world.database, EXCHANGES_BACK)


async def taken_back(world: World, of: Reversals[Any], row_id: str) -> None:
    await of.ask(await world.a_person("finance"), row_id, WHY)
    await of.reverse(await world.a_person("finance"), row_id)


async def refused(world: World, of: Reversals[Any], row_id: str, refusal: type[Refusal]) -> dict[str, Any]:
    """It is refused to who asks, and leaves no question behind."""
    with pytest.raises(refusal) as found:
        await of.ask(await world.a_person("finance"), row_id, WHY)
    with pytest.raises(ReceiptOver):
        await of.keep(await world.a_person("finance"), row_id)
    return dict(found.value.data)


async def balance(world: World, code: str, currency: Currency = Currency.CNY) -> int:
    async with world.database.transaction() as session:
        return (await ledger.balance(session, code, currency)).amount_minor


async def stands(world: World, currency: Currency) -> tuple[int, int]:
    async with world.database.transaction() as session:
        foreign_, booked = await position(session, currency)
    return foreign_.amount_minor, booked.amount_minor


async def sound(world: World) -> None:
    async with world.database.transaction() as session:
        for one in SOUND:
            assert await one.broken(session, Look()) == []


async def test_a_payment_is_taken_back_by_two_and_the_buyer_owes_it_again(world: World) -> None:
    buyer, owed = await a_debt(world, Money(475_00))
    debt, cash = f"buyer_receivable:buyer:{buyer}", await balance(world, "cash:bank")
    first, second, back = await world.a_person("finance"), await world.a_person("finance"), receipts_of(world)
    asked = a_receipt(buyer, owed, received_on=today() - timedelta(days=2))
    receipt = await Receipts(world.database).record(first, new_id(), asked)
    with pytest.raises(ReceiptOver):
        await back.reverse(second, receipt)  # Nobody asks.
    for _ in range(2):  # Pressed twice.
        await back.ask(first, receipt, WHY)
    with pytest.raises(ReceiptOver):
        await back.ask(second, receipt, "I think so, too.")
    with pytest.raises(OwnWork):
        await back.reverse(first, receipt)
    async with world.database.transaction() as session:
        assert (await attention.seconds(session)).receipts_back == 1
        assert (await reads.receipts(session))[0].id == receipt
    await back.keep(second, receipt)
    assert await balance(world, debt) == 0
    (notice,) = await world.rows(NoticeRow, person_id=first, kind=NoticeKind.DECLINED)
    assert (notice.facts["proposal"], notice.facts["page"]) == ("receipt_back", "/sales/buyers")
    await back.ask(first, receipt, WHY)
    for _ in range(2):
        await back.reverse(second, receipt)
    assert (await balance(world, debt), await balance(world, "cash:bank")) == (owed.amount_minor, cash)
    (made,) = await world.rows(LedgerTransactionRow, key=f"receipt:{receipt}")
    (step,) = await world.rows(LedgerTransactionRow, key=f"receipt:{receipt}:reversed")
    assert (step.reverses, step.cause, step.what) == (made.id, made.cause, "taken_back")
    assert step.effective_on == today()
    for late in (back.ask(first, receipt, WHY), back.keep(first, receipt), back.reverse(first, receipt)):
        with pytest.raises(ReceiptOver):
            await late
    acts = [one.act.rpartition(":")[2] for one in await world.rows(AuditRow, subject=receipt)]
    assert sorted(acts) == ["ask_back", "ask_back", "back", "keep", "record"]
    await sound(world)
    async with world.database.transaction() as session:
        await session.execute(
            text("UPDATE buyer_receipt SET reverse_askers = jsonb_build_array(reversed_by) WHERE id = :id"),
            {"id": receipt},
        )
        assert len(await ClaimsByTwo().broken(session, Look())) == 1
        await session.rollback()


async def test_the_reference_of_what_was_taken_back_stands_for_the_right_payment(world: World) -> None:
    (wrong, owed), (right, _) = await a_debt(world, Money(475_00)), await a_debt(world, Money(475_00))
    person, asked = await world.a_person("finance"), a_receipt(wrong, owed)
    receipt = await Receipts(world.database).record(person, new_id(), asked)
    again = replace(asked, buyer=right)
    with pytest.raises(ReferenceTaken):
        await Receipts(world.database).record(person, new_id(), again)
    await taken_back(world, receipts_of(world), receipt)
    await Receipts(world.database).record(person, new_id(), again)
    with pytest.raises(ReferenceTaken):
        await Receipts(world.database).record(person, new_id(), again)
    assert await balance(world, f"buyer_receivable:buyer:{right}") == 0
    await sound(world)


async def test_of_a_deposit_that_was_used_nothing_is_taken_back(world: World) -> None:
    person, asked = await world.a_person("finance"), a_sale(await a_bought_card(world), paid_from=PaidFrom.DEPOSIT)
    deposit = await received(world, asked.buyer, Money(500_00), received_for=ReceiptFor.DEPOSIT)
    other = await received(world, asked.buyer, Money(5_00), received_for=ReceiptFor.DEPOSIT)
    first, back = await world.a_person("finance"), receipts_of(world)
    await back.ask(first, deposit, WHY)
    await Sales(world.database).record(person, new_id(), asked)  # For 479.75, while a second person is waited for.
    with pytest.raises(BuyerOwesLess) as less:
        await back.reverse(person, deposit)
    assert less.value.data == {"there": "¥25.25"}
    await back.keep(first, deposit)
    assert await refused(world, back, deposit, BuyerOwesLess) == {"there": "¥25.25"}
    await taken_back(world, back, other)
    assert await balance(world, f"buyer_deposit:buyer:{asked.buyer}") == -20_25
    await sound(world)


async def test_foreign_money_that_was_exchanged_since_cannot_be_taken_back(world: World) -> None:
    before = await balance(world, "cash:bank", Currency.USD)
    if before:
        await exchanged(world, Money(before, Currency.USD), before * 7, "7.0")
    buyer, owed = await a_debt(world, Money(80_00, Currency.USD), "7.1")
    receipt = await received(world, buyer, owed)
    exchange = await exchanged(world, Money(40_00, Currency.USD), 280_00, "7.0")
    there = str(Money(owed.amount_minor - 40_00, Currency.USD))
    assert await refused(world, receipts_of(world), receipt, ForeignMoneyLess) == {"there": there}
    await taken_back(world, exchanges_of(world), exchange)
    await taken_back(world, receipts_of(world), receipt)
    assert await balance(world, f"buyer_receivable:buyer:{buyer}", Currency.USD) == owed.amount_minor
    assert await balance(world, "cash:bank", Currency.USD) == 0
    await sound(world)


async def test_a_payment_in_yuan_for_a_foreign_debt_opens_its_position_again(world: World) -> None:
    buyer, owed = await a_debt(world, Money(10_000, Currency.JPY), "0.05")
    before = await stands(world, Currency.JPY)
    receipt = await received(world, buyer, owed, arrived=Money(500_00))
    assert await stands(world, Currency.JPY) == (0, 0)
    await taken_back(world, receipts_of(world), receipt)
    assert await stands(world, Currency.JPY) == before == (10_100, 505_00)
    assert set((await posted(world, f"receipt:{receipt}")).values()) <= {0}
    await sound(world)


async def test_an_exchange_is_taken_back_and_its_reference_free(world: World) -> None:
    buyer, owed = await a_debt(world, Money(200_00, Currency.USD), "7.1")
    await received(world, buyer, owed)
    before, reference, back = await stands(world, Currency.USD), new_id(), exchanges_of(world)
    there = await balance(world, "cash:bank", Currency.USD)
    exchange = await exchanged(world, Money(100_00, Currency.USD), 700_00, "7.0", reference=reference)
    with pytest.raises(ReferenceTaken):
        await exchanged(world, Money(100_00, Currency.USD), 700_00, "7.0", reference=reference)
    first, second = await world.a_person("finance"), await world.a_person("finance")
    await back.ask(first, exchange, WHY)
    with pytest.raises(OwnWork):
        await back.reverse(first, exchange)
    async with world.database.transaction() as session:
        assert (await attention.seconds(session)).exchanges_back == 1
        assert (await foreign.exchanges(session))[0].id == exchange
    for _ in range(2):
        await back.reverse(second, exchange)
    assert (await stands(world, Currency.USD), await balance(world, "cash:bank", Currency.USD)) == (before, there)
    again = await exchanged(world, Money(100_00, Currency.USD), 700_00, "7.0", reference=reference)
    (made,), (row,) = [await world.rows(FxExchangeRow, id=one) for one in (exchange, again)]
    assert row.difference_minor == made.difference_minor  # As if the first had never been recorded.
    await sound(world)
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE fx_exchange SET reversed_by = NULL WHERE id = :id"), {"id": exchange})
        assert len(await ClaimsByTwo().broken(session, Look())) == 1
        await session.rollback()


async def test_an_exchange_whose_position_was_closed_since_cannot_be_taken_back(world: World) -> None:
    buyer, owed = await a_debt(world, Money(10_000, Currency.KWD), "23.5")
    await received(world, buyer, owed)
    exchange = await exchanged(world, owed, 242_40, "24.0")
    # Dinars that a buyer paid in advance are exchanged: what is owed for them is open at another rate.
    await received(world, buyer, owed, received_for=ReceiptFor.DEPOSIT)
    later = await exchanged(world, owed, 252_50, "25.0")
    assert await stands(world, Currency.KWD) == (-10_100, -252_50)
    data = await refused(world, exchanges_of(world), exchange, PositionMoved)
    assert data == {"open": "KD 0.000", "booked": "-¥15.15"}
    await taken_back(world, exchanges_of(world), later)  # The later one first.
    await taken_back(world, exchanges_of(world), exchange)
    assert await stands(world, Currency.KWD) == (10_100, 237_35)
    await sound(world)


async def test_yuan_that_left_a_split_account_cannot_be_exchanged_back(world: World) -> None:
    await brokered(world, price=Money(70_00, Currency.USD), rate=at("7.1"))
    kept = Money(await balance(world, "split_account:alipay", Currency.USD), Currency.USD)
    arrived = kept.converted(Decimal("7.2"), Currency.CNY).amount_minor
    exchange = await exchanged(world, kept, arrived, "7.2", account="split_account:alipay")
    await received(world, "alipay", Money(1_00), received_for=ReceiptFor.COMMISSION)
    there = {"there": str(Money(arrived - 1_00))}
    assert await refused(world, exchanges_of(world), exchange, SplitAccountLess) == there
    await sound(world)


async def test_only_finance_takes_back_what_counts_with_a_reason(world: World) -> None:
    kept = Money(1_000_000, Currency.JPY)
    finance, receipt = await world.a_person("finance"), await received(world, "b-whole", kept, received_for=ReceiptFor.DEPOSIT)  # fmt: skip
    waits = await exchanged(world, kept, 50_000_00, "0.05")
    with pytest.raises(ReceiptOver):  # It waits to be confirmed, and is discarded instead.
        await exchanges_of(world).ask(finance, waits, WHY)
    with pytest.raises(NotAllowed):
        await receipts_of(world).ask(await world.a_person("compliance"), receipt, WHY)
    with pytest.raises(FieldInvalid):
        await receipts_of(world).ask(finance, receipt, " ")
    with pytest.raises(NotFound):
        await receipts_of(world).ask(finance, new_id(), WHY)


async def expected(world: World, cause: str) -> list[ExpectationRow]:
    async with world.database.transaction() as session:
        found = select(ExpectationRow).where(ExpectationRow.cause == cause).order_by(ExpectationRow.entry_id)
        return list((await session.execute(found)).scalars())


async def line_of(world: World, reference: str) -> StatementLineRow:
    async with world.database.transaction() as session:
        found = select(StatementLineRow).where(StatementLineRow.reference == reference)
        return (await session.execute(found)).scalar_one()


async def test_a_line_of_a_statement_is_free_again_and_no_break_is_left(world: World) -> None:
    buyer, desk = f"b-{new_id().lower()}", FinanceDesk(world)
    moved = desk.moved("", 321_00, kind="C")
    given: dict[str, Any] = {"received_for": ReceiptFor.DEPOSIT, "reference": moved.reference}
    receipt = await received(world, buyer, Money(321_00), **given)
    kept = await received(world, buyer, Money(70_00, Currency.USD), received_for=ReceiptFor.DEPOSIT)
    exchange = await exchanged(world, Money(70_00, Currency.USD), 497_00, "7.1")
    await desk.imported(desk.bill([moved], BANK))
    assert (await line_of(world, moved.reference)).state is LineState.AUTO
    await taken_back(world, receipts_of(world), receipt)
    await taken_back(world, exchanges_of(world), exchange)
    await desk.matching.run(BANK)
    made, back = await expected(world, f"receipt:{receipt}")
    assert (made.cancelled_by, back.cancelled_by) == (back.entry_id, made.entry_id)
    pairs = {(one.currency, one.amount_minor, one.cancelled_by is not None) for one in await expected(world, f"exchange:{exchange}")}  # fmt: skip
    usd, cny = Currency.USD, Currency.CNY
    assert pairs == {(usd, -70_00, True), (usd, 70_00, True), (cny, 497_00, True), (cny, -497_00, True)}
    assert [one.cancelled_by for one in await expected(world, f"receipt:{kept}")] == [None]
    async with world.database.transaction() as session:
        found = select(BreakRow).where(BreakRow.entry_id.in_([made.entry_id, back.entry_id]))
        assert list((await session.execute(found)).scalars()) == []
    assert (await line_of(world, moved.reference)).state is LineState.OPEN
    again = await received(world, f"b-{new_id().lower()}", Money(321_00), **given)
    await desk.matching.run(BANK)
    (right,) = await expected(world, f"receipt:{again}")
    assert (await line_of(world, moved.reference)).entry_id == right.entry_id


@pytest.mark.parametrize("of", ["receipt", "exchange"])
async def test_what_a_person_has_reconciled_is_not_taken_back(world: World, of: str) -> None:
    kept, desk = Money(30_00, Currency.USD), FinanceDesk(world)
    row_id = await received(world, f"b-{new_id().lower()}", kept, received_for=ReceiptFor.DEPOSIT)
    back: Reversals[Any] = receipts_of(world)
    if of == "exchange":
        row_id, back = await exchanged(world, kept, 210_00, "7.0"), exchanges_of(world)
    first = await world.a_person("finance")
    await back.ask(first, row_id, WHY)
    await desk.matching.run(BANK)
    made, *_ = await expected(world, f"{of}:{row_id}")
    async with world.database.transaction() as session:
        (await session.get_one(ExpectationRow, made.entry_id)).break_id = new_id()
    with pytest.raises(ReceiptReconciled):
        await back.reverse(await world.a_person("finance"), row_id)
    await back.keep(first, row_id)
    await refused(world, back, row_id, ReceiptReconciled)
