"""A seller takes a card back: quote and review close with it, the card can be sold again, and a sold card stays sold."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from database.tables.cards import QuoteRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewOutcome
from domain.money import Money
from tests.builders.reviewing import a_taken_task
from tests.builders.valued import a_valued
from tests.builders.world import World, a_typed_card


async def an_offer(world: World, **more: Any) -> tuple[str, str]:
    """A card whose quote is made and not yet put before its seller."""
    card_id = await world.a_card("jd", **more)
    await world.verification.ask_issuer(card_id)
    return card_id, (await a_valued(world, card_id)).id


async def test_an_offered_card_ends_with_the_reason_and_can_be_sold_again(world: World) -> None:
    given, seller = a_typed_card("jd"), await world.a_seller()
    card_id = (await world.submitted(given, owner=seller)).card_ids[0]
    await world.verification.ask_issuer(card_id)
    quote_id = (await a_valued(world, card_id)).id
    await world.pricing.offer(card_id, quote_id)
    assert await world.journey.withdraw(card_id)
    card = await world.card(card_id)
    assert (card.stage, card.outcome, card.reason) == (Stage.ENDED, Outcome.DECLINED, EndReason.WITHDRAWN)
    (quote,) = await world.rows(QuoteRow, card_id=card_id)
    assert quote.state is QuoteState.DECLINED
    assert (await world.story(card_id))[-1] == "journey.withdrawn"
    assert (await world.submitted(given, owner=seller)).card_ids[0] != card_id


async def test_a_repeated_withdrawal_is_recorded_once(world: World) -> None:
    card_id, _ = await an_offer(world)
    assert [await world.journey.withdraw(card_id) for _ in range(2)] == [True, True]
    assert (await world.story(card_id)).count("journey.withdrawn") == 1


async def test_a_sold_card_and_an_ended_one_are_not_withdrawn(world: World) -> None:
    sold, quote_id = await an_offer(world)
    await world.pricing.offer(sold, quote_id)
    await world.pricing.close(sold, quote_id, QuoteState.ACCEPTED)
    ended = await world.a_card("jd")
    await world.journey.end(ended, Outcome.REJECTED, EndReason.FROZEN, None)
    for card_id in (sold, ended):
        before = await world.card(card_id)
        assert not await world.journey.withdraw(card_id)
        after = await world.card(card_id)
        assert (after.outcome, after.reason) == (before.outcome, before.reason)


async def test_concurrent_withdrawal_and_acceptance_exclude_each_other(world: World) -> None:
    for _ in range(5):
        card_id, quote_id = await an_offer(world)
        await world.pricing.offer(card_id, quote_id)
        accept = world.pricing.close(card_id, quote_id, QuoteState.ACCEPTED)
        withdrawn, _ = await asyncio.gather(world.journey.withdraw(card_id), accept)
        (quote,) = await world.rows(QuoteRow, card_id=card_id)
        assert (quote.state is QuoteState.ACCEPTED) is not withdrawn


async def test_offer_after_the_withdrawal_is_void(world: World) -> None:
    card_id, quote_id = await an_offer(world, accept_at_or_above=Money(100))
    assert await world.journey.withdraw(card_id)
    assert not (await world.pricing.offer(card_id, quote_id)).accepted
    (quote,) = await world.rows(QuoteRow, card_id=card_id)
    assert quote.state is QuoteState.DECLINED


async def test_task_leaves_the_queue_and_its_unapplied_decision_is_void(world: World) -> None:
    card_id, task_id, person = await a_taken_task(world)
    await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.APPROVE)
    assert await world.journey.withdraw(card_id)
    (task,) = await world.rows(WorkItemRow, card_id=card_id)
    (decision,) = await world.rows(ReviewDecisionRow, card_id=card_id)
    assert (task.closed_at is not None, task.leased_by) == (True, None)
    assert (decision.void_at is not None, decision.void_why) == (True, "withdrawn")


async def test_no_task_is_opened_for_a_card_that_is_withdrawn(world: World) -> None:
    card_id, _ = await an_offer(world)
    await world.journey.withdraw(card_id)
    with pytest.raises(ApplicationError) as refused:
        await world.review.open(card_id, 1, ["card_type"])
    assert (refused.value.type, refused.value.non_retryable) == ("not_expected_now", True)
    assert await world.rows(WorkItemRow, card_id=card_id) == []
