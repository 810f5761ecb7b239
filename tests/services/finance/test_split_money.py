"""Our part of brokered sales arrives from a licensed provider's split account, and no more than what is ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from database.repositories import expectations, ledger
from database.tables.finance.sales import BuyerReceiptRow, SaleRow
from database.tables.finance.statements import ExpectationRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.errors.sales import SplitAccountLess
from domain.finance.fx import Rate
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.brokered_payments import BrokeredPayments, ProviderPaid
from services.finance.exchanges import ExchangeAsked, Exchanges
from services.finance.proof_files import ProofFile
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.split_money import held_for_us
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.selling import brokered, posted, today
from tests.builders.world import World

world = own_world("split_money")


def our_part(minor: int, **more: Any) -> ReceiptAsked:
    given: dict[str, Any] = {
        "buyer": "alipay",
        "rail": Rail.BANK,
        "reference": new_id(),
        "received_on": today(),
    } | more
    money = Money(minor)
    return ReceiptAsked(owed=money, arrived=money, received_for=ReceiptFor.COMMISSION, **given)


async def seller_paid(world: World, sale: str, minor: int) -> None:
    payments = BrokeredPayments(world.database, world.keyring)
    said = ProviderPaid(f"R-{new_id()}", Money(minor), today(), ProofFile("split.pdf", PDF))
    payment = await payments.record(await world.a_person("finance"), sale, said, world.photos)
    await payments.confirm(await world.a_person("finance"), payment)


async def held(world: World) -> tuple[int, int, int]:
    """What the provider holds, what of it is the sellers', and what is ours."""
    async with world.database.transaction() as session:
        found = await held_for_us(session, "alipay")
    return found.held.amount_minor, found.due.amount_minor, found.ours.amount_minor


async def test_our_commission_arrives_before_or_after_the_seller_is_paid_and_empties_the_account(world: World) -> None:
    person, receipts = await world.a_person("finance"), Receipts(world.database)
    sale, _ = await brokered(world)  # For 475.00, of which 451.25 are the seller's.
    assert await held(world) == (475_00, 451_25, 23_75)
    with pytest.raises(SplitAccountLess) as less:
        await receipts.record(person, new_id(), our_part(23_76))
    assert less.value.data == {"there": "¥23.75"}
    key, asked = new_id(), our_part(20_00)
    receipt = await receipts.record(person, key, asked)
    assert await receipts.record(person, key, asked) == receipt
    with pytest.raises(IdempotencyKeyReused):
        await receipts.record(person, key, our_part(19_00))
    assert await posted(world, f"receipt:{receipt}") == {
        ("cash:bank", "CNY"): 20_00, ("split_account:alipay", "CNY"): -20_00,
    }  # fmt: skip
    assert await held(world) == (455_00, 451_25, 3_75)
    await seller_paid(world, sale, 451_25)
    await receipts.record(person, new_id(), our_part(3_75, reference="SPLIT-2"))
    assert await held(world) == (0, 0, 0)
    async with world.database.transaction() as session:
        await expectations.all_from_books(session, StatementSource.BANK)
    (seen,) = await world.rows(ExpectationRow, reference="SPLIT-2")
    assert (seen.amount_minor, seen.day) == (3_75, today())  # A line of the bank's will find it.
    (row,) = await world.rows(BuyerReceiptRow, id=receipt)
    assert (row.buyer, row.received_for) == ("alipay", ReceiptFor.COMMISSION)


async def test_foreign_money_of_a_brokered_sale_is_exchanged_on_the_split_account(world: World) -> None:
    person = await world.a_person("finance")
    rate = Rate("7.1", "CFETS", datetime(2026, 1, 5, 2, tzinfo=UTC))
    sale, _ = await brokered(world, price=Money(100_00, Currency.USD), rate=rate)
    (row,) = await world.rows(SaleRow, id=sale)
    assert (row.total_minor, row.booked_minor) == (100_00, 710_00)
    await seller_paid(world, sale, 674_50)
    assert (await held(world))[2] == 0  # All that there is are dollars.
    asked = ExchangeAsked("split_account:alipay", Money(100_00, Currency.USD), Money(712_00), Rate("7.12", "bank", rate.at), "FX-9", today())  # fmt: skip
    await Exchanges(world.database).record(person, new_id(), asked)
    assert await held(world) == (37_50, 0, 37_50)
    await Receipts(world.database).record(person, new_id(), our_part(37_50))
    async with world.database.transaction() as session:
        for currency in (Currency.USD, Currency.CNY):
            assert await ledger.balance(session, "split_account:alipay", currency) == Money(0, currency)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"buyer": "NO"}, "buyer"),
        ({"owed": Money(1, Currency.USD), "arrived": Money(1, Currency.USD)}, "amount"),
        ({"arrived": Money(2)}, "arrived"),
    ],
)
async def test_what_cannot_come_from_a_split_account_is_refused(
    world: World, changed: dict[str, Any], field: str
) -> None:
    usual = vars(our_part(1))
    with pytest.raises(FieldInvalid) as refused:
        await Receipts(world.database).record(
            await world.a_person("finance"), new_id(), ReceiptAsked(**usual | changed)
        )
    assert refused.value.data["field"] == field
