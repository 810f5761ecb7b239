"""A journey restarted from its rows continues where they say, on a real Temporal server."""

from __future__ import annotations

from dataclasses import replace

import pytest
from temporalio.client import Client

from domain.cards.card import CardType, EndReason, Outcome, WaitingFor
from domain.cards.facts import Resume
from domain.cards.review import AskedItem, ReviewOutcome
from tests.workflows.acting import journey, until
from tests.workflows.stage import World, card, decided, resumed
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_accepted_card_continues_at_its_payment_under_its_own_attempt(temporal_client: Client) -> None:
    world = World()
    one = resumed(Resume(read=True, quote_id="quote-7", accepted=True, attempt=2))
    assert (await journey(temporal_client, world, one)).outcome is Outcome.PAID
    assert world.names()[0] == "verification.recheck"
    assert world.of("payout.prepare") == [(one.card_id, "quote-7", f"card-{one.card_id}-payout-2")]
    assert world.of("pricing.offer") == []


async def test_an_offered_card_stays_before_its_seller(temporal_client: Client) -> None:
    world, one = World(accepted=False), resumed(Resume(read=True, quote_id="quote-3", quotes=2))

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.answer_offer(one.card_id, "quote-3", accept=True)

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert (world.names()[0], world.of("pricing.value")) == ("pricing.offer", [])


async def test_approved_fields_are_not_asked_again_and_numbers_continue(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)])
    one = resumed(Resume(read=True, quotes=1, tasks=2, settled=("card_type",)), CardType.DINING)
    assert (await journey(temporal_client, world, one)).outcome is Outcome.PAID
    assert (world.of("review.open"), world.of("pricing.value")) == ([], [(one.card_id, 2)])


async def test_an_open_task_is_opened_again_under_its_number(temporal_client: Client) -> None:
    world = World(reasons=[("high_value",)], decisions={"yes": decided(ReviewOutcome.APPROVE)})
    one = resumed(Resume(read=True, tasks=2))

    async def reviewer(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-3", "yes")

    assert (await journey(temporal_client, world, one, reviewer)).outcome is Outcome.PAID
    assert [number for _, number, _ in world.of("review.open")] == [3]


async def test_an_item_that_was_asked_for_is_awaited_again(temporal_client: Client) -> None:
    world, one = World(), resumed(Resume(read=True, tasks=1, asked_item=AskedItem.PIN))

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_ITEM)
        await desk.supply_item(one.card_id, 2)

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID


async def test_a_code_that_was_entered_is_not_asked_for_again(temporal_client: Client) -> None:
    world, one = World(), resumed(Resume(read=True, code_proved=1), CardType.SUPERMARKET)
    assert (await journey(temporal_client, world, one)).outcome is Outcome.PAID
    assert world.of("verification.send_code") == []


async def test_ended_card_resumes_with_its_outcome(temporal_client: Client) -> None:
    world = World()
    end = Resume(read=True, outcome=Outcome.REJECTED, reason=EndReason.REVIEWER, detail="forged")
    ended = await journey(temporal_client, world, resumed(end))
    assert ended == CardEnded(Outcome.REJECTED, EndReason.REVIEWER, "forged")
    assert world.names() == ["journey.end"]


async def test_a_card_that_was_never_read_is_read(temporal_client: Client) -> None:
    world = World()
    assert (await journey(temporal_client, world, resumed(Resume()))).outcome is Outcome.PAID
    assert world.names()[0] == "reading.read_photos"


async def test_a_restart_replaces_a_workflow_that_waits_or_has_ended(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def again(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.restart(replace(one, resume=Resume(read=True, quote_id="quote-1", accepted=True)))

    assert (await journey(temporal_client, world, one, again)).outcome is Outcome.PAID
    assert len(world.of("payout.send")) == 1
