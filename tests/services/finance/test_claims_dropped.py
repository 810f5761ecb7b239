"""After a claim was dropped: the card is claimed again, and its seller sees in their wallet what is owed until it is paid."""

from __future__ import annotations

import pytest
import pytest_asyncio

from database.reads.finance import attention, claims, wallet
from database.reads.finance.paybacks import OwedFor
from database.tables.columns import now
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.rollback import RollbackRow
from database.tables.support.goodwill import GoodwillRow
from domain.errors.finance import NotClaimable
from domain.errors.sales import CardClaimed
from domain.finance.payout import PayoutState
from domain.finance.rollback import RollbackState
from domain.money import Money
from domain.places import business_day
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill
from tests.builders.claiming import Claiming
from tests.builders.own_world import own_world
from tests.builders.selling import sold, taken_back
from tests.builders.world import World

world = own_world("claims_dropped")

PRICE = 465_00
HALF = 232_50


@pytest_asyncio.fixture(loop_scope="session")
async def scene(world: World) -> Claiming:
    return await Claiming.begun(world)


@pytest.mark.parametrize(
    "where", ["returned", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("in stock", "sold"))]
)
async def test_a_card_whose_claim_was_dropped_is_claimed_again_with_its_cost_taken_once(
    scene: Claiming, where: str
) -> None:
    sale = ""
    if where != "in stock":
        sale = await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    first = await scene.claimed()
    if where == "returned":
        await taken_back(scene.world, sale, "found_used")
    await scene.dropped(first)
    good = {"cost_of_sales": PRICE} if where == "sold" else {"inventory": PRICE}
    assert (await scene.moved(), await scene.owes()) == (good, (0, 0))
    second = await scene.claimed()
    assert (await scene.moved(), await scene.owes()) == ({}, (PRICE, 0))
    with pytest.raises(NotClaimable):
        await scene.proposed()  # One claim stands at a time.
    if where == "sold":
        await taken_back(scene.world, sale, "found_used")
        (out,) = await scene.world.rows(LedgerTransactionRow, what="rollback_out_of_stock", card_id=scene.card)
        assert out.cause == f"rollback:{second}"
    with pytest.raises(CardClaimed):
        await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    assert (await scene.moved(), await scene.owes()) == ({}, (PRICE, 0))
    await scene.sound()
    await scene.dropped(second)
    assert (await scene.moved(), await scene.owes()) == ({"inventory": PRICE}, (0, 0))
    await sold(scene.world, await scene.world.a_person("finance"), scene.card)
    assert await scene.moved() == {"cost_of_sales": PRICE}
    await scene.sound()


async def test_dropped_unreversed_claim_blocks_a_second_one(scene: Claiming) -> None:
    claim = await scene.claimed()
    async with scene.world.database.transaction() as session:
        row = await session.get_one(RollbackRow, claim)
        row.state, row.given_up_minor = RollbackState.DROPPED, PRICE  # As it was left before drops were reversed.
    with pytest.raises(NotClaimable) as refused:
        await scene.proposed()
    assert refused.value.data == {"why": "claimed"}
    async with scene.world.database.transaction() as session:
        row = await session.get_one(RollbackRow, claim)
        row.state, row.given_up_minor = RollbackState.CLAIMED, 0


async def test_the_wallet_follows_what_a_dropped_claim_owes_until_it_is_paid(scene: Claiming) -> None:
    claim, month = await scene.claimed(), f"{business_day(now()):%Y-%m}"
    await scene.offset()

    async def seen() -> tuple[wallet.Wallet, list[tuple[str, str | None, bool]]]:
        async with scene.world.database.transaction() as session:
            lines = (await wallet.statement(session, scene.case.owner, month)).lines
            steps = [(one.what, one.card_id, one.on_its_way) for one in lines if one.what.startswith("payback")]
            return await wallet.wallet(session, scene.case.owner, now()), steps

    before, _ = await seen()
    await scene.dropped(claim)
    mine, steps = await seen()
    assert (mine.owed, mine.on_the_way, steps) == (Money(HALF), Money(0), [])
    assert [(one.card_id, one.amount, one.payback) for one in mine.waiting] == [
        (scene.card, Money(HALF), OwedFor.CLAIM)
    ]
    key = await scene.agreed(claim)
    mine, steps = await seen()
    assert (mine.owed, mine.on_the_way, mine.waiting) == (Money(0), Money(HALF), ())
    assert steps == [("payback_prepared", scene.card, True)]
    paid = mine.payments[0]
    assert (paid.key, paid.card_id, paid.amount, paid.state, paid.payback) == (
        key, scene.card, Money(HALF), PayoutState.PREPARED, OwedFor.CLAIM,
    )  # fmt: skip
    await scene.world.payout.send(key)
    await scene.world.payout.conclude(key)
    mine, steps = await seen()
    assert (mine.on_the_way, mine.paid, steps) == (
        Money(0), before.paid + Money(HALF), [("payback_prepared", scene.card, False)],
    )  # fmt: skip
    assert mine.payments[0].state is PayoutState.PAID


@pytest.mark.parametrize("step", ["nothing", "proposed", "declined", "paid"])
async def test_every_page_shows_the_same_amount_to_repay(scene: Claiming, step: str) -> None:
    async def waiting() -> tuple[int, int]:
        async with scene.world.database.transaction() as session:
            views = await claims.claims_of(session, scene.case.owner)
            return (await attention.to_do(session)).paybacks, sum(one.to_pay_back.amount_minor for one in views)

    before, _ = await waiting()
    claim = await scene.claimed()
    if step == "nothing":
        await scene.dropped(claim)
        assert await waiting() == (before, 0)
        return
    await scene.offset()
    person, open_ones, left = await scene.dropped(claim), 0, 0
    if step == "declined":
        finance = await scene.world.a_person("finance")
        await Goodwill(SupportDesk(scene.world.database, scene.world.keyring, scene.world.photos)).decline(
            finance, (await scene.payment(claim)).id
        )
        open_ones, left = 1, HALF
    elif step == "paid":
        key = await scene.agreed(claim)
        await scene.world.payout.send(key)
        await scene.world.payout.conclude(key)
    assert await waiting() == (before + open_ones, left)
    await scene.claims.pay_back(person, claim)
    assert await waiting() == (before, 0)
    assert len(await scene.world.rows(GoodwillRow, claim_id=claim)) == 1 + open_ones
