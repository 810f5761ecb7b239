"""After a certain refusal the seller's earlier payee on the cheapest other rail is paid, within limits; an unknown outcome changes nothing."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio
from sqlalchemy import delete, update
from temporalio.exceptions import ApplicationError

from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.finance.routing import (
    PayoutUsageRow,
)
from domain.cards.card import WaitingFor
from domain.finance.payout import PayoutOutcome
from domain.finance.rails import Rail
from domain.identifiers import payout_key
from domain.places import business_day
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules import payout_routing
from services.policies.dry_run import dry_run
from tests.builders.own_world import own_world
from tests.builders.paying import Paying, paying, rails_on, with_policy
from tests.builders.world import World

# Limits count every order of a day; rows are changed past the books, so that none of them is compared with its postings.
apart = own_world("failover", fixture="apart")

PRICE = 465_00


@pytest_asyncio.fixture(loop_scope="session")
async def case(apart: World) -> AsyncIterator[Paying]:
    yield await paying(apart)
    await rails_on(apart)


async def test_after_a_sure_refusal_the_sellers_earlier_payee_on_another_rail_is_named(case: Paying) -> None:
    earlier = await case.paid("13900005555")
    async with case.world.database.transaction() as session:
        await session.execute(update(PayoutRow).where(PayoutRow.key == earlier).values(rail=Rail.BANK))
    card, quote = await case.accepted()
    await case.named(card, "13900006666")
    assert await case.prepare(card, quote) is None
    await case.world.alipay.control(timeout_after_success_rate=1.0, hang_ms=1_000, refuse="PAYEE_USER_INFO_ERROR")
    with pytest.raises(ApplicationError):
        await case.world.payout.send(payout_key(card, 1))
    assert await case.world.rows(PayeeCorrectionRow, proposed_by="routing") == []  # Unknown is no refusal.
    await case.world.alipay.control(timeout_after_success_rate=0.0)
    assert (await case.world.payout.reconcile(payout_key(card, 1))).outcome is PayoutOutcome.REFUSED
    await asyncio.gather(*(case.world.payout.conclude(payout_key(card, 1)) for _ in range(2)))
    await case.world.alipay.control(refuse="")
    (named,) = await case.world.rows(PayeeCorrectionRow, proposed_by="routing")
    assert (named.masked, named.rail) == ("139****5555", Rail.BANK)
    assert (await case.world.card(card)).waiting_for is WaitingFor.SELLER_PAYEE
    assert await case.prepare(card, quote, 2) is None
    order = await case.order(payout_key(card, 2))
    assert order is not None
    assert (order.rail, order.payee_masked) == (Rail.BANK, "139****5555")
    assert {"chosen_by": "cost", "cost_bank_minor": "100"}.items() <= order.routed.items()


@pytest.mark.parametrize(
    ("bank_costs_minor", "limits", "taken"),
    [
        (100, {}, Rail.WECHAT),
        (10, {}, Rail.BANK),
        (100, {"day_max_minor": PRICE, "transfer_max_minor": PRICE}, Rail.BANK),
    ],
)
async def test_of_the_sellers_earlier_payees_the_one_on_the_cheapest_rail_within_its_limits_is_named(
    case: Paying, bank_costs_minor: int, limits: dict[str, int], taken: Rail
) -> None:
    for account, rail in (("13900005555", Rail.WECHAT), ("13900007777", Rail.BANK)):
        earlier = await case.paid(account)  # The bank, named last, costs more than the 0.1 % of WeChat Pay.
        async with case.world.database.transaction() as session:
            await session.execute(update(PayoutRow).where(PayoutRow.key == earlier).values(rail=rail))
    card, quote = await case.accepted()
    await case.named(card, "13900006666")
    assert await case.prepare(card, quote) is None
    rails = copy.deepcopy(list(payout_routing.KIND.built_in()[0].document["rails"]))
    for one in rails:
        one |= {"bank": {"cost_min_minor": bank_costs_minor}, "wechat": limits}.get(one["rail"], {})
        one["seller_day_max_minor"] = min(one["seller_day_max_minor"], one["day_max_minor"])
    with_policy(payout_routing.KIND, rails=rails)
    async with case.world.database.transaction() as session:
        session.add(PayoutUsageRow(rail=Rail.WECHAT, day=business_day(datetime.now(UTC)), ordered_minor=1, orders=1))
    await case.world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    await case.world.payout.send(payout_key(card, 1))
    await case.world.payout.conclude(payout_key(card, 1))
    await case.world.alipay.control(refuse="")
    (named,) = await case.world.rows(
        PayeeCorrectionRow, proposed_by="routing", submission_id=(await case.world.card(card)).submission_id
    )
    assert named.rail is taken
    assert named.weighed["costs_minor"] == {"wechat": 47, "bank": bank_costs_minor}
    assert named.weighed["beyond"] == ({"wechat": ["seller_day", "rail_day"]} if limits else {})
    before, after = payout_routing.KIND.built_in()[0], copy.deepcopy(dict(payout_routing.KIND.built_in()[0].document))
    for one in after["rails"]:  # The draft makes whatever was taken the dearest.
        one["cost_min_minor"] = 500 if one["rail"] == taken.value else 0
    draft = PolicyDocument(before.kind, 1, "draft", before.effective_from, after)
    async with case.world.database.transaction() as session:
        found = await dry_run(
            session,
            case.world.keyring,
            BOOK.in_force(payout_routing.KIND, business_day(datetime.now(UTC))),
            draft,
            datetime.now(UTC),
        )
        figures = {one.name: one for one in found}
        assert figures["refused_elsewhere"].after == (
            0 if limits else 1
        )  # A rail beyond its limits is not taken for its cost.
        assert figures["transfers_cost"].after > figures["transfers_cost"].before
        await session.execute(delete(PayeeCorrectionRow))
        await session.execute(delete(PayoutUsageRow).where(PayoutUsageRow.rail == Rail.WECHAT))
