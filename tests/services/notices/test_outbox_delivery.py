"""The post: signed webhooks and short messages leave once, are tried again, and are given up with their cause."""

from datetime import timedelta

import pytest_asyncio
from sqlalchemy import update

from database.repositories import outbox
from database.tables.columns import now
from database.tables.people import PartnerRow
from database.tables.platform import OutboxRow
from domain.identifiers import new_id
from gateways.http import new_client
from gateways.messages import MessageGateway
from gateways.signatures import HEADER, require_signature
from gateways.webhooks import WebhookGateway
from services.notices.outbox_delivery import ATTEMPTS_MAX, Delivery
from services.people.partners import Partners
from tests.builders.world import World, a_submission, a_typed_card
from tests.gateways.partners import mailbox


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def _nothing_else_waits(world: World) -> None:
    """What other tests left in the outbox is not for this one to send."""
    async with world.database.transaction() as session:
        await session.execute(update(OutboxRow).values(delivered_at=now()))


async def delivered(world: World) -> int:
    """One round of the courier."""
    async with new_client("") as client:
        webhooks = WebhookGateway(client, allow_private=True)
        courier = Delivery(world.database, world.keyring, webhooks, MessageGateway(world.messages.channel))
        return await courier.deliver_due(100)


async def test_a_partners_webhook_is_signed_delivered_and_tried_again_when_it_fails(world: World) -> None:
    partners = Partners(world.database, world.keyring)
    async with mailbox() as box:
        partner_id, _ = await partners.create("Green Lane", box.url)
        box.answers = [503]
        (card_id,) = (await world.intake.submit(a_submission(a_typed_card(), owner=f"partner:{partner_id}"))).card_ids
        await world.verification.ask_issuer(card_id)
        await delivered(world)
        (waiting,) = await world.rows(OutboxRow, destination=f"partner:{partner_id}")
        assert (waiting.delivered_at, waiting.attempts) == (None, 1)
        assert timedelta(0) < waiting.due_at - now() <= timedelta(seconds=11)
        await made_due(world, waiting.id)
        await delivered(world)
        (done,) = await world.rows(OutboxRow, id=waiting.id)
        assert done.delivered_at is not None
        received = await box.holds(2)
    body, headers = received[1]
    secret = await partners.webhook_secret(partner_id)
    require_signature("webhook", [secret], body, headers[HEADER.lower()])
    assert card_id.encode() in body
    assert await delivered(world) == 0


async def made_due(world: World, row_id: str, **values: object) -> None:
    async with world.database.transaction() as session:
        await session.execute(update(OutboxRow).where(OutboxRow.id == row_id).values(due_at=now(), **values))


async def test_what_cannot_arrive_is_given_up_with_its_cause(world: World) -> None:
    partner_id = new_id()
    async with world.database.transaction() as session:
        session.add(PartnerRow(id=partner_id, name="Gone", webhook_url=None))
        unreachable = PartnerRow(id=new_id(), name="Down", webhook_url="http://127.0.0.1:9/hook")
        session.add(unreachable)
        gone = await outbox.put(session, "webhook", f"partner:{partner_id}", "card.paid", {})
        down = await outbox.put(session, "webhook", f"partner:{unreachable.id}", "card.paid", {})
    await made_due(world, down, attempts=ATTEMPTS_MAX)
    await delivered(world)
    (first,) = await world.rows(OutboxRow, id=gone)
    (second,) = await world.rows(OutboxRow, id=down)
    assert (first.last_failure, first.given_up_at is None) == ("no address", False)
    assert (second.last_failure, second.given_up_at is None) == ("webhook: connection", False)


async def test_a_message_reaches_the_sellers_telephone_once(world: World) -> None:
    seller = await world.a_seller()
    async with world.database.transaction() as session:
        row_id = await outbox.put(session, "message", seller, "sign_in_code", {"code": "604128"})
    await delivered(world)
    kept = (await world.messages.plain.get("/v1/messages")).json()
    (sent,) = [one for one in kept if one["dedupe_key"] == row_id]
    assert "604128" in sent["text"]
