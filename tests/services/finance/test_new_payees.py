"""First payments to a payee are looked at together until the payee is known: no sum leaves in small parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest_asyncio
from sqlalchemy import update

from database.tables.finance.payout import PayoutRow
from database.tables.finance.routing import PayoutWaitRow
from domain.cards.card import WaitingFor
from domain.identifiers import payout_key
from services.finance.held_payments import PayoutWaits
from tests.builders.own_world import own_world
from tests.builders.paying import Paying, paying, with_rules
from tests.builders.world import World

world = own_world("new_payees")

PRICE = 465_00


@pytest_asyncio.fixture(loop_scope="session")
async def case(world: World) -> AsyncIterator[Paying]:
    yield await paying(world)


async def waits(case: Paying, key: str) -> PayoutWaitRow:
    (row,) = await case.world.rows(PayoutWaitRow, key=key)
    assert isinstance(row, PayoutWaitRow)
    return row


async def test_small_payments_to_a_new_payee_are_held_together_until_it_is_known(case: Paying) -> None:
    with_rules(new_payee_from_minor=PRICE * 2, change_cools_hours=24)
    first = await case.paid()  # Small, and paid: that alone makes no payee known.
    card, quote = await case.accepted()
    await case.named(card, "13900001111")
    held = await case.prepare(card, quote)
    assert held is not None
    assert (held.waiting_for, held.until) == (WaitingFor.FINANCE, None)
    assert (await waits(case, payout_key(card, 1))).reasons == ["new_payee"]
    other, other_quote = await case.accepted()
    await case.named(other, "13900005555")
    assert await case.prepare(other, other_quote) is None  # Each payee has a sum of its own.
    async with case.world.database.transaction() as session:
        since = datetime.now(UTC) - timedelta(hours=25)
        await session.execute(update(PayoutRow).where(PayoutRow.key == first).values(settled_at=since))
    ready = await PayoutWaits(case.world.database, case.world.keyring).ready(100)
    assert payout_key(card, 1) in {one.key for one in ready}
    assert await case.prepare(card, quote) is None


async def test_a_payee_is_known_once_a_payment_was_paid_that_a_person_had_let_go(case: Paying) -> None:
    with_rules(new_payee_from_minor=PRICE * 2, change_cools_hours=24)
    await case.paid()
    (card, quote), later = await case.accepted(), await case.accepted()
    for one in (card, later[0]):
        await case.named(one, "13900001111")
    assert await case.prepare(card, quote) is not None
    looking, key = PayoutWaits(case.world.database, case.world.keyring), payout_key(card, 1)
    await looking.release(await case.world.a_person("finance"), key, "Called the seller.")
    assert await case.prepare(card, quote) is None
    assert await case.prepare(*later) is not None  # Not paid yet.
    await case.world.payout.send(key)
    await case.world.payout.conclude(key)
    assert await case.prepare(*later) is None


async def test_concurrent_small_payments_to_a_new_payee_respect_the_limit(case: Paying) -> None:
    with_rules(new_payee_from_minor=PRICE * 2 + 1, change_cools_hours=24)
    cards = [await case.accepted() for _ in range(4)]
    for card, _ in cards:
        await case.named(card, "13900006666")
    tries = await asyncio.gather(*(case.prepare(card, quote) for card, quote in cards))
    assert [one for one in tries if one is None] == [None, None]
