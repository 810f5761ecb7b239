"""The loops beside the worker: one piece of work that cannot be done holds up no other, and none is forgotten."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from sqlalchemy import update
from temporalio.client import Client

from activities import delivery
from activities.delivery import Delivery
from bootstrap import decisions, workers
from bootstrap.decisions import Teller
from database.repositories import outbox
from database.session import DatabaseUnavailable
from database.tables.columns import now
from database.tables.intake import PartnerRow
from database.tables.outbox import OutboxRow
from domain.facts import CardToBuy, ReviewFacts
from domain.identifiers import new_id
from domain.refusals import BrandUnknown, NotExpectedNow, Refusal, TemporarilyUnavailable
from domain.review import RejectReason, ReviewOutcome
from domain.sealing import KeyRing, SealBroken
from gateways.http import new_client
from gateways.messages import MessageGateway
from gateways.webhooks import WebhookGateway
from tests.activities.test_review import a_taken_task
from tests.activities.world import World
from workflows.desk import CardDesk
from workflows.starter import start_cards

SECOND = timedelta(seconds=1)


class Desk(CardDesk):
    """Writes down what it was asked; raises what a card's id stands for."""

    def __init__(self, **failing: Exception) -> None:
        super().__init__(cast("Client", None))
        self.failing: dict[str, Exception] = failing
        self.asked: list[str] = []
        self.decisions: list[tuple[str, str]] = []  # Task and decision of each that was told.

    async def start(self, card: CardToBuy) -> None:
        self._ask(card.card_id)

    async def decide(self, card_id: str, task_id: str, decision_id: str) -> ReviewFacts:
        self.decisions.append((task_id, decision_id))
        self._ask(card_id)
        return ReviewFacts(ReviewOutcome.REJECT, RejectReason.FORGED, None, False)

    def _ask(self, card_id: str) -> None:
        self.asked.append(card_id)
        if card_id in self.failing:
            raise self.failing[card_id]


async def started(world: World, card_ids: Sequence[str]) -> list[bool]:
    return [(await world.card(card_id)).started_at is not None for card_id in card_ids]


@pytest.mark.parametrize("fault", [BrandUnknown(brand="gone"), SealBroken("not in the ring")])
async def test_a_card_that_cannot_be_started_holds_up_no_other(
    world: World, fault: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    cards = [await world.a_card() for _ in range(3)]
    desk = Desk(**{cards[0]: fault})
    assert await start_cards(world.intake, desk, cards) == 2
    assert await started(world, cards) == [False, True, True]
    told = capsys.readouterr().out
    assert cards[0] in told
    assert type(fault).__name__ in told
    assert "not in the ring" not in told


async def test_while_temporal_is_away_no_card_is_asked_for_after_the_first(world: World) -> None:
    cards = [await world.a_card() for _ in range(2)]
    desk = Desk(**{cards[0]: TemporarilyUnavailable()})
    assert await start_cards(world.intake, desk, cards) == 0
    assert desk.asked == cards[:1]


@pytest.mark.parametrize("fault", [BrandUnknown(), SealBroken("x"), DatabaseUnavailable("away")])
async def test_a_loop_outlives_what_one_look_fails_with(fault: Exception) -> None:
    looks: list[int] = []
    enough = asyncio.Event()

    async def once() -> int:
        looks.append(1)
        if len(looks) == 1:
            raise fault
        enough.set()
        return 0

    loop = asyncio.create_task(workers._forever("test", 0.001, once))
    await asyncio.wait_for(enough.wait(), 5)
    assert not loop.done()
    loop.cancel()


@asynccontextmanager
async def receiver(together: int) -> AsyncIterator[str]:
    """A partner that answers nobody until so many requests are in its hands."""
    gathered, came, left = asyncio.Barrier(together), 0, asyncio.Semaphore(0)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        came += 1
        await reader.readuntil(b"\r\n\r\n")
        with suppress(asyncio.BrokenBarrierError):  # Nobody waits for the answer any more.
            await gathered.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
        await writer.wait_closed()
        left.release()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        await gathered.abort()
        for _ in range(came):
            await asyncio.wait_for(left.acquire(), 5)


async def a_promise(world: World, url: str, count: int = 1, sealed: bytes | None = None) -> list[str]:
    """Webhooks due for a new partner; their ids."""
    partner = PartnerRow(id=new_id(), name="Green Lane", webhook_url=url, webhook_secret_sealed=sealed)
    async with world.database.transaction() as session:
        session.add(partner)
        rows = [await outbox.put(session, "webhook", f"partner:{partner.id}", "card.paid", {}) for _ in range(count)]
        later = update(OutboxRow).where(
            cast("Any", OutboxRow).id.not_in(rows), cast("Any", OutboxRow).delivered_at.is_(None)
        )
        await session.execute(later.values(due_at=now() + timedelta(hours=1)))  # Other tests' rows.
    return rows


async def deliver(world: World) -> int:
    async with new_client("") as client:
        webhooks = WebhookGateway(client, allow_private=True)
        courier = Delivery(world.database, world.keyring, webhooks, MessageGateway(world.messages.channel))
        return await asyncio.wait_for(courier.deliver_due(workers.DELIVERIES), 20)


async def test_a_batch_is_delivered_all_at_once(world: World) -> None:
    async with receiver(together=workers.DELIVERIES) as url:
        ids = await a_promise(world, url, workers.DELIVERIES)
        assert await deliver(world) == workers.DELIVERIES
    for row_id in ids:
        (row,) = await world.rows(OutboxRow, id=row_id)
        assert row.delivered_at is not None


async def test_a_receiver_that_never_answers_is_left_within_the_lease(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert timedelta(seconds=delivery.ATTEMPT_S) < outbox.LEASE
    monkeypatch.setattr(delivery, "ATTEMPT_S", 0.3)
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


async def a_decided_card(world: World) -> tuple[str, str, str]:
    """Card, task and decision, which the card was not told."""
    card_id, task_id, person = await a_taken_task(world)
    return (
        card_id,
        task_id,
        await world.review.record_decision(person, task_id, ReviewOutcome.REJECT, RejectReason.FORGED),
    )


def teller(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Teller:
    """One that sees every decision of this database, also those that other tests left; each of its looks is 11 s later."""
    monkeypatch.setattr(decisions, "AT_ONCE", 10_000)
    looks = itertools.count(1)
    return Teller(world.database, desk, lambda: datetime.now(UTC) + 11 * SECOND * next(looks))


async def test_a_decision_that_was_not_applied_is_told_until_it_is(
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


async def test_a_decision_just_made_can_be_undone_and_is_not_told_yet(world: World) -> None:
    card_id, _, _ = await a_decided_card(world)
    desk = Desk()
    await Teller(world.database, desk).tell()
    assert card_id not in desk.asked


async def test_what_was_just_sent_is_given_time_to_be_applied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    card_id, _, _ = await a_decided_card(world)
    desk, moment = Desk(), datetime.now(UTC) + 11 * SECOND
    monkeypatch.setattr(decisions, "AT_ONCE", 10_000)
    await asyncio.gather(*(Teller(world.database, desk, lambda: moment).tell() for _ in range(3)))
    assert desk.asked.count(card_id) == 1


async def test_a_card_that_refuses_is_named_once_and_the_others_are_told(
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
