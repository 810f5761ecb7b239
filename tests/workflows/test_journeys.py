"""One card's journey per type and per ending, on a real Temporal server with a pretended outside."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from temporalio.client import Client

from domain.cards.card import CardStatus, CardType, EndReason, Outcome, WaitingFor
from domain.cards.facts import CodeChecked
from domain.cards.pricing import QuoteState
from domain.cards.verification import Consequence, DynamicCodeResult
from domain.errors.cards import CodesUsedUp, DynamicCodeExpired, DynamicCodeWrong, NotExpectedNow, QuoteAnswered
from tests.workflows.acting import journey, until
from tests.workflows.stage import World, card, playing, read, unavailable, verified
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_ecommerce_card_is_bought_without_a_person(temporal_client: Client) -> None:
    world = World()
    one = card()
    assert await journey(temporal_client, world, one) == CardEnded(Outcome.PAID)
    assert world.names() == [
        "verification.ask_issuer", "pricing.value", "pricing.offer", "verification.recheck", "payout.prepare",
        "payout.send",
    ]  # fmt: skip
    assert world.of("payout.prepare") == [(one.card_id, "quote-1", key := f"card-{one.card_id}-payout-1")]
    assert world.of("payout.send") == [(key, True)]


async def test_answered_payment_of_an_older_version_is_posted_by_a_separate_step(
    temporal_client: Client,
) -> None:
    world, one = World(), replace(card(), edition=2)
    assert await journey(temporal_client, world, one) == CardEnded(Outcome.PAID)
    assert world.names()[-2:] == ["payout.send", "payout.conclude"]
    assert len(world.of("payout.send")[0]) == 1


async def test_starting_a_card_twice_runs_it_once(temporal_client: Client) -> None:
    world, one = World(), card()
    await journey(temporal_client, world, one, lambda desk: desk.start(one))
    assert len(world.of("payout.send")) == 1


async def test_the_seller_checks_what_was_read_and_accepts_the_quote(temporal_client: Client) -> None:
    world, one = World(accepted=False), card(has_photos=True, confirm_fields=True)

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_FIELDS)
        await desk.confirm_fields(one.card_id, 2)
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.answer_offer(one.card_id, "quote-1", accept=True)

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert world.of("pricing.close") == [(one.card_id, "quote-1", QuoteState.ACCEPTED)]


async def test_fields_are_refused_when_not_awaited(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        with pytest.raises(NotExpectedNow) as refused:
            await desk.confirm_fields(one.card_id, 2)
        assert refused.value.data == {"stage": "offer", "waiting_for": "seller_offer"}
        await desk.answer_offer(one.card_id, "quote-1", accept=False)

    ended = await journey(temporal_client, world, one, seller)
    assert ended == CardEnded(Outcome.DECLINED, EndReason.DECLINED)


async def test_quote_is_answered_once_and_a_second_answer_returns_the_first(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        answers = await asyncio.gather(
            *(desk.answer_offer(one.card_id, "quote-1", accept=True) for _ in range(2)), return_exceptions=True
        )
        refusals = [answer for answer in answers if answer is not None]
        assert len(refusals) == 1
        assert isinstance(refusals[0], QuoteAnswered)
        assert refusals[0].data == {"answer": "accepted"}

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert len(world.of("pricing.close")) == 1


async def test_answer_after_the_end_returns_the_outcome(temporal_client: Client) -> None:
    world, one = World(), card()
    desk = CardClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").result()
        with pytest.raises(QuoteAnswered):
            await desk.answer_offer(one.card_id, "quote-1", accept=True)


async def test_a_supermarket_card_needs_the_right_code(temporal_client: Client) -> None:
    wrong, expired = CodeChecked(DynamicCodeResult.WRONG, 2), CodeChecked(DynamicCodeResult.EXPIRED, 2)
    world = World(codes=[wrong, expired, CodeChecked(DynamicCodeResult.RIGHT, 2)])
    one = card(CardType.SUPERMARKET)

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        with pytest.raises(DynamicCodeWrong) as refused:
            await desk.enter_code(one.card_id, "000000")
        assert refused.value.data == {"tries_left": 2}
        with pytest.raises(DynamicCodeExpired):
            await desk.enter_code(one.card_id, "111111")
        assert (await desk.resend_code(one.card_id)).number == 2
        await desk.enter_code(one.card_id, "222222")

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert world.of("verification.check_code")[-1] == (one.card_id, 2, "222222")


async def test_three_wrong_codes_end_the_journey(temporal_client: Client) -> None:
    world = World(codes=[CodeChecked(DynamicCodeResult.WRONG, left) for left in (2, 1, 0)])
    one = card(CardType.SUPERMARKET)

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        for _ in range(3):
            with pytest.raises(DynamicCodeWrong):
                await desk.enter_code(one.card_id, "000000")

    ended = await journey(temporal_client, world, one, seller)
    assert ended == CardEnded(Outcome.REJECTED, EndReason.WRONG_CODE)
    assert "payout.send" not in world.names()


async def test_no_more_than_three_codes_are_sent(temporal_client: Client) -> None:
    world, one = World(), card(CardType.SUPERMARKET)

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        await desk.resend_code(one.card_id)
        await desk.resend_code(one.card_id)
        with pytest.raises(CodesUsedUp):
            await desk.resend_code(one.card_id)
        await desk.enter_code(one.card_id, "222222")

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert len(world.of("verification.send_code")) == 3


async def test_a_frozen_card_is_not_bought(temporal_client: Client) -> None:
    world = World(issuer=[verified(CardStatus.FROZEN, Consequence.REJECT, EndReason.FROZEN)])
    ended = await journey(temporal_client, world, card())
    assert ended == CardEnded(Outcome.REJECTED, EndReason.FROZEN)
    assert [end[1:] for end in world.of("journey.end")] == [(Outcome.REJECTED, EndReason.FROZEN, None)]


async def test_a_crossborder_card_is_bought_at_a_locked_rate(temporal_client: Client) -> None:
    world = World()
    assert (await journey(temporal_client, world, card(CardType.CROSSBORDER))).outcome is Outcome.PAID
    assert world.names()[:2] == ["verification.ask_issuer", "verification.open_channel"]


async def test_unlicensed_channel_rejects_the_card(temporal_client: Client) -> None:
    ended = await journey(temporal_client, World(licensed=False), card(CardType.CROSSBORDER))
    assert ended == CardEnded(Outcome.REJECTED, EndReason.NO_LICENCE)


async def test_a_card_already_in_a_live_submission_is_rejected_when_it_is_read(temporal_client: Client) -> None:
    ended = await journey(temporal_client, World(readings=[read(duplicate=True)]), card(has_photos=True))
    assert ended == CardEnded(Outcome.REJECTED, EndReason.DUPLICATE)


async def test_failing_issuer_call_is_retried(temporal_client: Client) -> None:
    world = World(issuer=[unavailable(), verified(CardStatus.ACTIVE, Consequence.PROCEED)])
    assert (await journey(temporal_client, world, card())).outcome is Outcome.PAID
    assert len(world.of("verification.ask_issuer")) == 2
