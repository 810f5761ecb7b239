"""The loops beside the worker: one piece of work that cannot be done delays no other, and none is forgotten."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from database.repositories import outbox, set_aside
from database.session import DatabaseUnavailable
from database.tables.columns import now
from database.tables.platform import OutboxRow
from domain.errors.base import Refusal
from domain.errors.cards import BrandUnknown, NotExpectedNow
from domain.errors.general import TemporarilyUnavailable
from domain.sealing import KeyRing, SealBroken
from gateways.http import new_client
from gateways.messages import MessageGateway
from gateways.webhooks import WebhookGateway
from jobs import due_decisions
from jobs.due_decisions import DecisionSender
from jobs.registry import Job, Registry
from services.notices import outbox_delivery
from services.notices.outbox_delivery import Delivery
from tests.builders.looping import Desk, a_decided_card, a_promise, answering, deliver, receiver, started, teller
from tests.builders.world import World
from tests.slowness import patience
from workflows.starter import start_cards

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    "fault",
    [BrandUnknown(brand="gone"), SealBroken("not in the ring"), OverflowError("not in the ring"), KeyError("x")],
)
async def test_a_card_that_cannot_be_started_holds_up_no_other(
    world: World, fault: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    cards = [await world.a_card() for _ in range(3)]
    desk = Desk(**{cards[0]: fault})
    assert await start_cards(world.intake, desk, cards) == 2
    assert await started(world, cards) == [False, True, True]
    logged = capsys.readouterr().out
    assert cards[0] in logged
    assert type(fault).__name__ in logged
    assert "not in the ring" not in logged
    assert cards[0] not in await world.intake.not_started(10_000), "set aside for a while"
    async with world.database.transaction() as session:
        kept = {row.subject: row.reason for row in await set_aside.listed(session, 10_000)}
    assert type(fault).__name__ in kept[cards[0]]
    assert "not in the ring" not in kept[cards[0]]


async def test_while_temporal_is_away_no_card_is_asked_for_after_the_first(world: World) -> None:
    cards = [await world.a_card() for _ in range(2)]
    desk = Desk(**{cards[0]: TemporarilyUnavailable()})
    assert await start_cards(world.intake, desk, cards) == 0
    assert desk.asked == cards[:1]


@pytest.mark.parametrize(
    "fault", [BrandUnknown(), SealBroken("x"), DatabaseUnavailable("away"), OverflowError("x"), ValueError("x")]
)
async def test_a_loop_outlives_what_one_look_fails_with(fault: Exception) -> None:
    looks: list[int] = []
    enough = asyncio.Event()

    async def once() -> int:
        looks.append(1)
        if len(looks) == 1:
            raise fault
        enough.set()
        return 0

    loop = asyncio.create_task(Job("test", 0.001, once, 100).run())
    await asyncio.wait_for(enough.wait(), patience(5))
    assert not loop.done()
    loop.cancel()


async def test_a_batch_is_delivered_all_at_once(world: World) -> None:
    async with receiver(together=outbox.PER_LANE_ELSE) as url:
        ids = await a_promise(world, url, outbox.PER_LANE_ELSE)
        assert await deliver(world) == outbox.PER_LANE_ELSE
    for row_id in ids:
        (row,) = await world.rows(OutboxRow, id=row_id)
        assert row.delivered_at is not None


async def test_silent_receiver_delays_no_other(world: World) -> None:
    async with receiver(together=100) as dead, answering("HTTP/1.1 200 OK") as well, new_client("") as client:
        stuck = await a_promise(world, dead, outbox.PER_LANE_ELSE + 4)
        good = await a_promise(world, well, 2 * outbox.PER_LANE_ELSE)
        async with world.database.transaction() as session:
            both = update(OutboxRow).where(OutboxRow.id.in_(stuck))
            await session.execute(both.values(due_at=now() - timedelta(minutes=5)))  # Far in front of the others.
        webhooks = WebhookGateway(client, allow_private=True)
        courier = Delivery(world.database, world.keyring, webhooks, MessageGateway(world.messages.channel))
        began = time.monotonic()
        while not all([(await world.rows(OutboxRow, id=row_id))[0].delivered_at for row_id in good]):
            await courier.deliver_due(patience_s=0.2)
            assert time.monotonic() - began < patience(4)
        assert max(courier._bulkhead.busy.values()) == outbox.PER_LANE_ELSE
        tried = [(await world.rows(OutboxRow, id=row_id))[0].attempts for row_id in stuck]
        assert sum(tried) == outbox.PER_LANE_ELSE
        await courier._bulkhead.settle(None)


async def test_a_receiver_that_never_answers_is_left_within_the_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=outbox_delivery.ATTEMPT_S) < outbox.LEASE
    monkeypatch.setattr(outbox_delivery, "ATTEMPT_S", 0.3)
    async with receiver(together=2) as url:
        (row_id,) = await a_promise(world, url)
        assert await deliver(world) == 1
    (row,) = await world.rows(OutboxRow, id=row_id)
    assert (row.last_failure, row.delivered_at, row.given_up_at) == ("timeout", None, None)


async def test_a_secret_that_does_not_open_fails_its_own_delivery_alone(world: World) -> None:
    other = KeyRing.generate().seal_text("secret", purpose="partner", aad="partner:x:webhook")
    (row_id,) = await a_promise(world, "http://127.0.0.1:9/", sealed=other)
    assert await deliver(world) == 1
    (row,) = await world.rows(OutboxRow, id=row_id)
    assert (row.last_failure, row.given_up_at) == ("seal broken", None)


async def test_an_unapplied_decision_is_delivered_until_it_is_applied(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    card_id, task_id, decision_id = await a_decided_card(world)
    desk = Desk(**{card_id: TemporarilyUnavailable()})
    telling = teller(world, desk, monkeypatch)
    await telling.tell()
    await telling.tell()
    assert desk.decisions.count((task_id, decision_id)) == desk.asked.count(card_id) == 2
    await world.review.apply(task_id, decision_id)
    await telling.tell()
    assert desk.asked.count(card_id) == 2


async def test_a_recent_decision_can_be_undone_and_is_not_delivered_yet(world: World) -> None:
    card_id, _, _ = await a_decided_card(world)
    desk = Desk()
    await DecisionSender(world.database, desk).tell()
    assert card_id not in desk.asked


async def test_what_was_just_sent_is_given_time_to_be_applied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    card_id, _, _ = await a_decided_card(world)
    desk, moment = Desk(), datetime.now(UTC) + 11 * SECOND
    monkeypatch.setattr(due_decisions, "AT_ONCE", 10_000)
    await asyncio.gather(*(DecisionSender(world.database, desk, lambda: moment).tell() for _ in range(3)))
    assert desk.asked.count(card_id) == 1


async def test_a_refusing_card_is_logged_once_and_the_others_are_delivered(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refusing, _, _ = await a_decided_card(world)
    willing, _, _ = await a_decided_card(world)
    refusal: Refusal = NotExpectedNow(stage="ended", waiting_for="nobody")
    desk = Desk(**{refusing: refusal})
    telling = teller(world, desk, monkeypatch)
    await telling.tell()
    await telling.tell()
    assert (desk.asked.count(refusing), desk.asked.count(willing)) == (1, 2)
    assert refusing in capsys.readouterr().out


async def test_how_each_loop_fares_can_be_seen() -> None:
    async def well() -> int:
        return 0

    async def ill() -> int:
        raise ValueError

    registry = Registry([Job("well", 0.01, well, 1), Job("ill", 0.01, ill, 1)])
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3), asyncio.TaskGroup() as group:
            registry.start(group)
    seen = {one.name: one for one in registry.seen()}
    assert (seen["well"].failures, seen["well"].interval_s) == (0, 0.01)
    assert seen["ill"].failures > 0
    assert seen["ill"].lag_s > seen["well"].lag_s


@pytest.mark.parametrize(("took_ms", "pause_s"), [(0, 0.5), (20, 0.5), (50, 1.0), (1_000, 3.0)])
def test_a_loop_rests_longer_where_its_looks_take_long(took_ms: float, pause_s: float) -> None:
    async def look() -> int:
        return 0

    job = Job("rests", 0.5, look, 1)
    job.health.took_ms = took_ms
    assert job.pause_s() == pause_s
    job.health.failures = 10
    assert job.pause_s() > 3.0
