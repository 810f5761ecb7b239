"""What a seller gets in a day counts on every rail together, exactly for orders at once, and for a name that nobody verified."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio

from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.routing import PayoutWaitRow
from domain.finance.rails import Rail
from domain.identifiers import payout_key, quote
from services.finance.held_payments import PayoutWaits
from services.finance.preparing import NewOrder, PreparedOrder, prepared
from services.finance.routing import count
from tests.builders.own_world import own_world
from tests.builders.paying import Paying, paying, rails_on, with_all_rules, with_rules
from tests.builders.world import World

world = own_world("daily_limits")

PRICE = 465_00
AT_BANK = "6222020200112233446"


@pytest_asyncio.fixture(loop_scope="session")
async def case(world: World) -> AsyncIterator[Paying]:
    yield await paying(world)
    await rails_on(world)


async def reasons(case: Paying, card: str) -> list[str]:
    (row,) = await case.world.rows(PayoutWaitRow, key=payout_key(card, 1))
    assert isinstance(row, PayoutWaitRow)
    return row.reasons


async def test_what_a_seller_got_on_one_rail_counts_on_the_others(case: Paying) -> None:
    await case.paid()
    (card, quoted), (later, later_quoted) = await case.accepted(), await case.accepted()
    limits = {"transfer_max_minor": PRICE, "seller_day_max_minor": PRICE * 2}
    with_rules(rail=Rail.BANK, limits=limits, change_cools_from_minor=10**9)
    for one in (card, later):
        await case.named(one, AT_BANK, Rail.BANK)
    assert await case.prepare(card, quoted) is None  # Under way on the bank's rail: that counts, too.
    assert await case.prepare(later, later_quoted) is not None
    assert await reasons(case, later) == ["seller_day"]


async def test_of_two_orders_of_one_seller_at_once_on_two_rails_one_waits(case: Paying) -> None:
    (card, _), (other, other_quoted) = await case.accepted(), await case.accepted()
    await case.named(other, AT_BANK, Rail.BANK)
    with_all_rules({"transfer_max_minor": PRICE, "seller_day_max_minor": PRICE}, change_cools_from_minor=10**9)
    async with case.world.database.transaction() as session:
        row = await session.get_one(CardRow, card, with_for_update=True)
        submission = await session.get_one(SubmissionRow, row.submission_id)
        asked = NewOrder(submission, row, await session.get_one(QuoteRow, quote(card, 1)), payout_key(card, 1), 1)
        made = await prepared(session, case.world.keyring, asked, datetime.now(UTC))
        assert isinstance(made, PreparedOrder)
        await count(session, made.payment, datetime.now(UTC))
        second = asyncio.create_task(case.prepare(other, other_quoted))
        await asyncio.wait([second], timeout=2)
        assert not second.done()  # It waits to see whether the first one commits.
    assert await second is not None
    assert await reasons(case, other) == ["seller_day"]


async def test_small_payments_of_a_day_to_a_seller_without_a_verified_name_are_looked_at_together(case: Paying) -> None:
    with_rules(unverified_from_minor=PRICE * 2 + 1)
    cards = [await case.accepted() for _ in range(4)]
    tries = await asyncio.gather(*(case.prepare(card, quoted) for card, quoted in cards))
    assert [one for one in tries if one is None] == [None, None]
    held = next(card for (card, _), one in zip(cards, tries, strict=True) if one is not None)
    assert await reasons(case, held) == ["unverified"]
    looking, person = PayoutWaits(case.world.database, case.world.keyring), await case.world.a_person("finance")
    await looking.release(person, payout_key(held, 1), "Called the seller.")
    assert await case.prepare(held, dict(cards)[held]) is None  # It alone: a person looked at it.
    assert await case.prepare(*await case.accepted()) is not None
