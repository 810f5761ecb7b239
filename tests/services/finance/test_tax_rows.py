"""What a seller repays of a claim is taken off in the month in which they do, and goodwill counts as the policy says."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from database.reads.finance import tax as reads
from database.reads.finance.tax import TaxLine
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import ClaimReceiptRow
from database.tables.support.goodwill import GoodwillOrderRow
from domain.finance.order_kinds import OrderCode
from domain.finance.rails import Rail
from domain.finance.tax import IncomeKind
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.places import business_day
from domain.rules.tax import KIND
from services.finance.claim_receipts import ClaimReceipts, PaidBack
from services.finance.goodwill_orders import returned
from services.finance.proof_files import ProofFile
from services.finance.returned import Found
from tests.builders.claiming import Claiming
from tests.builders.orders import PAYABLES
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.tax_rules import a_row, in_force
from tests.builders.world import World

world = own_world("tax_rows")

PRICE, HALF = 465_00, 232_50
EVER = (date(2020, 1, 1), date(2030, 12, 31))


async def lines_of(world: World, owner: str) -> list[TaxLine]:
    async with world.database.transaction() as session:
        return [one async for one in reads.lines(session, *EVER, owner)]


def said(lines: list[TaxLine], *whats: str) -> list[tuple[str, int, int, int, int]]:
    """Kind, proceeds, cost, base and tax of the rows of these kinds."""
    return [
        (one.what, one.proceeds.amount_minor, one.cost.amount_minor, one.base.amount_minor, one.tax.amount_minor)
        for one in lines
        if one.what in whats
    ]


async def paid_back(scene: Claiming, claim: str, minor: int) -> str:
    paid = PaidBack(Money(minor), Rail.BANK, f"B-{new_id()}", business_day(now()), ProofFile("advice.pdf", PDF))
    receipts = ClaimReceipts(scene.world.database, scene.world.keyring)
    return await receipts.record(await scene.world.a_person("finance"), claim, new_id(), paid, scene.world.photos)


async def paid_in_august(scene: Claiming) -> None:
    """The card was paid for in August: its month may have been reported."""
    async with scene.world.database.transaction() as session:
        row = await session.get_one(PayoutRow, payout_key(scene.card, 1))
        row.settled_at = datetime(2026, 8, 3, tzinfo=UTC)


async def test_what_a_seller_pays_back_is_taken_off_in_its_month_and_the_payments_month_stays(world: World) -> None:
    in_force("tax-none", a_row("all", cost="nothing"))
    scene = await Claiming.begun(world)
    claim = await scene.claimed()
    await paid_in_august(scene)
    first, _ = await paid_back(scene, claim, 155_01), await paid_back(scene, claim, PRICE - 155_01)
    owner = scene.case.owner
    lines = await lines_of(world, owner)
    assert said(lines, "payment") == [("payment", PRICE, 0, PRICE, 93_00)]
    assert said(lines, "claim") == [("claim", -155_01, 0, -155_01, 0), ("claim", 155_01 - PRICE, 0, 155_01 - PRICE, 0)]
    assert sorted({(one.day, one.payments) for one in lines}) == [(date(2026, 8, 3), 1), (business_day(now()), 0)]
    async with world.database.transaction() as session:
        (august,) = [
            one async for one in reads.incomes(session, date(2026, 8, 1), date(2026, 8, 31)) if one.owner == owner
        ]
        (since,) = [one async for one in reads.incomes(session, date(2026, 9, 1), EVER[1]) if one.owner == owner]
    assert (august.proceeds, august.payments) == (Money(PRICE), 1)
    assert (since.proceeds, since.base, since.tax, since.payments) == (Money(-PRICE), Money(-PRICE), Money(0), 0)
    receipts, reversed_on = ClaimReceipts(world.database, world.keyring), now() + timedelta(days=40)
    await receipts.ask_reversal(await world.a_person("finance"), first, "Another seller's.")
    await receipts.reverse(await world.a_person("finance"), first)
    async with world.database.transaction() as session:
        (await session.get_one(ClaimReceiptRow, first)).reversed_at = reversed_on
    again = [one for one in await lines_of(world, owner) if one.what == "claim_undone"]
    assert [(one.day, one.proceeds, one.base) for one in again] == [
        (business_day(reversed_on), Money(155_01), Money(155_01))
    ]
    assert len(said(await lines_of(world, owner), "claim")) == 2  # The reported row stays.


async def test_of_what_is_given_back_in_parts_cost_and_base_sum_to_the_whole(world: World) -> None:
    in_force("tax-share", a_row("all", cost="share", cost_share_bp=3_333))
    scene = await Claiming.begun(world)
    claim = await scene.claimed()
    for minor in (100_01, 100_02, 100_03, PRICE - 300_06):
        await paid_back(scene, claim, minor)
    lines = await lines_of(world, scene.case.owner)
    (bought,), parts = said(lines, "payment"), said(lines, "claim")
    assert (sum(one[1] for one in parts), sum(one[2] for one in parts)) == (-bought[1], -bought[2])
    assert sum(one[3] for one in parts) == -bought[3]


async def test_what_is_offset_counts_where_its_payment_arrived_and_comes_back_with_a_dropped_claim(
    world: World,
) -> None:
    in_force("tax-none", a_row("all", cost="nothing", rate_bp=0))
    scene = await Claiming.begun(world)
    claim = await scene.claimed()
    await scene.offset(concludes=False)
    assert said(await lines_of(world, scene.case.owner), "claim") == []  # Nobody knows whether it arrives.
    await scene.world.payout.send(key := payout_key((await world.rows(PayoutRow, offset_minor=HALF))[-1].card_id, 1))
    await scene.world.payout.conclude(key)
    assert said(await lines_of(world, scene.case.owner), "claim") == [("claim", -HALF, 0, -HALF, 0)]
    await scene.dropped(claim)
    back = await scene.agreed(claim)
    await world.payout.send(back)
    await world.payout.conclude(back)
    lines = await lines_of(world, scene.case.owner)
    assert said(lines, "claim", "payback", "goodwill") == [("claim", -HALF, 0, -HALF, 0), ("payback", HALF, 0, HALF, 0)]
    assert sum(one.proceeds.amount_minor for one in lines) == 2 * PRICE


@pytest.mark.parametrize("taxable", [True, False])
async def test_goodwill_is_in_the_reports_as_the_rules_of_its_day_say(world: World, taxable: bool) -> None:
    order = await PAYABLES[OrderCode.GOODWILL](world)
    in_force(version := f"tax-{new_id()[-6:].lower()}", a_row("all"), goodwill_taxable=taxable)
    await order.prepare()
    await world.payout.send(order.key)
    await world.payout.conclude(order.key)
    in_force("tax-later", a_row("all"), goodwill_taxable=not taxable)  # What was judged stays judged.
    async with world.database.transaction() as session:
        mine = [one async for one in reads.lines(session, *EVER) if one.key.startswith(order.key)]
        used = await reads.versions(session, *EVER)
    (row,) = await world.rows(GoodwillOrderRow, key=order.key)
    assert (row.taxable, row.tax_version) == (taxable, version)
    assert [(one.income, one.proceeds, one.base, one.tax, one.version) for one in mine] == (
        [(IncomeKind.INCIDENTAL, Money(20_00), Money(20_00), Money(0), version)] if taxable else []
    )
    assert (version in used) is taxable  # Finance signs it off before the report is made.
    back_at = datetime.now(UTC) + timedelta(days=40)
    async with world.database.transaction() as session:
        assert await returned(session, order.key, Money(20_00), None, back_at) is Found.BOOKED
    async with world.database.transaction() as session:
        mine = [one async for one in reads.lines(session, *EVER) if one.key.startswith(order.key)]
    assert [(one.what, one.day, one.proceeds.amount_minor) for one in mine] == (
        [("goodwill", business_day(now()), 20_00), ("returned", business_day(back_at), -20_00)] if taxable else []
    )


def test_the_built_in_rules_and_documents_of_older_releases_tax_no_goodwill() -> None:
    assert KIND.built_in()[0].document["goodwill_taxable"] is False
    older = {name: value for name, value in KIND.built_in()[0].document.items() if name != "goodwill_taxable"}
    assert KIND.require_valid(older, {})["goodwill_taxable"] is False
