"""Operations ask for a person, or cancel a card: at every wait, pressed twice, late, and never half; on a real Temporal server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from temporalio.client import Client

from domain.cards.card import CardType, EndReason, Outcome, WaitingFor
from domain.cards.facts import Cancelled, CardToBuy, PayoutFacts, Resume
from domain.cards.review import ReviewOutcome
from domain.errors.cards import NotCancellable, NotExpectedNow, QuoteAnswered
from domain.finance.payout import PayoutOutcome
from tests.workflows.acting import journey, until
from tests.workflows.stage import World, card, decided, playing, resumed, unavailable
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")
CANCELLED = CardEnded(Outcome.CANCELLED, EndReason.CANCELLED)
Act = Callable[[CardClient], Awaitable[None]]


async def begun(world: World, activity: str) -> None:
    """Returns when the activity has been called."""
    for _ in range(2_000):
        if activity in world.names():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(f"{activity} was never begun")


def approved_by_operations(world: World, one: CardToBuy, waits: Callable[[CardClient], Awaitable[None]]) -> Act:
    """Operations ask for a person, who approves."""
    world.decisions["yes"] = decided(ReviewOutcome.APPROVE)

    async def act(desk: CardClient) -> None:
        await waits(desk)
        await desk.ask_person(one.card_id, "R1")
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.ask_person(one.card_id, "R1")  # Pressed twice.
        with pytest.raises(NotExpectedNow):
            await desk.ask_person(one.card_id, "R2")  # A person has it already.
        await desk.decide(one.card_id, "task-1", "yes")

    return act


async def test_a_card_whose_issuer_is_away_goes_to_a_person_at_once(temporal_client: Client) -> None:
    world, one = World(issuer=[unavailable()]), card()
    act = approved_by_operations(world, one, lambda _: begun(world, "verification.ask_issuer"))
    assert (await journey(temporal_client, world, one, act)).outcome is Outcome.PAID
    (opened,) = world.of("review.open")
    assert set(opened[2]) == {"issuer_unknown", "operations"}
    assert len(world.of("verification.record_silence")) == 1


async def test_a_card_that_waits_for_its_outlet_goes_to_a_person_at_once(temporal_client: Client) -> None:
    world, one = World(), card(CardType.REGIONAL)
    world.decisions |= {"entered": decided(ReviewOutcome.APPROVE), "yes": decided(ReviewOutcome.APPROVE)}

    async def act(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "entered")
        await until(desk, one.card_id, WaitingFor.OUTLET)
        await desk.ask_person(one.card_id, "R1")
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-2", "yes")

    assert (await journey(temporal_client, world, one, act)).outcome is Outcome.PAID
    assert "operations" in world.of("review.open")[1][2]


async def test_store_check_is_aborted_and_the_card_returns_to_review(temporal_client: Client) -> None:
    world, one = World(reasons=[("card_type",)], store=[unavailable()], outlet_near=False), card(CardType.ECOMMERCE)
    world.decisions |= {"store": decided(ReviewOutcome.HAND_TO_STORE), "yes": decided(ReviewOutcome.APPROVE)}

    async def act(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "store")
        await begun(world, "verification.ask_store")
        await desk.ask_person(one.card_id, "R1")
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-2", "yes")

    assert (await journey(temporal_client, world, one, act)).outcome is Outcome.PAID
    assert [opened[2] for opened in world.of("review.open")] == [("card_type",), ("card_type", "operations")]


async def test_a_person_is_not_asked_for_while_the_seller_has_the_card(temporal_client: Client) -> None:
    world, one = World(accepted=False), card(CardType.SUPERMARKET)

    async def act(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        with pytest.raises(NotExpectedNow):
            await desk.ask_person(one.card_id, "R1")
        await desk.enter_code(one.card_id, "123456")
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        with pytest.raises(NotExpectedNow):
            await desk.ask_person(one.card_id, "R1")
        await desk.answer_offer(one.card_id, "quote-1", accept=True)

    assert (await journey(temporal_client, world, one, act)).outcome is Outcome.PAID
    assert world.of("review.open") == []


async def test_a_restarted_card_keeps_the_task_that_operations_asked_for(temporal_client: Client) -> None:
    world = World(decisions={"yes": decided(ReviewOutcome.APPROVE)})
    one = resumed(Resume(read=True, tasks=1, person_wanted=True))

    async def act(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-2", "yes")

    assert (await journey(temporal_client, world, one, act)).outcome is Outcome.PAID
    assert world.of("review.open")[0][2] == ("issuer_unknown", "operations")


def waiting_at(waiting_for: WaitingFor) -> tuple[World, CardToBuy]:
    """A card that will wait for that party."""
    return {
        WaitingFor.SELLER_FIELDS: (World(), card(has_photos=True, confirm_fields=True)),
        WaitingFor.REVIEWER: (World(reasons=[("card_type",)]), card(CardType.DINING)),
        WaitingFor.SELLER_OFFER: (World(accepted=False), card()),
        WaitingFor.OUTLET: (World(), card(CardType.REGIONAL)),
    }[waiting_for]


@pytest.mark.parametrize(
    "waiting_for",
    ["reviewer", *(pytest.param(one, marks=pytest.mark.thorough) for one in ("seller_fields", "seller_offer"))],
)
async def test_operations_cancel_a_card_in_any_wait(temporal_client: Client, waiting_for: str) -> None:
    world, one = waiting_at(WaitingFor(waiting_for))

    async def act(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor(waiting_for))
        await asyncio.gather(*(desk.cancel(one.card_id, "R1", "person:P") for _ in range(2)))
        await desk.cancel(one.card_id, "R1", "person:P")

    assert await journey(temporal_client, world, one, act) == CANCELLED
    assert world.of("journey.cancel") == [(one.card_id, "R1", "person:P")]
    assert "payout.prepare" not in world.names()


async def test_a_card_is_cancelled_after_its_acceptance_while_its_issuer_is_silent(temporal_client: Client) -> None:
    world, one = World(rechecked=[unavailable()]), card()

    async def act(desk: CardClient) -> None:
        await begun(world, "verification.recheck")
        await desk.cancel(one.card_id, "R1", "person:P")

    assert await journey(temporal_client, world, one, act) == CANCELLED
    assert "payout.prepare" not in world.names()


async def test_cancellation_is_refused_by_the_rows(temporal_client: Client) -> None:
    unknown = PayoutFacts(PayoutOutcome.UNKNOWN, None)
    world, one = World(payments=[unknown], reconciled=[unavailable()], cancelled=[Cancelled(False, "ordered")]), card()

    async def act(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.GATEWAY)
        with pytest.raises(NotCancellable) as refused:
            await desk.cancel(one.card_id, "R1", "person:P")
        assert refused.value.data == {"why": "ordered"}
        world.reconciled = [PayoutFacts(PayoutOutcome.PAID, None)]

    assert (await journey(temporal_client, world, one, act)).outcome is Outcome.PAID


async def test_seller_answer_after_cancellation_is_ignored(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def act(desk: CardClient) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.cancel(one.card_id, "R1", "person:P")
        with pytest.raises((QuoteAnswered, NotExpectedNow)):
            await desk.answer_offer(one.card_id, "quote-1", accept=True)

    assert await journey(temporal_client, world, one, act) == CANCELLED
    assert world.of("pricing.close") == []


async def test_a_card_that_ended_otherwise_is_not_cancelled(temporal_client: Client) -> None:
    world, one = World(), card()
    desk = CardClient(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").result()
        with pytest.raises(NotExpectedNow):
            await desk.cancel(one.card_id, "R1", "person:P")


async def test_a_terminated_run_is_over_and_terminating_it_again_changes_nothing(temporal_client: Client) -> None:
    one, desk = card(), CardClient(temporal_client)  # No worker plays it: its code cannot go on.
    await desk.start(one)
    for _ in range(2):
        await desk.terminate(one.card_id, "repair R1")
    described = await temporal_client.get_workflow_handle(f"card:{one.card_id}").describe()
    assert described.status is not None
    assert described.status.name == "TERMINATED"
