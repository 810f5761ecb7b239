"""A payment leaves only where policy, switches and checks let it: caps are exact for orders at once, and nothing waits unseen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import update
from temporalio.exceptions import ApplicationError

from database.sealed import VERIFIED_NAME
from database.tables.cards import SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.routing import (
    PayeeChangeRow,
    PayoutUsageRow,
    PayoutWaitRow,
    RailSwitchRow,
    VerifiedNameRow,
)
from database.tables.platform import OutboxRow
from domain.cards.card import WaitingFor
from domain.cards.facts import PaymentHeld
from domain.errors.finance import NothingToRelease, RailOffAlready, RailSwitched
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.places import business_day
from services.finance.held_payments import PayoutWaits
from services.finance.rail_switches import RailSwitches
from tests.builders.own_world import own_world
from tests.builders.paying import Paying, paying, rails_on, with_rules
from tests.builders.world import World

world = own_world("routing")  # Limits count every order of a day.

PRICE = 465_00


@pytest_asyncio.fixture(loop_scope="session")
async def case(world: World) -> AsyncIterator[Paying]:
    yield await paying(world)
    await rails_on(world)


async def used(case: Paying) -> int:
    rows = await case.world.rows(PayoutUsageRow, rail=Rail.ALIPAY, day=business_day(datetime.now(UTC)))
    return sum(row.ordered_minor - row.refused_minor for row in rows)


async def waits(case: Paying, key: str) -> PayoutWaitRow:
    (row,) = await case.world.rows(PayoutWaitRow, key=key)
    assert isinstance(row, PayoutWaitRow)
    return row


async def test_an_order_keeps_by_what_its_rail_was_chosen(case: Paying) -> None:
    card, quote = await case.accepted()
    before = await used(case)
    assert await case.prepare(card, quote) is None
    order = await case.order(payout_key(card, 1))
    assert order is not None
    assert (order.routing_version, order.rail) == ("payout-routing-2026-11", Rail.ALIPAY)
    assert order.routed["day_minor"] == str(before + PRICE)
    assert await used(case) == before + PRICE


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"enabled": False}, "not_used"),
        ({"transfer_max_minor": PRICE - 1}, "transfer_max"),
        ({"transfer_max_minor": PRICE, "seller_day_max_minor": PRICE}, "seller_day"),
    ],
)
async def test_a_payment_beyond_a_limit_makes_no_order_and_waits_visibly(
    case: Paying, limits: dict[str, int | bool], reason: str
) -> None:
    if reason == "seller_day":
        await case.paid()
    card, quote = await case.accepted()
    with_rules(limits=limits)
    held = await case.prepare(card, quote)
    assert isinstance(held, PaymentHeld)
    assert (held.waiting_for, held.until is not None) == (WaitingFor.RAIL, reason == "seller_day")
    row = await case.world.card(card)
    assert (row.waiting_for, row.outcome) == (WaitingFor.RAIL, None)
    assert (await case.world.story(card))[-1] == "payout.waits"
    kept = await waits(case, payout_key(card, 1))
    assert (kept.reasons, kept.ended_at, await case.order(kept.key)) == ([reason], None, None)
    assert await case.prepare(card, quote) == held  # Prepared again, it waits as before and says so once.
    assert (await case.world.story(card)).count("payout.waits") == 1


async def test_of_two_orders_at_once_at_the_edge_of_a_cap_one_waits(case: Paying) -> None:
    cards = [await case.accepted() for _ in range(4)]
    free = await used(case)
    with_rules(
        limits={"transfer_max_minor": PRICE, "seller_day_max_minor": PRICE * 2, "day_max_minor": free + PRICE * 2}
    )
    tries = await asyncio.gather(*(case.prepare(card, quote) for card, quote in cards))
    assert [one for one in tries if one is None] == [None, None]
    held = [one for one in tries if one is not None]
    assert {one.waiting_for for one in held} == {WaitingFor.RAIL}
    assert await used(case) == free + PRICE * 2
    begins = datetime.fromisoformat(held[0].until or "")
    assert business_day(begins) == business_day(datetime.now(UTC)) + timedelta(days=1)


async def test_a_refused_order_releases_its_part_of_the_cap_and_the_next_continues_automatically(case: Paying) -> None:
    first, second = await case.accepted(), await case.accepted()
    assert await case.prepare(*first) is None
    with_rules(limits={"transfer_max_minor": PRICE, "seller_day_max_minor": PRICE, "day_max_minor": 10**9})
    assert await case.prepare(*second) is not None
    looking = PayoutWaits(case.world.database, case.world.keyring)
    key = payout_key(second[0], 1)
    assert key not in {one.key for one in await looking.ready(100)}
    await case.world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    await case.world.payout.send(payout_key(first[0], 1))
    await case.world.payout.conclude(payout_key(first[0], 1))
    await case.world.alipay.control(refuse="")
    assert (key, second[0]) in {(one.key, one.journey.subject) for one in await looking.ready(100)}
    await looking.signalled(key)
    assert key not in {one.key for one in await looking.ready(100)}  # Signalled a moment ago.
    assert await case.prepare(*second) is None
    assert (await waits(case, key)).ended_at is not None
    await case.books_are_right()


async def test_disabled_rail_sends_nothing_and_still_queries_open_payments(case: Paying) -> None:
    world, switches = case.world, RailSwitches(case.world.database)
    sent, prepared, new = await case.accepted(), await case.accepted(), await case.accepted()
    for one in (sent, prepared):
        assert await case.prepare(*one) is None
    await world.alipay.control(timeout_after_success_rate=1.0, hang_ms=1_000)
    with pytest.raises(ApplicationError):
        await world.payout.send(payout_key(sent[0], 1))
    await world.alipay.control(timeout_after_success_rate=0.0)
    finance, ops = await world.a_person("finance"), await world.a_person("ops")
    await asyncio.gather(*(switches.off(finance, Rail.ALIPAY, "Payments arrive twice.") for _ in range(3)))
    for person, reason in ((ops, "Payments arrive twice."), (finance, "Another reason.")):
        with pytest.raises(RailOffAlready):  # Not dropped without a word.
            await switches.off(person, Rail.ALIPAY, reason)
    assert len(await world.rows(RailSwitchRow, rail=Rail.ALIPAY, on_at=None)) == 1
    held = await case.prepare(*new)
    assert held is not None
    assert (held.waiting_for, held.until) == (WaitingFor.RAIL, None)
    with pytest.raises(ApplicationError) as off:
        await world.payout.send(payout_key(prepared[0], 1))
    assert (off.value.type, off.value.non_retryable) == ("rail_off", False)
    assert await world.transfers(payout_key(prepared[0], 1)) == []
    (order,) = await world.rows(PayoutRow, key=payout_key(prepared[0], 1))
    assert order.state is PayoutState.PREPARED  # Nothing says that it was sent.
    assert (await world.payout.reconcile(payout_key(sent[0], 1))).outcome is PayoutOutcome.PAID
    await world.payout.conclude(payout_key(sent[0], 1))
    await switches.ask_on(finance, Rail.ALIPAY, "The provider has mended it.")
    with pytest.raises(OwnWork):
        await switches.agree_on(finance, Rail.ALIPAY)
    with pytest.raises(RailSwitched):
        await switches.ask_on(ops, Rail.ALIPAY, "Me too.")
    await asyncio.gather(*(switches.agree_on(ops, Rail.ALIPAY) for _ in range(2)))
    await switches.agree_on(ops, Rail.ALIPAY)  # Pressed twice: nothing changes.
    (on,) = await world.rows(RailSwitchRow, rail=Rail.ALIPAY)
    assert on.on_by == ops
    for other in (finance, await world.a_person("finance")):
        with pytest.raises(RailSwitched):
            await switches.agree_on(other, Rail.ALIPAY)
    assert (await world.payout.send(payout_key(prepared[0], 1))).outcome is PayoutOutcome.PAID
    ready = await PayoutWaits(world.database, world.keyring).ready(100)
    assert payout_key(new[0], 1) in {one.key for one in ready}
    assert await case.prepare(*new) is None
    await case.books_are_right()


async def test_an_order_that_never_arrived_is_not_sent_again_while_its_rail_is_off(case: Paying) -> None:
    world, switches = case.world, RailSwitches(case.world.database)
    card, quote = await case.accepted()
    key = payout_key(card, 1)
    assert await case.prepare(card, quote) is None
    await world.alipay.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await world.payout.send(key)
    await world.alipay.control(error_rate=0.0)
    await switches.off(await world.a_person("ops"), Rail.ALIPAY, "Looked into.")
    with pytest.raises(ApplicationError) as off:
        await world.payout.send(key)
    assert off.value.type == "rail_off"
    assert await world.transfers(key) == []


async def test_only_who_may_switches_a_rail_and_with_a_reason(case: Paying) -> None:
    switches = RailSwitches(case.world.database)
    with pytest.raises(NotAllowed):
        await switches.off(await case.world.a_person("support"), Rail.BANK, "Because.")
    for reason in ("", " ", "x" * 501):
        with pytest.raises(FieldInvalid):
            await switches.off(await case.world.a_person("finance"), Rail.BANK, reason)
    with pytest.raises(RailSwitched):
        await switches.ask_on(await case.world.a_person("finance"), Rail.BANK, "It is on.")


async def test_the_first_large_payment_to_a_payee_is_let_go_by_a_person_who_did_not_decide_the_card(
    case: Paying,
) -> None:
    card, quote = await case.accepted()
    with_rules(new_payee_from_minor=PRICE)
    held = await case.prepare(card, quote)
    assert held is not None
    assert (held.waiting_for, held.until) == (WaitingFor.FINANCE, None)
    looking, key = PayoutWaits(case.world.database, case.world.keyring), payout_key(card, 1)
    assert key not in {one.key for one in await looking.ready(100)}
    finance = await case.world.a_person("finance")
    with pytest.raises(NotAllowed):
        await looking.release(await case.world.a_person("senior"), key, "Known to us.")
    with pytest.raises(FieldInvalid):
        await looking.release(finance, key, " ")
    await looking.release(finance, key, "Called the seller.")
    await looking.release(finance, key, "Pressed twice.")
    with pytest.raises(NothingToRelease):
        await looking.release(await case.world.a_person("finance"), key, "I as well.")
    assert key in {one.key for one in await looking.ready(100)}
    assert await case.prepare(card, quote) is None
    order = await case.order(key)
    assert order is not None
    assert order.routed["released"] == "yes"
    again, quote = await case.accepted()
    await case.world.payout.send(key)
    await case.world.payout.conclude(key)
    (first,) = await case.world.rows(SubmissionRow, id=(await case.world.card(card)).submission_id)
    async with case.world.database.transaction() as session:
        same = {"payee_index": first.payee_index, "payee_masked": first.payee_masked}
        mine = SubmissionRow.id == (await case.world.card(again)).submission_id
        await session.execute(update(SubmissionRow).where(mine).values(**same))
    assert await case.prepare(again, quote) is None  # The payee is known by now.


async def test_payee_change_delays_payment_and_notifies_the_old_contact_once(case: Paying) -> None:
    await case.paid("13900001111")
    with_rules(change_cools_from_minor=0, change_cools_hours=24)
    card, quote = await case.accepted()
    await case.named(card, "13900002222")
    before = datetime.now(UTC)
    held = await case.prepare(card, quote)
    assert held is not None
    assert held.waiting_for is WaitingFor.FINANCE
    assert timedelta(hours=23) < datetime.fromisoformat(held.until or "") - before < timedelta(hours=25)
    assert await case.prepare(card, quote) == held
    news = await case.world.rows(OutboxRow, destination=case.owner, topic="payee_changed")
    assert [(one.payload["before"], one.payload["payee"]) for one in news] == [("139****1111", "139****2222")]
    with_rules(change_cools_from_minor=PRICE + 1)
    assert await case.prepare(card, quote) is None  # A small sum is not held; the seller has heard all the same.


async def test_small_payments_to_a_changed_payee_cool_down_together(case: Paying) -> None:
    await case.paid("13900001111")
    with_rules(change_cools_from_minor=PRICE * 2, change_cools_hours=24)
    await case.paid("13900002222")  # Small, and paid: the payee is known from then on.
    card, quote = await case.accepted()
    await case.named(card, "13900002222")
    held = await case.prepare(card, quote)
    assert held is not None
    assert (held.waiting_for, held.until is not None) == (WaitingFor.FINANCE, True)
    assert (await waits(case, payout_key(card, 1))).reasons == ["cooling"]
    async with case.world.database.transaction() as session:
        over = datetime.now(UTC) - timedelta(hours=25)
        await session.execute(update(PayeeChangeRow).where(PayeeChangeRow.owner == case.owner).values(noticed_at=over))
    assert await case.prepare(card, quote) is None


async def test_concurrent_small_payments_to_a_changed_payee_respect_the_limit(case: Paying) -> None:
    await case.paid("13900001111")
    with_rules(change_cools_from_minor=PRICE * 2 + 1, change_cools_hours=24)
    cards = [await case.accepted() for _ in range(4)]
    for card, _ in cards:
        await case.named(card, "13900002222")
    tries = await asyncio.gather(*(case.prepare(card, quote) for card, quote in cards))
    assert [one for one in tries if one is None] == [None, None]
    await case.paid("13900001111")  # The payee from before does not wait.


async def test_a_partners_customers_each_have_their_own_payee(case: Paying) -> None:
    partner = Paying(case.world, f"partner:{new_id()}")
    with_rules(change_cools_from_minor=0, unverified_from_minor=0)
    await partner.paid("13900003333")
    await partner.paid("13900004444")
    assert await case.world.rows(OutboxRow, destination=partner.owner, topic="payee_changed") == []


@pytest.mark.parametrize(("name", "waits_for"), [("王 芳", None), ("李明", WaitingFor.FINANCE)])
async def test_a_payee_is_the_verified_seller(case: Paying, name: str, waits_for: WaitingFor | None) -> None:
    row_id = new_id()
    sealed = VERIFIED_NAME.seal(case.world.keyring, row_id, name)
    async with case.world.database.transaction() as session:
        session.add(VerifiedNameRow(id=row_id, owner=case.owner, name_sealed=sealed, how="id card", verified_by="X"))
    card, quote = await case.accepted()
    held = await case.prepare(card, quote)
    assert (held.waiting_for if held is not None else None) is waits_for
    if held is not None:
        assert (await waits(case, payout_key(card, 1))).reasons == ["name_differs"]
        with_rules(other_name_waits=False)
        assert await case.prepare(card, quote) is None


async def test_large_payments_require_a_verified_seller(case: Paying) -> None:
    card, quote = await case.accepted()
    with_rules(unverified_from_minor=PRICE)
    assert await case.prepare(card, quote) is not None
    assert (await waits(case, payout_key(card, 1))).reasons == ["unverified"]
