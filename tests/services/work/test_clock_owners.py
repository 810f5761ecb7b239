"""The clock owner after a review: the seller until they answer, then the platform, after the end none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database.repositories import cards
from database.tables.work import ClockIntervalRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.work.deadlines import ClockOwner
from services.work import sla
from simulators.signatures import outlet_secret, signature
from tests.builders.hands import Hands
from tests.builders.outlets import an_outlet, reported
from tests.builders.photos import a_photo
from tests.builders.world import World, a_number
from tests.simulators.running import SECRET

REVIEWER, SELLER, OUTLET, MACHINE = ClockOwner.REVIEWER, ClockOwner.SELLER, ClockOwner.OUTLET, ClockOwner.MACHINE


class Watched:
    """A card that a reviewer has just decided on, and what its clock says."""

    def __init__(self, world: World, card: str) -> None:
        self.world, self.card = world, card
        self.hands = Hands(world)
        self.hands.now = datetime.now(UTC) - timedelta(minutes=1)

    async def decided(self, outcome: ReviewOutcome, number: int = 1, **more: Any) -> None:
        task, _ = await self.hands.opened(self.card, number)
        self.hands.now += timedelta(seconds=5)
        await self.hands.decided(task, outcome, **more)

    async def owners(self) -> list[ClockOwner]:
        """In order, after making sure that each interval begins where the one before ends."""
        kept = sorted(
            await self.world.rows(ClockIntervalRow, card_id=self.card),
            key=lambda row: (row.started_at, row.ended_at or datetime.max.replace(tzinfo=UTC)),
        )
        assert [row.ended_at for row in kept[:-1]] == [row.started_at for row in kept[1:]]
        return [row.owner for row in kept]

    async def running(self) -> int:
        return len(await self.world.rows(ClockIntervalRow, card_id=self.card, ended_at=None))


async def watched(world: World, brand: str = "jd") -> Watched:
    return Watched(world, await world.a_card(brand))


@pytest.mark.parametrize("item", [AskedItem.NUMBER, AskedItem.PHOTO])
async def test_the_sellers_time_ends_with_their_answer_and_not_with_the_next_task(
    world: World, item: AskedItem
) -> None:
    card = await watched(world)
    await card.decided(ReviewOutcome.ASK_AGAIN, asked_item=item)
    await world.awaits(card.card, Stage.REVIEW, WaitingFor.SELLER_ITEM, f"review.asked_{item}")
    assert await card.owners() == [REVIEWER, SELLER]
    if item is AskedItem.PHOTO:
        await world.intake.replace_photo(card.card, a_photo("red"), "seller:S")
    else:
        await world.intake.correct_fields(card.card, number=a_number("jd"), actor="seller:S")
    assert await card.owners() == [REVIEWER, SELLER, MACHINE]
    await world.journey.move(card.card, Stage.VERIFICATION, WaitingFor.MACHINE, None, "verification.started")
    card.hands.now = datetime.now(UTC)
    await card.hands.opened(card.card, 2)
    assert await card.owners() == [REVIEWER, SELLER, MACHINE, REVIEWER]


async def test_the_outlets_time_ends_with_its_report(world: World) -> None:
    await an_outlet(world)
    card = await watched(world, "hualian")
    await card.decided(ReviewOutcome.HAND_TO_STORE)
    asked = await world.verification.ask_outlet(card.card, 1)
    assert await card.owners() == [REVIEWER, OUTLET]
    body = reported(asked.request_id)
    assert await world.outlet_reports.receive(body, signature(outlet_secret(SECRET, "outlet-1"), body)) is not None
    assert await card.owners() == [REVIEWER, OUTLET, MACHINE]


async def test_the_stores_time_ends_with_its_answer(world: World) -> None:
    card = await watched(world, "starbucks")
    await card.decided(ReviewOutcome.HAND_TO_STORE)
    await world.journey.move(card.card, Stage.VERIFICATION, WaitingFor.ISSUER, None, "verification.party_silent")
    assert await card.owners() == [REVIEWER, OUTLET]  # It is asked again by itself: still its turn.
    await world.verification.ask_store(card.card, 1)
    assert await card.owners() == [REVIEWER, OUTLET, MACHINE]


async def test_a_late_report_does_not_change_the_clock_owner(world: World) -> None:
    await an_outlet(world)
    card = await watched(world, "hualian")
    await card.decided(ReviewOutcome.HAND_TO_STORE)
    asked = await world.verification.ask_outlet(card.card, 1)
    card.hands.now = datetime.now(UTC)
    await card.decided(ReviewOutcome.ASK_AGAIN, 2, asked_item=AskedItem.PIN)
    await world.awaits(card.card, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_pin")
    body = reported(asked.request_id)
    assert await world.outlet_reports.receive(body, signature(outlet_secret(SECRET, "outlet-1"), body)) is not None
    assert await card.owners() == [REVIEWER, OUTLET, REVIEWER, SELLER]


async def test_an_offer_is_the_sellers_time_and_the_platforms_again_once_they_answer(world: World) -> None:
    card = await watched(world)
    await card.decided(ReviewOutcome.APPROVE)
    await world.verification.ask_issuer(card.card)
    quote = (await world.pricing.value(card.card, 1)).quote_id
    await world.pricing.offer(card.card, quote)
    assert await card.owners() == [REVIEWER, MACHINE, SELLER]
    await world.pricing.close(card.card, quote, QuoteState.DECLINED)
    assert await card.owners() == [REVIEWER, MACHINE, SELLER, MACHINE]


@pytest.mark.parametrize("outcome", [ReviewOutcome.APPROVE, ReviewOutcome.ASK_AGAIN, ReviewOutcome.REJECT])
async def test_ended_card_has_no_clock_owner_whatever_its_outcome(world: World, outcome: ReviewOutcome) -> None:
    more: dict[ReviewOutcome, dict[str, Any]] = {
        ReviewOutcome.ASK_AGAIN: {"asked_item": AskedItem.PIN},
        ReviewOutcome.REJECT: {"reject_reason": RejectReason.FORGED},
    }
    card = await watched(world)
    await card.decided(outcome, **more.get(outcome, {}))
    assert await card.running() == (0 if outcome is ReviewOutcome.REJECT else 1)
    await world.journey.end(card.card, Outcome.LAPSED, EndReason.NO_ANSWER, None)
    await world.journey.end(card.card, Outcome.LAPSED, EndReason.NO_ANSWER, None)
    assert await card.running() == 0


async def test_paid_card_has_no_clock_owner(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    card = Watched(world, card_id)
    await card.decided(ReviewOutcome.APPROVE)
    assert await card.running() == 1
    await world.payout.send(key)
    await world.payout.send(key)
    await world.payout.conclude(key)
    assert (await world.card(card_id)).outcome is Outcome.PAID
    assert await card.running() == 0


async def test_a_change_of_owner_as_the_card_ends_leaves_no_open_interval(world: World) -> None:
    card = await watched(world)
    await card.decided(ReviewOutcome.HAND_TO_STORE)
    async with world.database.transaction() as first:
        await cards.load_for_update(first, card.card)
        await sla.follow(first, card.card, WaitingFor.MACHINE, datetime.now(UTC))
        ending = asyncio.ensure_future(world.journey.end(card.card, Outcome.LAPSED, EndReason.NO_ANSWER, None))
        await asyncio.sleep(0.3)  # It waits for the card, and finds the interval that is open after this.
        assert not ending.done()
    await ending
    assert await card.running() == 0
    assert await card.owners() == [REVIEWER, OUTLET, MACHINE]


async def test_a_card_that_no_reviewer_ever_had_has_no_clock(world: World) -> None:
    card = await watched(world)
    await world.journey.move(card.card, Stage.OFFER, WaitingFor.SELLER_OFFER, None, "offer.made")
    await world.journey.end(card.card, Outcome.DECLINED, None, None)
    assert await card.owners() == []
