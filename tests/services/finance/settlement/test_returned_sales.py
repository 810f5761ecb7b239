"""A sale that comes back after its share was paid, or stated: the share is taken off what is paid next, once, and to the cent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from database.tables.finance.settlement import (
    SettlementOrderRow,
    SettlementStatementRow,
)
from database.tables.platform import OutboxRow
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor
from domain.finance.settlement import SettlementDeed, SettlementEnding, SettlementState
from domain.identifiers import new_id, settlement_key
from domain.money import Money
from services.finance.debts import Debts, WriteOff
from services.finance.proof_files import ProofFile
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.settlement.statement_files import files_of
from tests.builders.outlet_shop import Shop, a_shop
from tests.builders.paying import PDF
from tests.builders.selling import today
from tests.builders.settling import Settling, story
from tests.builders.world import World

ANSWER, APPROVAL, PAYEE, CLOSED = (
    SettlementState.ANSWER, SettlementState.APPROVAL, SettlementState.PAYEE, SettlementState.CLOSED,
)  # fmt: skip


@pytest.fixture
async def shop(scene: Settling, own_world: World) -> Shop:
    return await a_shop(scene, own_world)


async def test_a_paid_share_of_a_returned_sale_is_taken_off_the_next_run(shop: Shop) -> None:
    returned = await shop.sells(150_00)
    first = await shop.paid(await shop.stated())
    assert (first.ending, await shop.transferred()) == (SettlementEnding.PAID, 150_00)
    await shop.takes_back(returned, 150_00)
    assert await shop.owes() == 150_00
    await shop.sells(400_00)
    second = await shop.stated()
    assert await shop.lines(second) == [("settlement_netted", -150_00, f"sale:{returned}")]
    assert (second.lines_minor, second.payable_minor) == (250_00, 250_00)
    assert (await shop.paid(second)).ending is SettlementEnding.PAID
    assert (await shop.owes(), await shop.transferred()) == (0, 400_00)
    await shop.books_are_right()


async def test_rest_that_a_run_does_not_cover_stays_owed_and_is_shown(shop: Shop) -> None:
    returned = await shop.sells(300_00)
    await shop.paid(await shop.stated())
    await shop.takes_back(returned, 300_00)
    nothing = await shop.stated()  # The return alone: nothing is to be paid, and all is owed.
    assert (nothing.payable_minor, await shop.lines(nothing)) == (0, [])
    assert (await shop.paid(nothing)).ending is SettlementEnding.OWING
    await shop.sells(120_00)
    run = await shop.stated()
    assert (run.payable_minor, run.carried_out_minor, await shop.owes()) == (0, 0, 180_00)
    ended = await shop.paid(run)
    assert (ended.state, ended.ending) == (CLOSED, SettlementEnding.OWING)
    (said,) = await shop.settling.rows(SettlementStatementRow, run_id=run.id)
    assert said.content["still_owed"] == 180_00
    files = files_of(said.content)
    assert {name: files[name] for name in ("csv.en", "csv.zh_CN")} == {
        name: shop.settling.photos.read(said.files[name]) for name in ("csv.en", "csv.zh_CN")
    }
    for name, words in (
        ("csv.en", ("Taken off: share of a returned sale that was paid before", f"Returned sale {returned[-6:]}", "Still owed to us after this run")),
        ("csv.zh_CN", ("抵扣：已付的退回销售分成", f"退回的销售 {returned[-6:]}", "本期抵扣后仍应退还")),
    ):  # fmt: skip
        written = files[name].decode("utf-8-sig")
        assert [one for one in (*words, "-120.00", "-180.00", f"sale:{returned}") if one not in written] == []
    topics = [one.topic for one in await shop.settling.rows(OutboxRow, destination=f"counterparty:{shop.party.id}")]
    assert "settlement.stated" in topics
    await shop.sells(200_00)
    last = await shop.paid(await shop.stated())
    assert (last.payable_minor, last.ending, await shop.owes()) == (20_00, SettlementEnding.PAID, 0)
    await shop.books_are_right()


async def test_a_return_after_the_run_was_agreed_to_has_it_stated_again(shop: Shop) -> None:
    returned = await shop.sells(150_00)
    await shop.paid(await shop.stated())
    await shop.sells(120_00)
    run = await shop.stated()
    one = f"person:{shop.settling.finance}"
    assert await shop.settling.does(run, SettlementDeed.CONFIRM, one, reference="by mail") is APPROVAL
    await shop.takes_back(returned, 150_00)  # The share of the statement is gone: 30.00 is owed.
    assert await shop.settling.approved(run) is ANSWER
    again = await shop.settling.run(run.id)
    assert (again.version, again.payable_minor, again.approved_by, again.answer) == (2, 0, [], None)
    assert await shop.lines(again) == [("settlement_netted", -120_00, f"sale:{returned}")]
    assert await story(shop.settling, run.id) == [
        "begun", "collected", "stated", "answered_confirmed", "approved", "to_be_paid", "stated_again", "stated",
    ]  # fmt: skip
    assert (await shop.paid(again)).ending is SettlementEnding.OWING
    assert await shop.settling.rows(SettlementOrderRow, run_id=run.id) == []
    assert await shop.owes() == 30_00
    await shop.sells(130_00)
    last = await shop.paid(await shop.stated())
    assert (last.payable_minor, await shop.owes(), await shop.transferred()) == (100_00, 0, 250_00)
    await shop.books_are_right()


async def test_payment_is_checked_again_before_it_is_ordered(shop: Shop) -> None:
    """The return comes between the workflow's look and the order: nothing is ordered, and the workflow is to look again."""
    returned, kept = await shop.sells(150_00), await shop.sells(110_00)
    run = await shop.stated()
    payout, shop.settling.payout = shop.settling.payout, None  # The run goes no further than to its payment.
    await shop.paid(run)
    await shop.takes_back(returned, 150_00)
    before = (await shop.settling.run(run.id)).revision
    key = settlement_key(run.id, 1)
    assert await shop.settling.activities.prepare(run.id, key) is not None
    now = await shop.settling.run(run.id)
    assert (now.state, now.revision, now.lines_version) == (ANSWER, before + 1, 2)
    with pytest.raises(ApplicationError) as waiting:
        await shop.settling.activities.prepare(run.id, key)
    assert waiting.value.type == "not_payable"
    await shop.settling.goes_on(run.id)
    shop.settling.payout = payout
    again = await shop.settling.run(run.id)
    assert (again.version, again.payable_minor) == (2, 110_00)
    with pytest.raises(ApplicationError) as old:
        await shop.settling.does(again, SettlementDeed.CONFIRM, f"person:{shop.settling.finance}", reference="by phone", version=1)  # fmt: skip
    assert old.value.type == "statement_replaced"
    assert (await shop.paid(again)).ending is SettlementEnding.PAID
    assert (await shop.transferred(), await shop.owes(), kept != returned) == (110_00, 0, True)
    await shop.stated()
    await shop.books_are_right()


