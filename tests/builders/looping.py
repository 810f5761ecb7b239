"""Shared parts of the tests of background loops: a client that fails on demand, receivers, queued webhooks, decided cards."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from sqlalchemy import update
from temporalio.client import Client

from database.repositories import outbox
from database.tables.columns import now
from database.tables.people import PartnerRow
from database.tables.platform import OutboxRow
from domain.cards.facts import CardToBuy, ReviewFacts
from domain.cards.review import RejectReason, ReviewOutcome
from domain.identifiers import new_id
from gateways.http import new_client
from gateways.messages import MessageGateway
from gateways.webhooks import WebhookGateway
from jobs import due_decisions
from jobs.due_decisions import DecisionSender
from services.notices.outbox_delivery import Delivery
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World
from tests.slowness import patience
from workflows.client import CardClient

SECOND = timedelta(seconds=1)


class Desk(CardClient):
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
            await asyncio.wait_for(left.acquire(), patience(5))


async def a_promise(world: World, url: str, count: int = 1, sealed: bytes | None = None) -> list[str]:
    """Webhooks due for a new partner; their ids."""
    partner = PartnerRow(id=new_id(), name="Green Lane", webhook_url=url, webhook_secret_sealed=sealed)
    async with world.database.transaction() as session:
        session.add(partner)
        rows = [await outbox.put(session, "webhook", f"partner:{partner.id}", "card.paid", {}) for _ in range(count)]
        later = update(OutboxRow).where(OutboxRow.id.not_in(rows), OutboxRow.delivered_at.is_(None))
        await session.execute(later.values(due_at=now() + timedelta(hours=1)))  # Other tests' rows.
    return rows


async def deliver(world: World) -> int:
    async with new_client("") as client:
        webhooks = WebhookGateway(client, allow_private=True)
        courier = Delivery(world.database, world.keyring, webhooks, MessageGateway(world.messages.channel))
        return await asyncio.wait_for(courier.deliver_due(), patience(20))


async def a_decided_card(world: World) -> tuple[str, str, str]:
    """Return card, task and decision, which was not delivered to the card."""
    card_id, task_id, person = await a_taken_task(world)
    return (
        card_id,
        task_id,
        await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.REJECT, RejectReason.FORGED),
    )


def teller(world: World, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> DecisionSender:
    """One that sees every decision of this database, also those that other tests left; each of its looks is 11 s later."""
    monkeypatch.setattr(due_decisions, "AT_ONCE", 10_000)
    looks = itertools.count(1)
    return DecisionSender(world.database, desk, lambda: datetime.now(UTC) + 11 * SECOND * next(looks))


@asynccontextmanager
async def answering(*heads: str) -> AsyncIterator[str]:
    """A partner that answers each request with this status line and headers."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write("\r\n".join([*heads, "Content-Length: 0", "Connection: close", "", ""]).encode("latin-1"))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
