"""A buyer's deposit is paid back by two people: never what is held for a card, once per reference, and taken back where it was an error."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from database.invariants import Look
from database.invariants.books import SignsHold
from database.invariants.sources import SourcesAgree
from database.invariants.two_people import ClaimsByTwo
from database.repositories import expectations, ledger
from database.tables.finance.debts import DepositRefundRow
from database.tables.finance.statements import ExpectationRow
from database.tables.notices import NoticeRow
from domain.errors.finance import ReceiptOver
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import BuyerOwesLess, ForeignMoneyLess, ProviderPaymentOver, ReferenceTaken
from domain.errors.work import OwnWork
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, ReceiptFor
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.deposit_refunds import DEPOSITS, REFUNDS_BACK
from services.finance.proof_files import ProofFile
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.repaying import Repayment, Repayments
from services.finance.reserving import Reservations
from services.finance.taking_back import Reversals
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.selling import a_bought_card, a_sale, posted, today
from tests.builders.world import World

world = own_world("deposit_refunds")
LETTER = ProofFile("sent.pdf", PDF)


def back(buyer: str, minor: int, **more: Any) -> Repayment:
    given: dict[str, Any] = {
        "rail": Rail.BANK, "amount": Money(minor), "reference": f"OUT-{new_id()}", "paid_on": today(), "evidence": LETTER,
    } | more  # fmt: skip
    return Repayment(buyer, **given)


async def a_deposit(world: World, minor: int, currency: Currency = Currency.CNY) -> str:
    """A buyer who has paid so much in advance; returns their code."""
    buyer, money = f"b-{new_id()[-10:].lower()}", Money(minor, currency)
    paid = ReceiptAsked(buyer, Rail.BANK, money, money, f"IN-{new_id()}", today(), ReceiptFor.DEPOSIT)
    await Receipts(world.database).record(await world.a_person("finance"), new_id(), paid)
    return buyer


async def refunded(world: World, said: Repayment) -> str:
    """Pay back by two people."""
    acts = Repayments(world.database, DEPOSITS)
    made = await acts.record(await world.a_person("finance"), new_id(), said, world.photos)
    await acts.confirm(await world.a_person("finance"), made)
    return made


async def deposit_of(world: World, buyer: str, currency: Currency = Currency.CNY) -> int:
    async with world.database.transaction() as session:
        return -(await ledger.balance(session, f"buyer_deposit:buyer:{buyer}", currency)).amount_minor


async def books_are_right(world: World) -> None:
    async with world.database.transaction() as session:
        look = Look(most=100_000)
        assert [
            line for one in (SourcesAgree(), SignsHold(), ClaimsByTwo()) for line in await one.broken(session, look)
        ] == []


async def test_a_refund_counts_when_another_confirms_and_is_expected_on_the_statement(world: World) -> None:
    buyer, acts = await a_deposit(world, 100_00), Repayments(world.database, DEPOSITS)
    first, second, key, said = (
        await world.a_person("finance"),
        await world.a_person("finance"),
        new_id(),
        back(buyer, 60_00),
    )
    made = await acts.record(first, key, said, world.photos)
    assert await acts.record(first, key, said, world.photos) == made
    with pytest.raises(IdempotencyKeyReused):
        await acts.record(first, key, replace(said, amount=Money(61_00)), world.photos)
    with pytest.raises(ReferenceTaken):
        await acts.record(second, new_id(), said, world.photos)
    assert await deposit_of(world, buyer) == 100_00
    with pytest.raises(OwnWork):
        await acts.confirm(first, made)
    await asyncio.gather(*(acts.confirm(second, made) for _ in range(3)))
    assert await posted(world, f"deposit_refunded:{made}") == {
        (f"buyer_deposit:buyer:{buyer}", "CNY"): 60_00, ("cash:bank", "CNY"): -60_00,
    }  # fmt: skip
    with pytest.raises(ProviderPaymentOver):
        await acts.discard(first, made)
    async with world.database.transaction() as session:
        await expectations.all_from_books(session, StatementSource.BANK)
    (seen,) = await world.rows(ExpectationRow, reference=said.reference)
    assert (seen.amount_minor, seen.day) == (-60_00, today())  # A line of the bank's will find it.
    await books_are_right(world)


async def test_what_is_held_for_a_card_is_not_refunded(world: World) -> None:
    buyer, person = await a_deposit(world, 600_00), await world.a_person("finance")
    asked = a_sale(await a_bought_card(world), buyer=buyer, paid_from=PaidFrom.DEPOSIT)
    acts, free = Repayments(world.database, DEPOSITS), 600_00 - 479_75
    waits = await acts.record(person, new_id(), back(buyer, free + 1), world.photos)  # Nothing is held yet.
    await Reservations(world.database).reserve(person, new_id(), asked)
    with pytest.raises(BuyerOwesLess) as less:
        await acts.record(person, new_id(), back(buyer, free + 1), world.photos)
    assert less.value.data == {"there": str(Money(free))}
    with pytest.raises(BuyerOwesLess):
        await acts.confirm(await world.a_person("finance"), waits)
    await acts.discard(await world.a_person("finance"), waits)
    (notice,) = await world.rows(NoticeRow, person_id=person)
    assert (notice.facts["proposal"], notice.facts["page"]) == ("deposit_refund", "/sales/debts#refunds")
    await refunded(world, back(buyer, free))
    assert await deposit_of(world, buyer) == 479_75
    await books_are_right(world)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"amount": Money(0)}, FieldInvalid), ({"amount": Money(-1)}, FieldInvalid), ({"reference": " "}, FieldInvalid), ({"evidence": None}, FieldInvalid),
        ({"paid_on": today() + timedelta(days=1)}, FieldInvalid), ({"paid_on": today() - timedelta(days=400)}, FieldInvalid),
        ({"to": "No Code"}, FieldInvalid), ({"to": "nobody-at-all"}, BuyerOwesLess), ({"amount": Money(1, Currency.USD)}, ForeignMoneyLess),
    ],
)  # fmt: skip
async def test_what_is_no_refund_is_refused(world: World, changed: dict[str, Any], refusal: type[Exception]) -> None:
    acts, buyer = Repayments(world.database, DEPOSITS), await a_deposit(world, 10_00)
    with pytest.raises(refusal):
        await acts.record(
            await world.a_person("finance"), new_id(), replace(back(buyer, 1_00), **changed), world.photos
        )
    with pytest.raises(NotAllowed):
        await acts.record(await world.a_person("ops"), new_id(), back(buyer, 1_00), world.photos)
    with pytest.raises(NotFound):
        await acts.confirm(await world.a_person("finance"), new_id())


async def test_a_refund_recorded_in_error_is_taken_back_by_two_and_its_reference_is_free_again(world: World) -> None:
    buyer, acts = await a_deposit(world, 50_00), Repayments(world.database, DEPOSITS)
    said = back(buyer, 50_00)
    waits = await acts.record(await world.a_person("finance"), new_id(), said, world.photos)
    backs, first, second = (
        Reversals(world.database, REFUNDS_BACK),
        await world.a_person("finance"),
        await world.a_person("finance"),
    )
    with pytest.raises(ReceiptOver):
        await backs.ask(first, waits, "Never sent.")  # One that waits is discarded.
    await acts.confirm(second, waits)
    await backs.ask(first, waits, "Never sent.")
    with pytest.raises(OwnWork):
        await backs.reverse(first, waits)
    await backs.reverse(second, waits)
    assert (await deposit_of(world, buyer), await posted(world, f"deposit_refunded:{waits}")) == (50_00, {})
    async with world.database.transaction() as session:
        await expectations.all_from_books(session, StatementSource.BANK)
    assert [
        one.cancelled_by is None for one in await world.rows(ExpectationRow, cause=f"deposit_refunded:{waits}")
    ] == [False, False]
    again = await refunded(world, said)
    (row,) = await world.rows(DepositRefundRow, id=again)
    assert (row.reference, row.reversed_at, await deposit_of(world, buyer)) == (said.reference, None, 0)
    await books_are_right(world)


async def test_foreign_money_is_refunded_as_what_it_came(world: World) -> None:
    buyer = await a_deposit(world, 30_00, Currency.USD)
    made = await refunded(world, back(buyer, 0, amount=Money(30_00, Currency.USD)))
    assert await posted(world, f"deposit_refunded:{made}") == {
        (f"buyer_deposit:buyer:{buyer}", "USD"): 30_00, ("cash:bank", "USD"): -30_00,
    }  # fmt: skip
    assert await deposit_of(world, buyer, Currency.USD) == 0
    await books_are_right(world)