async def test_a_later_run_that_was_stated_stays_true(shop: Shop) -> None:
    """Two runs wait to be paid when the sale of a third comes back: each pays less, and begins with what the one before left."""
    returned = await shop.sells(150_00)
    await shop.paid(await shop.stated())
    await shop.sells(120_00)
    second = await shop.stated()
    finance = f"person:{shop.settling.finance}"
    await shop.settling.does(second, SettlementDeed.CONFIRM, finance, reference="by mail")
    await shop.sells(130_00)
    third = await shop.stated()
    await shop.takes_back(returned, 150_00)
    await shop.paid(third)
    await shop.settling.approved(second)
    await shop.ends()
    await shop.stated()
    await shop.ends()
    await shop.books_are_right()
    assert (await shop.transferred(), await shop.owes()) == (250_00, 0)


async def test_a_refused_payment_is_stated_again_without_what_came_back(shop: Shop) -> None:
    returned, _ = await shop.sells(150_00), await shop.sells(160_00)
    run = await shop.stated()
    await shop.world.alipay.control(refuse="PAYEE_NOT_EXIST")
    refused = await shop.paid(run)
    assert refused.state is PAYEE
    await shop.world.alipay.control(refuse="")
    await shop.takes_back(returned, 150_00)
    shop.settling.clock.passes(seconds=1)
    await shop.settling.a_payee(shop.party.id, account_number="13900009999")
    await shop.settling.goes_on(run.id)
    again = await shop.settling.run(run.id)
    assert (again.state, again.version, again.payable_minor) == (ANSWER, 2, 160_00)
    assert (await shop.paid(again)).ending is SettlementEnding.PAID
    assert (await shop.transferred(), await shop.owes()) == (160_00, 0)
    await shop.stated()
    await shop.books_are_right()


