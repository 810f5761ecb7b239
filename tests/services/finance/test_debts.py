"""Debts of buyers and partners end: written off by two people, recovered after that, paid back, or taken off by a return."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from database.invariants import Look
from database.invariants.books import SignsHold
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.invariants.two_people import ClaimsByTwo
from database.reads.finance.debts import debts
from database.repositories import expectations, ledger
from database.tables.finance.debts import DebtRecoveryRow, DebtWriteOffRow
from database.tables.finance.statements import ExpectationRow
from database.tables.notices import NoticeRow
from domain.errors.finance import MoreThanOwed
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import BuyerOwesLess, WriteOffOver
from domain.errors.work import OwnWork
from domain.finance.chart import account
from domain.finance.fx import Rate
from domain.finance.ledger import Posting
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.debts import Debts, WriteOff
from services.finance.positions import position
from services.finance.proof_files import ProofFile
from services.finance.receipts import RECEIPTS_BACK, ReceiptAsked, Receipts
from services.finance.sales import Sales
from services.finance.taking_back import Reversals
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.selling import a_bought_card, a_sale, posted, sold, taken_back, today
from tests.builders.world import World

world = own_world("debts")
LETTER = ProofFile("insolvent.pdf", PDF)


def giving_up(code: str, minor: int, currency: Currency = Currency.CNY) -> WriteOff:
    return WriteOff(code, Money(minor, currency), "The court closed the case.", LETTER)


def of_buyer(buyer: str) -> str:
    return f"buyer_receivable:buyer:{buyer}"


def paid(buyer: str, minor: int, **more: Any) -> ReceiptAsked:
    given: dict[str, Any] = {"rail": Rail.BANK, "reference": f"IN-{new_id()}", "received_on": today()} | more
    money = Money(minor, given.pop("currency", Currency.CNY))
    return ReceiptAsked(buyer, owed=money, arrived=given.pop("arrived", money), **given)


async def a_debt(world: World) -> tuple[str, str]:
    """A sale that a buyer owes 479.75 for (the price and the fee); returns the sale and the buyer's code."""
    card_id = await a_bought_card(world)
    asked = a_sale(card_id)
    return await Sales(world.database).record(await world.a_person("finance"), new_id(), asked), asked.buyer


async def balance(world: World, code: str, currency: Currency = Currency.CNY) -> int:
    async with world.database.transaction() as session:
        return (await ledger.balance(session, code, currency)).amount_minor


async def written_off(world: World, said: WriteOff) -> str:
    """Write a debt off by two people."""
    acts = Debts(world.database, world.keyring)
    made = await acts.ask(await world.a_person("finance"), new_id(), said, world.photos)
    await acts.write_off(await world.a_person("finance"), made)
    return made


async def a_partners_debt(world: World, minor: int) -> str:
    """A counterparty that owes so much of a returned sale; returns the owner of its accounts."""
    owner = f"coop-{new_id()[-8:].lower()}"
    lines = (
        Posting(account("partner_receivable", owner), Money(minor)), Posting(account("partner_cost"), Money(-minor)),
    )  # fmt: skip
    async with world.database.transaction() as session:
        await ledger.post(session, new_id(), None, "sale_owed_back", lines, cause=f"test:{new_id()}")
    return owner


async def books_are_right(world: World) -> None:
    async with world.database.transaction() as session:
        look = Look(most=100_000)
        wrong = [
            line for one in (SourcesAgree(), SignsHold(), ClaimsByTwo()) for line in await one.broken(session, look)
        ]
        unknown = await PostingsHaveSources().broken(session, look)
    assert [line for line in wrong if not line.startswith("test:")] == []
    assert [line for line in unknown if " the cause test:" not in line] == []


async def test_a_buyers_debt_is_written_off_by_two_people_with_a_document(world: World) -> None:
    _, buyer = await a_debt(world)
    owes = await balance(world, of_buyer(buyer))
    first, second, acts = (
        await world.a_person("finance"),
        await world.a_person("finance"),
        Debts(world.database, world.keyring),
    )
    key, said = new_id(), giving_up(of_buyer(buyer), owes)
    made = await acts.ask(first, key, said, world.photos)
    assert await acts.ask(first, key, said, world.photos) == made
    with pytest.raises(IdempotencyKeyReused):
        await acts.ask(first, key, replace(said, amount=Money(1_00)), world.photos)
    assert await balance(world, of_buyer(buyer)) == owes  # One person's word moves nothing.
    with pytest.raises(OwnWork):
        await acts.write_off(first, made)
    await asyncio.gather(*(acts.write_off(second, made) for _ in range(3)))
    assert await posted(world, f"debt_write_off:{made}") == {
        ("write_off", "CNY"): owes,
        (of_buyer(buyer), "CNY"): -owes,
    }
    for late in (acts.write_off(first, made), acts.keep(second, made)):
        with pytest.raises(WriteOffOver):
            await late
    async with world.database.transaction() as session:
        (mine,) = [one for one in await debts(session) if one.account == of_buyer(buyer)]
    assert (mine.owes, mine.lost, mine.who) == (Money(0), Money(owes), buyer)
    await books_are_right(world)


