"""A seller takes the card back: at every wait before acceptance, never after it, and never half."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from temporalio.client import Client

from domain.cards.card import CardType, EndReason, Outcome, WaitingFor
from domain.cards.facts import CardToBuy
from domain.cards.pricing import QuoteState
from domain.errors.cards import NotExpectedNow, QuoteAnswered, TooLateToWithdraw
from tests.workflows.acting import journey, until
from tests.workflows.stage import World, card, playing
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")
WITHDRAWN = CardEnded(Outcome.DECLINED, EndReason.WITHDRAWN)


def waiting_at(waiting_for: WaitingFor) -> tuple[World, CardToBuy]:
    """A card that will wait for that party."""
    return {
        WaitingFor.SELLER_FIELDS: (World(), card(has_photos=True, confirm_fields=True)),
        WaitingFor.SELLER_CODE: (World(), card(CardType.SUPERMARKET)),
        WaitingFor.REVIEWER: (World(reasons=[("card_type",)]), card(CardType.DINING)),
        WaitingFor.SELLER_OFFER: (World(accepted=False), card()),
    }[waiting_for]


@pytest.mark.parametrize(
    "waiting_for",
    [
        "seller_offer",
        *(pytest.param(one, marks=pytest.mark.thorough) for one in ("seller_fields", "seller_code", "reviewer")),
    ],
)
async def test_a_card_is_withdrawn_at_any_stage(temporal_client: Client, waiting_for: str) -> None:
    world, one = waiting_at(WaitingFor(waiting_for))

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor(waiting_for))
        await desk.withdraw(one.card_id, one.owner)

    assert await journey(temporal_client, world, one, seller) == WITHDRAWN
    assert world.of("journey.withdraw") == [(one.card_id,)]
    assert "payout.prepare" not in world.names()


async def test_repeated_withdrawal_counts_once(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await asyncio.gather(*(desk.withdraw(one.card_id, one.owner) for _ in range(3)))

    assert await journey(temporal_client, world, one, seller) == WITHDRAWN
    assert len(world.of("journey.withdraw")) == 1


async def test_a_withdrawal_after_the_end_returns_how_it_ended(temporal_client: Client) -> None:
    for world, tells in ((World(), TooLateToWithdraw), (World(licensed=False), NotExpectedNow)):
        one = card(CardType.CROSSBORDER)
        desk = CardClient(temporal_client)
        async with playing(temporal_client, world):
            await desk.start(one)
            await temporal_client.get_workflow_handle(f"card:{one.card_id}").result()
            with pytest.raises(tells):
                await desk.withdraw(one.card_id, one.owner)


async def test_answer_after_withdrawal_is_ignored(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.withdraw(one.card_id, one.owner)
        with pytest.raises(QuoteAnswered) as refused:
            await desk.answer_offer(one.card_id, "quote-1", accept=True)
        assert refused.value.data == {"answer": "declined"}
        await desk.withdraw(one.card_id, one.owner)

    assert await journey(temporal_client, world, one, seller) == WITHDRAWN
    assert world.of("pricing.close") == []


async def test_concurrent_acceptance_and_withdrawal_exclude_each_other(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()
    heard: list[object] = []

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        both = (desk.answer_offer(one.card_id, "quote-1", accept=True), desk.withdraw(one.card_id, one.owner))
        heard.extend(await asyncio.gather(*both, return_exceptions=True))

    ended = await journey(temporal_client, world, one, seller)
    accepted, withdrawn = heard
    if ended.outcome is Outcome.PAID:
        assert (accepted, isinstance(withdrawn, TooLateToWithdraw)) == (None, True)
        assert "journey.withdraw" not in world.names()
    else:
        assert (isinstance(accepted, QuoteAnswered), withdrawn) == (True, None)
        assert world.of("pricing.close") == []


async def begun(world: World, activity: str) -> None:
    """Returns when the activity runs."""
    for _ in range(2_000):
        if activity in world.names():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{activity} was never begun")


async def test_a_withdrawal_while_the_acceptance_is_written_down_is_too_late(temporal_client: Client) -> None:
    world, one = World(accepted=False, ending_takes_s=0.4), card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        accepting = asyncio.create_task(desk.answer_offer(one.card_id, "quote-1", accept=True))
        await begun(world, "pricing.close")
        with pytest.raises(TooLateToWithdraw):
            await desk.withdraw(one.card_id, one.owner)
        await accepting

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert world.of("journey.withdraw") == []


async def test_acceptance_during_a_withdrawal_is_void(temporal_client: Client) -> None:
    world, one = World(accepted=False, ending_takes_s=0.4), card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        withdrawing = asyncio.create_task(desk.withdraw(one.card_id, one.owner))
        await begun(world, "journey.withdraw")
        with pytest.raises(QuoteAnswered) as refused:
            await desk.answer_offer(one.card_id, "quote-1", accept=True)
        assert refused.value.data == {"answer": "declined"}
        await withdrawing

    assert await journey(temporal_client, world, one, seller) == WITHDRAWN
    assert world.of("pricing.close") == []


async def test_a_card_that_the_database_knows_as_sold_is_not_withdrawn(temporal_client: Client) -> None:
    world, one = World(accepted=False, withdrawn=[False]), card()

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        with pytest.raises(TooLateToWithdraw):
            await desk.withdraw(one.card_id, one.owner)
        await desk.answer_offer(one.card_id, "quote-1", accept=True)

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert world.of("pricing.close") == [(one.card_id, "quote-1", QuoteState.ACCEPTED)]


async def test_withdrawal_by_another_seller_is_refused(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def another_seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        with pytest.raises(NotExpectedNow):
            await desk.withdraw(one.card_id, "seller:somebody-else")
        await desk.answer_offer(one.card_id, "quote-1", accept=True)

    assert (await journey(temporal_client, world, one, another_seller)).outcome is Outcome.PAID


async def test_card_started_before_withdrawals_replays_its_old_path(temporal_client: Client) -> None:
    world, one = World(accepted=False), replace(card(), may_withdraw=False)

    async def seller(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        with pytest.raises(NotExpectedNow):
            await desk.withdraw(one.card_id, one.owner)
        await desk.answer_offer(one.card_id, "quote-1", accept=True)

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
