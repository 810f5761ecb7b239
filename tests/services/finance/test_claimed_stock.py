"""Claims, stock and sales are tied together: no cost leaves the stock twice, no worthless card comes back, and a seller who was right is paid."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio

from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.payout import PayoutRow
from database.tables.platform import OutboxRow
from database.tables.support.goodwill import GoodwillRow
from domain.errors.finance import ClaimMoves, ClaimOver, ObjectionWaits
from domain.errors.sales import CardClaimed
from domain.errors.work import OwnWork
from domain.finance.payout import PayoutOutcome
from domain.finance.rollback import RollbackState
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.support.goodwill import GoodwillState
from services.finance import returned
from services.finance.sale_returns import SaleReturns
from services.finance.sales import Sales
from services.notices.outbox_delivery import message_text
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill
from tests.builders.claiming import Claiming
from tests.builders.own_world import own_world
from tests.builders.paying import with_claims
from tests.builders.selling import a_sale, sold, taken_back
from tests.builders.world import World

world = own_world("claimed_stock")

PRICE = 465_00
HALF = 232_50


@pytest_asyncio.fixture(loop_scope="session")
async def scene(world: World) -> Claiming:
    return await Claiming.begun(world)


@pytest.mark.parametrize(
    "state",
    ["proposed", "settled", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("claimed", "written_off"))],
)
async def test_claimed_card_cannot_be_sold_and_its_cost_is_written_off_once(scene: Claiming, state: str) -> None:
    claim = await scene.proposed() if state == "proposed" else await scene.claimed()
    others = 0
    if state == "settled":
        for _ in range(2):
            await scene.offset()
        others = 2 * PRICE
    if state == "written_off":
        await scene.claims.ask_write_off(await scene.world.a_person("finance"), claim, "Gone.")
        await scene.claims.write_off(await scene.world.a_person("finance"), claim)
    finance, sales = await scene.world.a_person("finance"), Sales(scene.world.database)
    for selling in (sales.preview(finance, a_sale(scene.card)), sales.record(finance, new_id(), a_sale(scene.card))):
        with pytest.raises(CardClaimed) as refused:
            await selling
        assert refused.value.data == {"state": state}
    stock = PRICE if state == "proposed" else 0
    assert await scene.case.balance("inventory") - scene.began["inventory"] == stock + others
    assert "cost_of_sales" not in await scene.moved()
    await scene.sound()


async def test_a_card_is_sold_again_once_the_proposal_is_declined(scene: Claiming) -> None:
    await scene.claims.decline(await scene.world.a_person("finance"), await scene.proposed())
    await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    assert await scene.moved() == {"cost_of_sales": PRICE}
    await scene.sound()


async def test_concurrent_sale_and_claim_take_the_cost_once(scene: Claiming) -> None:
    claim, finance = await scene.proposed(), await scene.world.a_person("finance")
    second = await scene.world.a_person("finance")
    done = await asyncio.gather(
        scene.claims.agree(second, claim), sold(scene.world, finance, scene.card), return_exceptions=True
    )
    assert done[0] is None
    assert isinstance(done[1], CardClaimed)
    assert (await scene.moved(), await scene.owes()) == ({}, (PRICE, 0))
    await scene.sound()


@pytest.mark.parametrize("state", ["claimed", "written_off"])
async def test_returned_claimed_card_is_not_stock(scene: Claiming, state: str) -> None:
    sale = await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    claim = await scene.claimed()
    assert (await scene.moved(), await scene.owes()) == ({}, (PRICE, 0))
    lost = 0
    if state == "written_off":
        await scene.claims.ask_write_off(await scene.world.a_person("finance"), claim, "Gone.")
        await scene.claims.write_off(await scene.world.a_person("finance"), claim)
        lost = PRICE
    await taken_back(scene.world, sale, "found_used")
    assert await scene.moved() == ({"write_off": lost} if lost else {})
    (out,) = await scene.world.rows(LedgerTransactionRow, what="rollback_out_of_stock", card_id=scene.card)
    assert out.cause == f"rollback:{claim}"
    with pytest.raises(CardClaimed):
        await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    await scene.sound()


async def test_a_card_that_came_back_before_the_claim_is_agreed_to_leaves_the_stock_by_the_claim(
    scene: Claiming,
) -> None:
    sale = await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    claim = await scene.proposed()
    await taken_back(scene.world, sale, "found_used")
    assert await scene.moved() == {"inventory": PRICE}
    await scene.claims.agree(await scene.world.a_person("finance"), claim)
    assert (await scene.moved(), await scene.owes()) == ({}, (PRICE, 0))
    await scene.sound()


async def test_concurrent_return_and_claim_leave_no_stock(scene: Claiming) -> None:
    sale = await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    claim, returns = await scene.proposed(), SaleReturns(scene.world.database)
    await returns.ask(await scene.world.a_person("finance"), sale, "found_used")
    agreeing, returning = await scene.world.a_person("finance"), await scene.world.a_person("finance")
    await asyncio.gather(
        scene.claims.agree(agreeing, claim), returns.agree(returning, sale), returns.agree(returning, sale)
    )
    assert (await scene.moved(), await scene.owes()) == ({}, (PRICE, 0))
    await scene.sound()


async def test_a_claim_that_is_dropped_is_reversed_and_what_was_offset_is_owed_and_paid(scene: Claiming) -> None:
    claim = await scene.claimed()
    await scene.offset()
    assert await scene.owes() == (HALF, 0)
    person = await scene.dropped(claim)
    await scene.claims.drop(person, claim)  # Pressed twice.
    assert await scene.moved() == {"inventory": 2 * PRICE}  # The good card, and the other one.
    assert await scene.owes() == (0, HALF)
    (made,) = await scene.world.rows(LedgerTransactionRow, key=f"rollback-{claim}:claimed")
    (back,) = await scene.world.rows(LedgerTransactionRow, key=f"rollback-{claim}:claimed:reversed")
    assert (back.reverses, back.cause) == (made.id, f"rollback:{claim}")
    (news,) = await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="claim_dropped")
    assert "¥232.50" in message_text(news.topic, news.payload, "en", "https://shop.example")
    assert "¥232.50" in message_text(news.topic, news.payload, "zh_CN", "https://shop.example")
    assert (await scene.world.story(scene.card))[-1] == "rollback.dropped"
    given = await scene.payment(claim)
    assert (given.amount_minor, given.state, given.proposed_by) == (HALF, GoodwillState.PROPOSED, person)
    with pytest.raises(OwnWork):
        await Goodwill(SupportDesk(scene.world.database, scene.world.keyring, scene.world.photos)).agree(
            person, given.id
        )
    await scene.sound()
    gifts = await scene.case.balance("goodwill")
    key = await scene.agreed(claim)
    assert await scene.owes() == (0, 0)
    await scene.sound()
    assert (await scene.world.payout.send(key)).outcome is PayoutOutcome.PAID
    await scene.world.payout.conclude(key)
    assert [one["amount_minor"] for one in await scene.world.transfers(key)] == [HALF]
    assert await scene.case.balance("goodwill") == gifts  # It was theirs.
    await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    assert await scene.moved() == {"inventory": PRICE, "cost_of_sales": PRICE}
    await scene.sound()


async def test_a_claim_that_is_dropped_before_anything_was_offset_leaves_nothing(scene: Claiming) -> None:
    with_claims(objection_days=0, share_bp={"used": 8000, "frozen": 10000, "charged_back": 10000})
    claim = await scene.claimed()
    assert await scene.moved() == {"write_off": 93_00}
    await scene.objected(claim)
    two = [await scene.world.a_person("finance") for _ in range(2)]
    done = await asyncio.gather(*(scene.claims.drop(one, claim) for one in two), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["ClaimOver", "NoneType"]
    assert (await scene.moved(), await scene.owes()) == ({"inventory": PRICE}, (0, 0))
    assert await scene.world.rows(GoodwillRow, claim_id=claim) == []
    (news,) = await scene.world.rows(OutboxRow, destination=scene.case.owner, topic="claim_dropped")
    assert news.payload["state"] == "nothing"
    with pytest.raises(ClaimOver):
        await scene.claims.pay_back(two[0], claim)
    await scene.sound()


async def test_a_claim_on_a_sold_card_that_is_dropped_leaves_it_sold_or_in_stock_where_it_came_back(
    scene: Claiming,
) -> None:
    sale = await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    claim = await scene.claimed()
    await taken_back(scene.world, sale, "recorded_wrongly")
    await scene.dropped(claim)
    assert (await scene.moved(), await scene.owes()) == ({"inventory": PRICE}, (0, 0))
    await scene.sound()
    other = Claiming(scene.case, (await scene.case.paid()).split("-")[1], scene.claims, scene.began)
    await sold(scene.world, await scene.world.a_person("finance"), other.card)
    await other.dropped(await other.claimed())
    assert (await scene.moved(), await scene.owes()) == ({"inventory": PRICE, "cost_of_sales": PRICE}, (0, 0))
    await scene.sound()


async def test_an_offset_of_unknown_outcome_is_waited_for(scene: Claiming) -> None:
    claim = await scene.claimed()
    await scene.offset(concludes=False)
    await scene.objected(claim)
    finance = await scene.world.a_person("finance")
    with pytest.raises(ClaimMoves):
        await scene.claims.drop(finance, claim)
    assert (await scene.row(claim)).objection_answered_at is None
    assert await scene.owes() == (HALF, 0)
    await scene.sound()


async def test_an_objection_is_answered_before_anything_is_written_off(scene: Claiming) -> None:
    claim, finance = await scene.claimed(), await scene.world.a_person("finance")
    await scene.claims.ask_write_off(finance, claim, "Too old.")
    await scene.objected(claim)
    second = await scene.world.a_person("finance")
    with pytest.raises(ObjectionWaits):
        await scene.claims.write_off(second, claim)
    await scene.claims.keep(second, claim)
    with pytest.raises(ObjectionWaits):
        await scene.claims.ask_write_off(finance, claim, "Too old.")
    await scene.claims.uphold(second, claim)
    await scene.claims.ask_write_off(finance, claim, "Too old.")
    await scene.claims.write_off(second, claim)
    assert (await scene.moved(), await scene.owes()) == ({"write_off": PRICE}, (0, 0))
    await scene.sound()


async def came_back(scene: Claiming, key: str) -> None:
    """The money of a paid order comes back days later."""
    (order,) = await scene.world.rows(PayoutRow, key=key)
    async with scene.world.database.transaction() as session:
        amount = Money(order.amount_minor, order.currency)
        found = await returned.returned(session, key, amount, None, order.settled_at)
        assert found is returned.Found.BOOKED


@pytest.mark.parametrize("ended", ["dropped", "written_off"])
async def test_an_offset_that_came_back_after_the_claim_ended_is_taken_by_the_next_order(
    scene: Claiming, ended: str
) -> None:
    claim = await scene.claimed()
    key = await scene.offset()
    if ended == "dropped":
        await scene.dropped(claim)
        paid = await scene.agreed(claim)
        await scene.world.payout.send(paid)
        await scene.world.payout.conclude(paid)
    else:
        await scene.claims.ask_write_off(await scene.world.a_person("finance"), claim, "Gone.")
        await scene.claims.write_off(await scene.world.a_person("finance"), claim)
    assert await scene.owes() == (0, 0)
    await came_back(scene, key)
    assert await scene.owes() == (HALF, PRICE)
    await scene.sound()
    (order,) = await scene.world.rows(PayoutRow, key=key)
    assert await scene.case.prepare(order.card_id, order.quote_id, 2) is None
    again = await scene.case.order(payout_key(order.card_id, 2))
    assert again is not None
    assert (again.amount_minor, again.offset_minor) == (HALF, HALF)
    assert (await scene.owes(), (await scene.row(claim)).state) == ((0, 0), RollbackState(ended))
    await scene.sound()


async def test_what_is_owed_again_is_proposed_once_more_after_its_payment_was_refused(scene: Claiming) -> None:
    claim = await scene.claimed()
    await scene.offset()
    person = await scene.dropped(claim)
    goodwill = Goodwill(SupportDesk(scene.world.database, scene.world.keyring, scene.world.photos))
    await goodwill.decline(await scene.world.a_person("finance"), (await scene.payment(claim)).id)
    assert await scene.owes() == (0, HALF)
    await asyncio.gather(*(scene.claims.pay_back(person, claim) for _ in range(2)))
    assert len(await scene.world.rows(GoodwillRow, claim_id=claim)) == 2
    key = await scene.agreed(claim)
    await scene.world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    await scene.world.payout.send(key)
    await scene.world.payout.conclude(key)
    await scene.world.alipay.control(refuse="")
    assert (await scene.payment(claim)).state is GoodwillState.REFUSED
    assert await scene.owes() == (0, HALF)
    await scene.sound()
    await scene.claims.pay_back(person, claim)
    key = await scene.agreed(claim)
    await scene.world.payout.send(key)
    await scene.world.payout.conclude(key)
    assert await scene.owes() == (0, 0)
    await scene.sound()