async def test_nothing_beyond_a_debt_is_written_off_also_where_it_was_paid_meanwhile(world: World) -> None:
    _, buyer = await a_debt(world)
    owes = await balance(world, of_buyer(buyer))
    acts, first, second = (
        Debts(world.database, world.keyring),
        await world.a_person("finance"),
        await world.a_person("finance"),
    )
    with pytest.raises(MoreThanOwed):
        await acts.ask(first, new_id(), giving_up(of_buyer(buyer), owes + 1), world.photos)
    made = await acts.ask(first, new_id(), giving_up(of_buyer(buyer), owes), world.photos)
    await Receipts(world.database).record(first, new_id(), paid(buyer, 100_00))
    with pytest.raises(MoreThanOwed):
        await acts.write_off(second, made)
    await acts.keep(second, made)
    (row,) = await world.rows(DebtWriteOffRow, id=made)
    assert (row.declined_by, row.ended_at, row.write_off_by) == (second, None, None)
    (notice,) = await world.rows(NoticeRow, person_id=first)
    assert (notice.facts["proposal"], notice.facts["page"]) == ("write_off", "/sales/debts")
    assert await balance(world, of_buyer(buyer)) == owes - 100_00


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"account": "seller_receivable:seller:x"}, FieldInvalid), ({"account": "cash:bank"}, FieldInvalid), ({"account": "nothing"}, FieldInvalid),
        ({"amount": Money(0)}, FieldInvalid), ({"amount": Money(-1)}, FieldInvalid), ({"reason": " "}, FieldInvalid), ({"evidence": None}, FieldInvalid),
        ({"account": "buyer_receivable:buyer:nobody-at-all"}, MoreThanOwed),
    ],
)  # fmt: skip
async def test_a_write_off_that_makes_no_sense_is_refused(
    world: World, changed: dict[str, Any], refusal: type[Exception]
) -> None:
    acts, person = Debts(world.database, world.keyring), await world.a_person("finance")
    with pytest.raises(refusal):
        await acts.ask(person, new_id(), replace(giving_up(of_buyer("acme"), 1_00), **changed), world.photos)
    with pytest.raises(NotAllowed):
        await acts.ask(await world.a_person("ops"), new_id(), giving_up(of_buyer("acme"), 1_00), world.photos)
    with pytest.raises(NotFound):
        await acts.write_off(person, new_id())


async def test_money_after_a_write_off_is_recovered_and_not_beyond_it(world: World) -> None:
    _, buyer = await a_debt(world)
    owes, person = await balance(world, of_buyer(buyer)), await world.a_person("finance")
    await written_off(world, giving_up(of_buyer(buyer), owes - 100_00))
    lost_before, receipts = await balance(world, "write_off"), Receipts(world.database)
    with pytest.raises(BuyerOwesLess) as less:
        await receipts.record(person, new_id(), paid(buyer, owes + 1))
    assert less.value.data == {"there": str(Money(owes))}
    made = await receipts.record(person, new_id(), paid(buyer, 130_00))  # 100.00 of it is owed.
    assert await posted(world, f"receipt:{made}") == {
        ("cash:bank", "CNY"): 130_00, (of_buyer(buyer), "CNY"): -100_00, ("write_off", "CNY"): -30_00,
    }  # fmt: skip
    assert await balance(world, "write_off") == lost_before - 30_00
    whole = await receipts.record(person, new_id(), paid(buyer, owes - 130_00))
    assert await posted(world, f"receipt:{whole}") == {
        ("cash:bank", "CNY"): owes - 130_00, ("write_off", "CNY"): 130_00 - owes,
    }  # fmt: skip
    with pytest.raises(BuyerOwesLess):
        await receipts.record(person, new_id(), paid(buyer, 1))
    await books_are_right(world)
    backs, second = Reversals(world.database, RECEIPTS_BACK), await world.a_person("finance")
    await backs.ask(person, made, "Another buyer's money.")
    await backs.reverse(second, made)
    with pytest.raises(BuyerOwesLess) as again:
        await receipts.record(person, new_id(), paid(buyer, 130_01))
    assert again.value.data == {"there": "¥130.00"}  # What was taken back can come once more.
    await books_are_right(world)