class How(StrEnum):
    """How far a run goes before a sale comes back."""

    STATED = "stated"
    CONFIRMED = "confirmed"
    PAID = "paid"


@dataclass(frozen=True)
class Month:
    """The shares of its sales, how far its run goes, and which of the sales until then comes back after that."""

    shares: tuple[int, ...]
    how: How
    back: int | None


SHARES = st.lists(st.integers(1, 300_00), max_size=2).map(tuple)
MONTHS = st.builds(Month, SHARES, st.sampled_from(How), st.none() | st.integers(0, 5))


@pytest.mark.parametrize(
    "months",
    [
        [Month((150_00,), How.PAID, None), Month((120_00,), How.CONFIRMED, 0), Month((), How.STATED, None)],
        [Month((200_00, 150_00), How.CONFIRMED, 0), Month((130_00,), How.PAID, 0), Month((7,), How.STATED, 0)],
    ],
    ids=["after it was paid", "before it was paid"],
)
async def test_an_outlet_ends_with_the_difference_of_what_was_sold_and_returned(
    scene: Settling, own_world: World, months: list[Month]
) -> None:
    await end_with_the_difference(scene, own_world, months)


@pytest.mark.thorough
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(months=st.lists(MONTHS, min_size=2, max_size=3))
async def test_outlet_balance_is_sales_minus_returns(scene: Settling, own_world: World, months: list[Month]) -> None:
    await end_with_the_difference(scene, own_world, months)


async def end_with_the_difference(scene: Settling, own_world: World, months: list[Month]) -> None:
    """Sell, state, pay and take back as the months say; in the end the outlet has what it sold without what came back."""
    shop = await a_shop(scene, own_world)
    there: list[tuple[str, int]] = []
    for month in months:
        there += [(await shop.sells_by_row(share), share) for share in month.shares]
        run = await shop.stated()
        if month.how is not How.STATED and run.state is ANSWER:
            await shop.settling.does(run, SettlementDeed.CONFIRM, f"person:{scene.finance}", reference="by mail")
        if month.how is How.PAID and (await scene.run(run.id)).state is APPROVAL:
            await shop.settling.approved(run)
        if month.back is not None and there:
            await shop.takes_back(*there.pop(month.back % len(there)))
        await shop.books_are_right()
    await shop.ends()
    await shop.sells_by_row(2_000_00)  # From so much, all that is still owed can be taken.
    await shop.stated()
    await shop.ends()
    await shop.stated()  # A return of the last day counts for the month after.
    await shop.ends()
    await shop.books_are_right()
    assert (await shop.owes(), await shop.transferred()) == (0, shop.sold_minor - shop.returned_minor)


async def test_a_run_takes_off_only_what_is_still_owed_after_a_write_off_and_a_repayment(shop: Shop) -> None:
    first, second = await shop.sells(150_00), await shop.sells(90_00)
    await shop.paid(await shop.stated())
    await shop.takes_back(first, 150_00)
    await shop.takes_back(second, 90_00)
    code, world = f"partner_receivable:{shop.party.owner}", shop.settling
    debts, letter = Debts(world.database, world.keyring), ProofFile("letter.pdf", PDF)
    off = await debts.ask(world.finance, new_id(), WriteOff(code, Money(140_00), "Agreed.", letter), world.photos)
    await debts.write_off(await world.a_person(), off)
    ours = (shop.party.owner, Rail.BANK, Money(30_00), Money(30_00), f"IN-{new_id()}", today(), ReceiptFor.PARTNER)
    paid = ReceiptAsked(*ours)
    await Receipts(world.database).record(world.finance, new_id(), paid)
    assert await shop.owes() == 70_00
    await shop.sells(400_00)
    run = await shop.stated()
    assert await shop.lines(run) == [("settlement_netted", -70_00, f"sale:{second}")]
    assert (await shop.paid(run)).ending is SettlementEnding.PAID
    assert await shop.owes() == 0
    shop.returned_minor -= 170_00  # So much of the returns was written off, or came back by itself.
    await shop.books_are_right()
