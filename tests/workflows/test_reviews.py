"""Cards that a person decides: approved, corrected, rejected, or sent back for one item; on a real Temporal server."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from temporalio.client import Client

from domain.cards.card import CardStatus, CardType, EndReason, Outcome, WaitingFor
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.cards.verification import Consequence
from domain.errors.cards import NotExpectedNow
from tests.workflows.acting import journey, until
from tests.workflows.stage import ACTIVE, World, card, decided, verified
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_dining_card_is_always_reviewed(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], decisions={"d1": decided(ReviewOutcome.APPROVE)})
    one = card(CardType.DINING)

    async def reviewer(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")

    assert (await journey(temporal_client, world, one, reviewer)).outcome is Outcome.PAID
    assert world.of("review.open") == [(one.card_id, 1, ("card_type",))]


async def test_two_decisions_at_once_are_applied_once(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], accepted=False)
    world.decisions = {"d1": decided(ReviewOutcome.APPROVE), "d2": decided(ReviewOutcome.APPROVE_CORRECTED)}
    one = card(CardType.DINING)

    async def reviewers(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        both = await asyncio.gather(*(desk.decide(one.card_id, "task-1", name) for name in ("d1", "d2")))
        assert both[0] == both[1]
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.answer_offer(one.card_id, f"quote-{len(world.of('pricing.value'))}", accept=True)

    await journey(temporal_client, world, one, reviewers)
    assert len(world.of("review.apply")) == 1


async def test_a_decision_on_another_task_is_refused(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], decisions={"d1": decided(ReviewOutcome.APPROVE)})
    one = card(CardType.DINING)

    async def reviewer(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        with pytest.raises(NotExpectedNow):
            await desk.decide(one.card_id, "task-9", "d1")
        await desk.decide(one.card_id, "task-1", "d1")

    await journey(temporal_client, world, one, reviewer)


async def test_corrected_fields_are_verified_and_priced_again(temporal_client: Client) -> None:
    correction = decided(ReviewOutcome.APPROVE_CORRECTED, fields_changed=True)
    world = World(reasons=[("low_confidence",)], decisions={"d1": correction})
    one = card()

    async def reviewer(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")

    assert (await journey(temporal_client, world, one, reviewer)).outcome is Outcome.PAID
    assert len(world.of("verification.ask_issuer")) == 2
    assert world.of("pricing.offer") == [(one.card_id, "quote-2")]
    assert len(world.of("review.open")) == 1


async def test_an_issuer_that_does_not_know_the_corrected_number_either_sends_it_back_to_a_person(
    temporal_client: Client,
) -> None:
    unknown = verified(CardStatus.UNKNOWN, Consequence.REVIEW, None, "issuer_unknown")
    world = World(issuer=[unknown])
    world.decisions = {"d1": decided(ReviewOutcome.APPROVE_CORRECTED), "d2": decided(ReviewOutcome.REJECT)}
    one = card()

    async def reviewer(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        while len(world.of("review.open")) < 2:
            await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-2", "d2")

    ended = await journey(temporal_client, world, one, reviewer)
    assert ended == CardEnded(Outcome.REJECTED, EndReason.REVIEWER)
    assert "payout.send" not in world.names()


async def test_another_number_needs_a_code_of_its_own(temporal_client: Client) -> None:
    world = World(issuer=[ACTIVE, replace(ACTIVE, revision=2)], reasons=[("low_confidence",)])
    world.decisions = {"d1": decided(ReviewOutcome.APPROVE_CORRECTED)}
    one = card(CardType.SUPERMARKET)

    async def people(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        await desk.enter_code(one.card_id, "111111")
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        await desk.enter_code(one.card_id, "222222")

    assert (await journey(temporal_client, world, one, people)).outcome is Outcome.PAID
    assert [sent[1] for sent in world.of("verification.send_code")] == [1, 2]


async def test_a_rejection_carries_the_reviewers_reason(temporal_client: Client) -> None:
    rejection = decided(ReviewOutcome.REJECT, reject_reason=RejectReason.FORGED)
    world = World(reasons=[("forged_number",)], decisions={"d1": rejection})
    one = card()

    async def reviewer(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")

    ended = await journey(temporal_client, world, one, reviewer)
    assert ended == CardEnded(Outcome.REJECTED, EndReason.REVIEWER, "forged")


async def test_the_seller_is_asked_for_one_item_again(temporal_client: Client) -> None:
    world = World(reasons=[("low_confidence",), ()])
    world.decisions = {"d1": decided(ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PHOTO)}
    one = card(has_photos=True)

    async def both(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.SELLER_ITEM)
        await desk.supply_item(one.card_id, 2)

    assert (await journey(temporal_client, world, one, both)).outcome is Outcome.PAID
    assert len(world.of("reading.read_photos")) == 2
    assert "review.asked_photo" in [move[-1] for move in world.of("journey.move")]


async def test_regional_card_is_entered_manually_then_confirmed_by_an_outlet(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], decisions={"d1": decided(ReviewOutcome.APPROVE_CORRECTED)})
    one = card(CardType.REGIONAL, has_photos=True)

    async def people(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.OUTLET)
        await desk.outlet_reported(one.card_id, f"outlet-{one.card_id}", confirmed=True)
        await desk.outlet_reported(one.card_id, f"outlet-{one.card_id}", confirmed=False)

    assert (await journey(temporal_client, world, one, people)).outcome is Outcome.PAID
    assert world.of("verification.record_outlet_report") == [(one.card_id, f"outlet-{one.card_id}", True)]


async def test_card_sent_to_an_outlet_returns_to_the_reviewer_with_any_answer(temporal_client: Client) -> None:
    denied = verified(CardStatus.UNKNOWN, Consequence.REJECT, EndReason.OUTLET_DENIED)
    world = World(reasons=[("low_confidence",)], outlet=[denied])
    world.decisions = {"d1": decided(ReviewOutcome.HAND_TO_STORE), "d2": decided(ReviewOutcome.APPROVE)}
    one = card(CardType.DINING)

    async def people(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.OUTLET)
        await desk.outlet_reported(one.card_id, f"outlet1-{one.card_id}", confirmed=False)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-2", "d2")

    assert (await journey(temporal_client, world, one, people)).outcome is Outcome.PAID
    assert world.of("verification.record_outlet_report") == [(one.card_id, f"outlet1-{one.card_id}", False)]
    assert [reasons for _, _, reasons in world.of("review.open")] == [("low_confidence",)] * 2
    assert len(world.of("pricing.value")) == 1, "the quote that the reviewer saw still stands"


async def test_store_is_queried_again_when_no_outlet_is_near(temporal_client: Client) -> None:
    frozen = verified(CardStatus.FROZEN, Consequence.REJECT, EndReason.FROZEN)
    world = World(reasons=[("card_type",)], outlet_near=False, store=[ACTIVE, frozen])
    rejection = decided(ReviewOutcome.REJECT, reject_reason=RejectReason.ALREADY_USED)
    world.decisions = {"d1": decided(ReviewOutcome.HAND_TO_STORE), "d2": rejection}
    one = card(CardType.DINING)

    async def reviewer(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        while len(world.of("review.open")) < 2:
            await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-2", "d2")

    ended = await journey(temporal_client, world, one, reviewer)
    assert ended == CardEnded(Outcome.REJECTED, EndReason.REVIEWER, "already_used")
    assert world.of("verification.ask_store") == [(one.card_id, 0), (one.card_id, 1)]


async def test_an_approval_before_a_resent_item_is_reviewed_again(temporal_client: Client) -> None:
    world = World(reasons=[("low_confidence",), ("card_type",), ("low_confidence",)])
    asked = decided(ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN)
    world.decisions = {
        "d1": decided(ReviewOutcome.APPROVE_CORRECTED), "d2": asked, "d3": decided(ReviewOutcome.APPROVE),
    }  # fmt: skip
    one = card(CardType.DINING)

    async def people(desk: CardClient) -> None:
        for number in (1, 2):
            await until(desk, one.card_id, WaitingFor.REVIEWER)
            while len(world.of("review.open")) < number:
                await until(desk, one.card_id, WaitingFor.REVIEWER)
            await desk.decide(one.card_id, f"task-{number}", f"d{number}")
        await until(desk, one.card_id, WaitingFor.SELLER_ITEM)
        await desk.confirm_fields(one.card_id, 2)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-3", "d3")

    assert (await journey(temporal_client, world, one, people)).outcome is Outcome.PAID
    assert world.of("review.open")[2][2] == ("low_confidence",), "settled by a correction of what is no longer there"