async def test_a_foreign_debt_leaves_its_position_at_what_it_was_booked_at_and_comes_back_so(world: World) -> None:
    person, card_id = await world.a_person("finance"), await a_bought_card(world)
    rate = Rate("7.1", "CFETS", datetime(2026, 1, 5, 2, tzinfo=UTC))
    asked = a_sale(card_id, price=Money(70_00, Currency.USD), rate=rate)
    await Sales(world.database).record(person, new_id(), asked)
    code, receipts = of_buyer(asked.buyer), Receipts(world.database)
    made = await written_off(world, giving_up(code, 70_70, Currency.USD))
    assert await posted(world, f"debt_write_off:{made}") == {
        (code, "USD"): -70_70, ("fx_position", "USD"): 70_70, ("fx_position", "CNY"): -501_97, ("write_off", "CNY"): 501_97,
    }  # fmt: skip
    async with world.database.transaction() as session:
        assert await position(session, Currency.USD) == (Money(0, Currency.USD), Money(0))
    stays = await receipts.record(person, new_id(), paid(asked.buyer, 10_00, currency=Currency.USD))
    assert await posted(world, f"receipt:{stays}") == {
        ("cash:bank", "USD"): 10_00, ("fx_position", "USD"): -10_00, ("fx_position", "CNY"): 71_00, ("write_off", "CNY"): -71_00,
    }  # fmt: skip
    exchanged = await receipts.record(
        person, new_id(), paid(asked.buyer, 20_00, currency=Currency.USD, arrived=Money(150_00))
    )
    assert await posted(world, f"receipt:{exchanged}") == {
        ("cash:bank", "CNY"): 150_00, ("write_off", "CNY"): -142_00, ("fx_difference", "CNY"): -8_00,
    }  # fmt: skip
    await books_are_right(world)
    backs, second = Reversals(world.database, RECEIPTS_BACK), await world.a_person("finance")
    for one in (stays, exchanged):
        await backs.ask(person, one, "Not ours.")
        await backs.reverse(second, one)
    async with world.database.transaction() as session:
        assert await position(session, Currency.USD) == (Money(0, Currency.USD), Money(0))
    await books_are_right(world)


async def test_a_card_that_comes_back_after_its_debt_was_written_off_is_no_credit(world: World) -> None:
    sale, buyer = await a_debt(world)
    owes = await balance(world, of_buyer(buyer))
    await Receipts(world.database).record(await world.a_person("finance"), new_id(), paid(buyer, 79_75))
    await written_off(world, giving_up(of_buyer(buyer), owes - 79_75))
    await taken_back(world, sale, "agreed")
    assert await balance(world, of_buyer(buyer)) == 0
    assert await balance(world, f"buyer_deposit:buyer:{buyer}") == -79_75  # Only what they had paid.
    (row,) = await world.rows(DebtRecoveryRow, account=of_buyer(buyer))
    assert row.amount_minor == owes - 79_75
    await books_are_right(world)


async def test_a_partner_pays_back_what_it_owes_and_what_was_written_off(world: World) -> None:
    owner, person = await a_partners_debt(world, 60_00), await world.a_person("finance")
    code, receipts = f"partner_receivable:{owner}", Receipts(world.database)
    of_partner: dict[str, Any] = {"received_for": ReceiptFor.PARTNER}
    with pytest.raises(MoreThanOwed) as more:
        await receipts.record(person, new_id(), paid(owner, 60_01, **of_partner))
    assert more.value.data == {"owed": "¥60.00", "amount": "¥60.01"}
    with pytest.raises(FieldInvalid):
        await receipts.record(person, new_id(), paid("No Owner", 1_00, **of_partner))
    asked = paid(owner, 20_00, **of_partner)
    made = await receipts.record(person, new_id(), asked)
    assert await posted(world, f"receipt:{made}") == {("cash:bank", "CNY"): 20_00, (code, "CNY"): -20_00}
    await written_off(world, giving_up(code, 40_00))
    late = await receipts.record(person, new_id(), paid(owner, 15_00, **of_partner))
    assert await posted(world, f"receipt:{late}") == {("cash:bank", "CNY"): 15_00, ("write_off", "CNY"): -15_00}
    async with world.database.transaction() as session:
        await expectations.all_from_books(session, StatementSource.BANK)
    (seen,) = await world.rows(ExpectationRow, reference=asked.reference)
    assert (seen.amount_minor, seen.day) == (20_00, today())  # A line of the bank's will find it.
    await books_are_right(world)


async def test_the_database_keeps_a_write_off_on_the_word_of_one_person_in_sight(world: World) -> None:
    _, buyer = await a_debt(world)
    made = await written_off(world, giving_up(of_buyer(buyer), 10_00))
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE debt_write_off SET ended_by = write_off_by WHERE id = :id"), {"id": made})
        found = await ClaimsByTwo().broken(session, Look(most=100))
    assert [line for line in found if made in line] == [f"write-off {made} was agreed to by those who asked for it"]
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE debt_write_off SET ended_by = 'x' WHERE id = :id"), {"id": made})


async def test_a_debt_that_is_sold_for_again_is_owed_besides_what_was_lost(world: World) -> None:
    _, buyer = await a_debt(world)
    owes = await balance(world, of_buyer(buyer))
    await written_off(world, giving_up(of_buyer(buyer), owes))
    await sold(world, await world.a_person("finance"), await a_bought_card(world), buyer=buyer)
    made = await Receipts(world.database).record(await world.a_person("finance"), new_id(), paid(buyer, owes))
    assert await posted(world, f"receipt:{made}") == {("cash:bank", "CNY"): owes, (of_buyer(buyer), "CNY"): -owes}
    assert await balance(world, of_buyer(buyer)) == 0  # What is owed comes first.
