"""A receiver that was away has its backlog shown as one line and delivered by one act, each delivery once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select, text, update

from database.reads.ops.deliveries import Undelivered, undelivered
from database.repositories import outbox
from database.tables.columns import now
from database.tables.people import AuditRow, PersonRow
from database.tables.platform import OutboxRow
from domain.errors.people import NotAllowed
from domain.errors.work import ReasonUnknown
from domain.identifiers import new_id
from domain.people.roles import Role
from gateways.http import new_client
from gateways.messages import MessageGateway
from gateways.webhooks import WebhookGateway
from services.notices.outbox_delivery import AT_ONCE, Delivery
from services.ops.deliveries import ACT, Deliveries
from services.people.partners import Partners
from tests.builders.world import World
from tests.gateways.partners import mailbox, until
from tests.slowness import patience

pytestmark = pytest.mark.asyncio(loop_scope="session")
SOME = 60


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _nothing_else_waits(world: World) -> None:
    async with world.database.transaction() as session:
        await session.execute(update(OutboxRow).values(delivered_at=now()))


async def a_person(world: World, role: Role = Role.OPS) -> str:
    person = PersonRow(id=new_id(), email=f"{new_id()}@example.com", name="Ops", roles=[role.value], password_hash="-")
    async with world.database.transaction() as session:
        session.add(person)
    return person.id


async def failed_webhooks(world: World, receiver: str, count: int, *, given_up: int = 0) -> None:
    """So many webhooks that failed and wait for their next try, or are given up."""
    later = now() + timedelta(hours=6)
    async with world.database.transaction() as session:
        for place in range(count):
            values = {"given_up_at": now()} if place < given_up else {}
            session.add(
                OutboxRow(
                    id=new_id(), kind="webhook", destination=receiver, topic="card.paid", payload={"card_id": new_id()},
                    attempts=9, due_at=later, last_failure="webhook: http_503", **values,
                )
            )  # fmt: skip


async def seen(world: World, receiver: str) -> Undelivered | None:
    async with world.database.transaction() as session:
        return next((one for one in await undelivered(session, now()) if one.receiver == receiver), None)


@pytest.mark.parametrize("many", [SOME, pytest.param(2_000, marks=[pytest.mark.proof, pytest.mark.timeout(600)])])
async def test_full_outbox_is_delivered_by_one_act_despite_a_crash(world: World, many: int) -> None:
    async with mailbox() as box:
        partner_id, _ = await Partners(world.database, world.keyring).create("Green Lane", box.url)
        receiver = f"partner:{partner_id}"
        await failed_webhooks(world, receiver, many)
        line = await seen(world, receiver)
        assert line is not None
        assert (line.name, line.waiting, line.failing, line.given_up) == ("Green Lane", many, many, 0)
        assert (line.failure, line.is_stuck(now())) == ("webhook: http_503", True)
        person, deliveries = await a_person(world), Deliveries(world.database)
        assert await deliveries.again(person, receiver, "provider_back", given_up=False) == many
        async with new_client("") as client:
            webhooks = WebhookGateway(client, allow_private=True)
            messages = MessageGateway(world.messages.channel)
            courier = Delivery(world.database, world.keyring, webhooks, messages)
            killed = asyncio.create_task(drained(courier, world))
            await until(lambda: len(box.received) >= many // 4, seconds=120)
            killed.cancel()
            async with world.database.transaction() as session:  # The leases of the dead courier have run out.
                await session.execute(update(OutboxRow).where(OutboxRow.delivered_at.is_(None)).values(due_at=now()))
            await drained(Delivery(world.database, world.keyring, webhooks, messages), world)
    assert await seen(world, receiver) is None
    ids = [headers["x-cardloop-delivery"] for _, headers in box.received]
    assert len(set(ids)) == many, "every one of them arrived"
    assert len(ids) - many <= AT_ONCE, "only what was under way is sent again, under its own delivery id"


async def test_thousands_that_came_at_once_are_not_ranked_again_for_each_of_them(world: World) -> None:
    """The planner knows the table as it was before they came: ranking what waits once for each row takes many seconds."""
    await failed_webhooks(world, f"partner:{new_id()}", 3_000)
    async with world.database.transaction() as session:
        await session.execute(update(OutboxRow).where(OutboxRow.delivered_at.is_(None)).values(due_at=now()))
        await session.execute(text(f"SET LOCAL statement_timeout = {round(1000 * patience(0.3))}"))
        assert len(await outbox.due(session, 5, {})) == outbox.PER_LANE_ELSE


async def drained(courier: Delivery, world: World) -> None:
    while True:
        async with world.database.transaction() as session:
            left = (
                await session.execute(select(OutboxRow.id).where(OutboxRow.delivered_at.is_(None)).limit(1))
            ).first()
        if left is None:
            return
        await courier.deliver_due(AT_ONCE)


async def test_abandoned_deliveries_are_retried_only_on_request(world: World) -> None:
    receiver, person, deliveries = f"partner:{new_id()}", await a_person(world), Deliveries(world.database)
    await failed_webhooks(world, receiver, 5, given_up=3)
    assert await deliveries.again(person, receiver, "provider_back", given_up=False) == 2
    assert await deliveries.again(person, receiver, "provider_back", given_up=False) == 0, (
        "pressed twice, it does nothing more"
    )
    assert await deliveries.again(person, receiver, "provider_back", given_up=True) == 3
    async with world.database.transaction() as session:
        acts = (
            (
                await session.execute(
                    select(AuditRow)
                    .filter_by(act=ACT, subject=receiver)
                    .order_by(AuditRow.facts["deliveries"].as_integer())
                )
            )
            .scalars()
            .all()
        )
    assert [(one.actor, one.facts["deliveries"]) for one in acts] == [(f"person:{person}", 2), (f"person:{person}", 3)]


async def test_a_delivery_that_is_under_way_is_not_started_twice(world: World) -> None:
    receiver, deliveries = f"partner:{new_id()}", Deliveries(world.database)
    await failed_webhooks(world, receiver, 1)
    person = await a_person(world)
    await deliveries.again(person, receiver, "provider_back", given_up=False)
    async with world.database.transaction() as session:
        (taken,) = await outbox.due(session, 5, {})
    assert await deliveries.again(person, receiver, "provider_back", given_up=False) == 0
    async with world.database.transaction() as session:
        assert await outbox.due(session, 5, {}) == ()
        await outbox.delivered(session, taken.id)


async def test_who_may_not_repair_and_a_reason_off_the_list_are_refused(world: World) -> None:
    deliveries = Deliveries(world.database)
    with pytest.raises(NotAllowed):
        await deliveries.again(await a_person(world, Role.REVIEWER), "message", "provider_back", given_up=False)
    with pytest.raises(ReasonUnknown):
        await deliveries.again(await a_person(world), "message", "because", given_up=False)
