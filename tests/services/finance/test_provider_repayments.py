"""A brokered sale comes back after our commission arrived: we owe it to the provider, until it is paid back or kept of our next part."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from database.invariants import Look
from database.invariants.books import SignsHold
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.invariants.two_people import ClaimsByTwo
from database.reads.finance.brokered import SplitAccount, split_account
from database.reads.finance.provider_debts import owed_back
from database.repositories import expectations, ledger
from database.tables.finance.sales import ProviderRepaymentRow, SaleRow
from database.tables.finance.statements import ExpectationRow
from database.tables.notices import NoticeRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import ProviderOwedLess, ProviderPaymentOver, ReferenceTaken, SplitAccountLess
from domain.errors.work import OwnWork
from domain.finance.fx import Rate
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.brokered_payments import BrokeredPayments, ProviderPaid
from services.finance.exchanges import ExchangeAsked, Exchanges
from services.finance.proof_files import ProofFile
from services.finance.provider_repayments import PROVIDERS
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.repaying import Repayment, Repayments
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.selling import brokered, posted, taken_back, today
from tests.builders.world import World

world = own_world("provider_repayments")

COMMISSION, SPLIT, DEBT = 23_75, "split_account:alipay", "provider_payable:alipay"
LETTER = ProofFile("back.pdf", PDF)
RATE = Rate("7.1", "CFETS", datetime(2026, 1, 5, 2, tzinfo=UTC))


def our_part(minor: int, kept: int = 0, **more: Any) -> ReceiptAsked:
    """Our part of a split account, of which the provider kept so much."""
    part = Money(minor)
    given_: dict[str, Any] = {
        "buyer": "alipay",
        "rail": Rail.BANK,
        "reference": f"IN-{new_id()}",
        "received_on": today(),
    } | more
    return ReceiptAsked(owed=part, arrived=part - Money(kept), received_for=ReceiptFor.COMMISSION, **given_)


def back(minor: int, **more: Any) -> Repayment:
    given_: dict[str, Any] = {
        "to": "alipay",
        "rail": Rail.BANK,
        "reference": f"OUT-{new_id()}",
        "paid_on": today(),
    } | more
    return Repayment(amount=Money(minor), evidence=LETTER, **given_)


async def at_provider(world: World) -> tuple[SplitAccount, int]:
    """What the provider holds, and what it is owed back."""
    async with world.database.transaction() as session:
        return await split_account(session, "alipay"), -(await ledger.balance(session, DEBT)).amount_minor


async def evened(world: World, person: str) -> str:
    """Whatever earlier tests left is paid, both ways; returns the person."""
    found, owed = await at_provider(world)
    if found.ours.amount_minor:
        await Receipts(world.database).record(person, new_id(), our_part(found.ours.amount_minor))
    if owed:
        await repaid(world, person, owed)
    return person


async def come_back(world: World, person: str, **more: Any) -> str:
    """A brokered sale that came back after its commission had arrived."""
    sale, _ = await brokered(world, **more)
    await Receipts(world.database).record(person, new_id(), our_part(COMMISSION))
    await taken_back(world, sale, "agreed")
    return sale


async def repaid(world: World, person: str, minor: int) -> str:
    """Pay back so much by two people."""
    repayments = Repayments(world.database, PROVIDERS)
    made = await repayments.record(person, new_id(), back(minor), world.photos)
    await repayments.confirm(await world.a_person("finance"), made)
    return made


async def test_a_sale_that_comes_back_after_our_commission_is_owed_to_the_provider_and_paid_back(world: World) -> None:
    person, other, repayments = (
        await world.a_person("finance"),
        await world.a_person("finance"),
        Repayments(world.database, PROVIDERS),
    )
    sale = await come_back(world, person)
    assert await posted(world, f"sale:{sale}") == {(SPLIT, "CNY"): COMMISSION, (DEBT, "CNY"): -COMMISSION}
    found, owed = await at_provider(world)
    assert (found.held, owed) == (Money(0), COMMISSION)  # Nothing is below zero.
    async with world.database.transaction() as session:
        (debt,) = await owed_back(session)
    assert (debt.provider, debt.amount, debt.sale_id) == ("alipay", Money(COMMISSION), sale)
    assert datetime.now(UTC) - debt.since < timedelta(minutes=5)
    key, said = new_id(), back(20_00)
    made = await repayments.record(person, key, said, world.photos)
    assert await repayments.record(person, key, said, world.photos) == made
    with pytest.raises(IdempotencyKeyReused):
        await repayments.record(person, key, replace(said, amount=Money(19_00)), world.photos)
    with pytest.raises(ReferenceTaken):
        await repayments.record(person, new_id(), said, world.photos)
    assert await posted(world, f"provider_repaid:{made}") == {}  # One person's word moves nothing.
    with pytest.raises(OwnWork):
        await repayments.confirm(person, made)
    await asyncio.gather(*(repayments.confirm(other, made) for _ in range(3)))
    assert await posted(world, f"provider_repaid:{made}") == {(DEBT, "CNY"): 20_00, ("cash:bank", "CNY"): -20_00}
    for late in (repayments.confirm(person, made), repayments.discard(person, made)):
        with pytest.raises(ProviderPaymentOver):
            await late
    with pytest.raises(ProviderOwedLess) as less:
        await repayments.record(person, new_id(), back(3_76), world.photos)
    assert less.value.data == {"there": "¥3.75"}
    await repaid(world, person, 3_75)
    async with world.database.transaction() as session:
        assert await owed_back(session) == ()
        await expectations.all_from_books(session, StatementSource.BANK)
    (seen,) = await world.rows(ExpectationRow, reference=said.reference)
    assert (seen.amount_minor, seen.day) == (-20_00, today())  # A line of the bank's will find it.


async def test_the_provider_keeps_it_of_our_next_part_in_one_posting(world: World) -> None:
    person, receipts = await evened(world, await world.a_person("finance")), Receipts(world.database)
    await come_back(world, person)
    for _ in range(2):
        await brokered(world)
    with pytest.raises(ProviderOwedLess) as less:
        await receipts.record(person, new_id(), our_part(40_00, COMMISSION + 1))
    assert less.value.data == {"there": "¥23.75"}
    key, asked = new_id(), our_part(23_00, 20_00)
    made = await receipts.record(person, key, asked)
    assert await receipts.record(person, key, asked) == made
    assert await posted(world, f"receipt:{made}") == {
        ("cash:bank", "CNY"): 3_00, (DEBT, "CNY"): 20_00, (SPLIT, "CNY"): -23_00,
    }  # fmt: skip
    whole = await receipts.record(person, new_id(), our_part(75, 75))  # Nothing arrives.
    assert await posted(world, f"receipt:{whole}") == {(DEBT, "CNY"): 75, (SPLIT, "CNY"): -75}
    assert (await at_provider(world))[1] == 3_00
    await repaid(world, person, 3_00)


async def test_commissions_of_other_sales_that_are_still_there_even_it_out_at_once(world: World) -> None:
    person = await evened(world, await world.a_person("finance"))
    first, _ = await brokered(world)
    await Receipts(world.database).record(person, new_id(), our_part(COMMISSION))
    await brokered(world)
    await taken_back(world, first, "agreed")
    found, owed = await at_provider(world)
    assert (found.held - found.due, owed) == (Money(0), 0)  # The provider holds the sellers' money: nothing is owed.
    with pytest.raises(SplitAccountLess):
        await Receipts(world.database).record(person, new_id(), our_part(1))


async def test_dollars_that_are_not_exchanged_yet_are_no_debt_and_a_commission_of_them_is(world: World) -> None:
    person, price = await evened(world, await world.a_person("finance")), Money(100_00, Currency.USD)
    abroad, _ = await brokered(world, price=price, rate=RATE)  # 710.00, of which 674.50 are the seller's.
    payments = BrokeredPayments(world.database, world.keyring)
    said = ProviderPaid(f"R-{new_id()}", Money(674_50), today(), LETTER)
    await payments.confirm(await world.a_person("finance"), await payments.record(person, abroad, said, world.photos))
    other, _ = await brokered(world)  # Its commission has not arrived.
    await taken_back(world, other, "agreed")
    assert (await at_provider(world))[1] == 0
    exchanged = ExchangeAsked(SPLIT, price, Money(710_00), RATE, "FX-1", today())
    await Exchanges(world.database).record(person, new_id(), exchanged)
    async with world.database.transaction() as session:
        ours = (await split_account(session, "alipay")).ours
    await Receipts(world.database).record(person, new_id(), our_part(ours.amount_minor))
    back_abroad, _ = await brokered(world, price=price, rate=RATE)
    await Exchanges(world.database).record(person, new_id(), replace(exchanged, reference="FX-2"))
    await Receipts(world.database).record(person, new_id(), our_part(35_50))
    await taken_back(world, back_abroad, "agreed")
    (row,) = await world.rows(SaleRow, id=back_abroad)
    assert (await at_provider(world))[1] == 35_50
    assert [one["minor"] for one in row.owed_back] == [35_50, -35_50]
    await repaid(world, person, 35_50)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"amount": Money(0)}, FieldInvalid),
        ({"amount": Money(1, Currency.USD)}, FieldInvalid),
        ({"amount": Money(99_99)}, ProviderOwedLess),
        ({"to": "nobody"}, ProviderOwedLess),
        ({"paid_on": today() + timedelta(days=1)}, FieldInvalid),
        ({"paid_on": today() - timedelta(days=1)}, FieldInvalid),  # Before it was owed.
        ({"reference": " "}, FieldInvalid),
        ({"evidence": None}, FieldInvalid),
    ],
)
async def test_what_is_no_repayment_is_refused(world: World, changed: dict[str, Any], refusal: type) -> None:
    person = await evened(world, await world.a_person("finance"))
    await come_back(world, person)
    with pytest.raises(refusal):
        await Repayments(world.database, PROVIDERS).record(
            person, new_id(), replace(back(1_00), **changed), world.photos
        )
    await repaid(world, person, COMMISSION)


async def test_a_discarded_repayment_moves_nothing_and_its_recorder_learns_of_it(world: World) -> None:
    first, second, repayments = (
        await world.a_person("finance"),
        await world.a_person("finance"),
        Repayments(world.database, PROVIDERS),
    )
    await evened(world, first)
    await come_back(world, first)
    said = back(COMMISSION)
    wrong = await repayments.record(first, new_id(), said, world.photos)
    with pytest.raises(NotAllowed):
        await repayments.discard(await world.a_person("compliance"), wrong)
    for _ in range(2):
        await repayments.discard(second, wrong)
    with pytest.raises(ProviderPaymentOver):
        await repayments.confirm(second, wrong)
    with pytest.raises(NotFound):
        await repayments.confirm(second, "nothing")
    notices = [
        one for one in await world.rows(NoticeRow, person_id=first) if one.facts.get("proposal") == "provider_repayment"
    ]
    assert len(notices) == 1
    again, twice = [await repayments.record(first, new_id(), back(COMMISSION), world.photos) for _ in range(2)]
    await repayments.confirm(second, again)
    with pytest.raises(ProviderOwedLess):  # It was recorded twice: nothing is owed any more.
        await repayments.confirm(second, twice)
    async with world.database.transaction() as session:
        look = Look(most=100_000)
        for check in (SourcesAgree(), PostingsHaveSources(), ClaimsByTwo(), SignsHold()):
            assert await check.broken(session, look) == []
        await session.execute(
            text("UPDATE provider_repayment SET confirmed_at = now(), confirmed_by = recorded_by WHERE id = :id"),
            {"id": twice},
        )
        assert any(twice in line for line in await SourcesAgree().broken(session, look))
        assert any(twice in line for line in await ClaimsByTwo().broken(session, look))
        await session.rollback()
    assert len(await world.rows(ProviderRepaymentRow, id=twice)) == 1


percents = st.integers(1, 100)
steps = st.lists(
    st.tuples(st.sampled_from(["sale", "sale", "arrived", "kept", "seller_paid", "returned", "repaid"]), percents),
    min_size=3,
    max_size=9,
)  # fmt: skip
Steps = list[tuple[str, int]]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
@example(steps=[("sale", 1), ("arrived", 40), ("returned", 1), ("sale", 1), ("kept", 100), ("repaid", 50)])
@example(
    steps=[("sale", 1), ("sale", 1), ("arrived", 100), ("returned", 1), ("returned", 1), ("sale", 1), ("kept", 60)]
)
@example(steps=[("sale", 1), ("arrived", 100), ("seller_paid", 1), ("sale", 1), ("returned", 1), ("arrived", 100)])
async def test_whatever_is_sold_paid_in_part_and_returned_the_provider_holds_what_is_the_sellers_and_every_cent_is_owed_once(
    world: World, steps: Steps
) -> None:
    scene = Provider(world, await world.a_person("finance"))
    await scene.begins()
    for kind, percent in steps:
        await scene.does(kind, percent)
        found, owed = await at_provider(world)
        assert found.held >= found.due  # Never below what sellers are to have.
        earned, came = scene.earned - scene.before, scene.came
        assert (found.held - found.due).amount_minor - owed == earned - came


class Provider:
    """Brokered sales at one provider and what becomes of them: `earned` are commissions of sales that did not come back, `came` what we kept of them."""

    def __init__(self, world: World, person: str) -> None:
        self.world, self.person = world, person
        self.open: list[str] = []  # Sales whose seller is not paid.
        self.earned = self.came = self.before = 0

    async def begins(self) -> None:
        """What earlier runs left counts as it is."""
        found, owed = await at_provider(self.world)
        self.before = owed - (found.held - found.due).amount_minor

    async def does(self, kind: str, percent: int) -> None:
        found, owed = await at_provider(self.world)
        ours = -(-found.ours.amount_minor * percent // 100)
        part = -(-owed * percent // 100)
        if kind == "sale":
            self.open.append((await brokered(self.world))[0])
            self.earned += COMMISSION
        elif kind in ("arrived", "kept") and ours:
            less = min(part, ours) if kind == "kept" else 0
            await Receipts(self.world.database).record(self.person, new_id(), our_part(ours, less))
            self.came += ours - less
        elif kind == "seller_paid" and self.open:
            payments = BrokeredPayments(self.world.database, self.world.keyring)
            said = ProviderPaid(f"R-{new_id()}", Money(451_25), today(), LETTER)
            payment = await payments.record(self.person, self.open.pop(0), said, self.world.photos)
            await payments.confirm(await self.world.a_person("finance"), payment)
        elif kind == "returned" and self.open:
            await taken_back(self.world, self.open.pop(percent % len(self.open)), "agreed")
            self.earned -= COMMISSION
        elif kind == "repaid" and part:
            await repaid(self.world, self.person, part)
            self.came -= part
