"""One card's journey per type and per ending, on a real Temporal server with a pretended outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from temporalio.client import Client

from domain.cards import CardStatus, CardType, EndReason, Outcome, Stage, WaitingFor
from domain.facts import CardToBuy, CodeChecked, PayoutFacts
from domain.payout import PayoutOutcome
from domain.pricing import QuoteState
from domain.refusals import CodesUsedUp, DynamicCodeExpired, DynamicCodeWrong, NotExpectedNow, QuoteAnswered
from domain.review import AskedItem, RejectReason, ReviewOutcome
from domain.verification import Consequence, DynamicCodeResult
from tests.workflows import histories
from tests.workflows.stage import ACTIVE, World, card, decided, playing, read, unavailable, verified
from workflows.desk import CardDesk
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def until(desk: CardDesk, card_id: str, waiting_for: WaitingFor, tries: int = 200) -> None:
    """Returns when the card waits for that party."""
    for _ in range(tries):
        if (await desk.story(card_id)).waiting_for is waiting_for:
            return
        await asyncio.sleep(0.03)
    raise AssertionError(f"never waited for {waiting_for}: {await desk.story(card_id)}")


async def journey(
    client: Client, world: World, one: CardToBuy, act: Callable[[CardDesk], Awaitable[None]] | None = None
) -> CardEnded:
    """Plays one card through and returns how it ended."""
    desk = CardDesk(client)
    async with playing(client, world):
        await desk.start(one)
        if act is not None:
            await act(desk)
        handle = client.get_workflow_handle(f"card:{one.card_id}", result_type=CardEnded)
        ended: CardEnded = await asyncio.wait_for(handle.result(), 25)
        assert (await desk.story(one.card_id)).stage is Stage.ENDED
        await histories.keep(client, f"card:{one.card_id}")
        return ended


async def test_an_ecommerce_card_is_bought_without_a_person(temporal_client: Client) -> None:
    world = World()
    one = card()
    assert await journey(temporal_client, world, one) == CardEnded(Outcome.PAID)
    assert world.names() == [
        "verification.ask_issuer", "pricing.value", "pricing.offer", "payout.prepare", "payout.send", "payout.settle",
    ]  # fmt: skip
    assert world.of("payout.prepare") == [(one.card_id, "quote-1", f"card-{one.card_id}-payout-1")]


async def test_starting_a_card_twice_runs_it_once(temporal_client: Client) -> None:
    world, one = World(), card()
    await journey(temporal_client, world, one, lambda desk: desk.start(one))
    assert len(world.of("payout.send")) == 1


async def test_the_seller_checks_what_was_read_and_accepts_the_quote(temporal_client: Client) -> None:
    world, one = World(accepted=False), card(has_photos=True, confirm_fields=True)

    async def seller(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_FIELDS)
        await desk.confirm_fields(one.card_id, 2)
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        await desk.answer_offer(one.card_id, "quote-1", accept=True)

    assert (await journey(temporal_client, world, one, seller)).outcome is Outcome.PAID
    assert world.of("pricing.close") == [(one.card_id, "quote-1", QuoteState.ACCEPTED)]


async def test_fields_are_refused_when_nobody_waits_for_them(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def seller(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_OFFER)
        with pytest.raises(NotExpectedNow) as refused:
            await desk.confirm_fields(one.card_id, 2)
        assert refused.value.data == {"stage": "offer", "waiting_for": "seller_offer"}
        await desk.answer_offer(one.card_id, "quote-1", accept=False)

    ended = await journey(temporal_client, world, one, seller)
    assert ended == CardEnded(Outcome.DECLINED, EndReason.DECLINED)


async def test_a_quote_is_answered_once_and_the_second_answer_hears_which_counts(temporal_client: Client) -> None:
    world, one = World(accepted=False), card()

    async def seller(desk: CardDesk) -> None:
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


async def test_an_answer_after_the_end_hears_how_it_ended(temporal_client: Client) -> None:
    world, one = World(), card()
    desk = CardDesk(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").result()
        with pytest.raises(QuoteAnswered):
            await desk.answer_offer(one.card_id, "quote-1", accept=True)


async def test_a_supermarket_card_needs_the_right_code(temporal_client: Client) -> None:
    wrong, expired = CodeChecked(DynamicCodeResult.WRONG, 2), CodeChecked(DynamicCodeResult.EXPIRED, 2)
    world = World(codes=[wrong, expired, CodeChecked(DynamicCodeResult.RIGHT, 2)])
    one = card(CardType.SUPERMARKET)

    async def seller(desk: CardDesk) -> None:
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

    async def seller(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        for _ in range(3):
            with pytest.raises(DynamicCodeWrong):
                await desk.enter_code(one.card_id, "000000")

    ended = await journey(temporal_client, world, one, seller)
    assert ended == CardEnded(Outcome.REJECTED, EndReason.WRONG_CODE)
    assert "payout.send" not in world.names()


async def test_no_more_than_three_codes_are_sent(temporal_client: Client) -> None:
    world, one = World(), card(CardType.SUPERMARKET)

    async def seller(desk: CardDesk) -> None:
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


async def test_a_dining_card_is_always_reviewed(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], decisions={"d1": decided(ReviewOutcome.APPROVE)})
    one = card(CardType.DINING)

    async def reviewer(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")

    assert (await journey(temporal_client, world, one, reviewer)).outcome is Outcome.PAID
    assert world.of("review.open") == [(one.card_id, 1, ("card_type",))]


async def test_two_decisions_at_once_are_applied_once(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], accepted=False)
    world.decisions = {"d1": decided(ReviewOutcome.APPROVE), "d2": decided(ReviewOutcome.APPROVE_CORRECTED)}
    one = card(CardType.DINING)

    async def reviewers(desk: CardDesk) -> None:
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

    async def reviewer(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        with pytest.raises(NotExpectedNow):
            await desk.decide(one.card_id, "task-9", "d1")
        await desk.decide(one.card_id, "task-1", "d1")

    await journey(temporal_client, world, one, reviewer)


async def test_corrected_fields_are_verified_and_priced_anew(temporal_client: Client) -> None:
    correction = decided(ReviewOutcome.APPROVE_CORRECTED, fields_changed=True)
    world = World(reasons=[("low_confidence",)], decisions={"d1": correction})
    one = card()

    async def reviewer(desk: CardDesk) -> None:
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

    async def reviewer(desk: CardDesk) -> None:
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

    async def people(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        await desk.enter_code(one.card_id, "111111")
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.SELLER_CODE)
        await desk.enter_code(one.card_id, "222222")

    assert (await journey(temporal_client, world, one, people)).outcome is Outcome.PAID
    assert [sent[1] for sent in world.of("verification.send_code")] == [1, 2]


async def test_a_crossborder_card_is_bought_at_a_locked_rate(temporal_client: Client) -> None:
    world = World()
    assert (await journey(temporal_client, world, card(CardType.CROSSBORDER))).outcome is Outcome.PAID
    assert world.names()[:2] == ["verification.ask_issuer", "verification.open_channel"]


async def test_a_rejection_carries_the_reviewers_reason(temporal_client: Client) -> None:
    rejection = decided(ReviewOutcome.REJECT, reject_reason=RejectReason.FORGED)
    world = World(reasons=[("forged_number",)], decisions={"d1": rejection})
    one = card()

    async def reviewer(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")

    ended = await journey(temporal_client, world, one, reviewer)
    assert ended == CardEnded(Outcome.REJECTED, EndReason.REVIEWER, "forged")


async def test_the_seller_is_asked_for_one_item_again(temporal_client: Client) -> None:
    world = World(reasons=[("low_confidence",), ()])
    world.decisions = {"d1": decided(ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PHOTO)}
    one = card(has_photos=True)

    async def both(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.SELLER_ITEM)
        await desk.supply_item(one.card_id, 2)

    assert (await journey(temporal_client, world, one, both)).outcome is Outcome.PAID
    assert len(world.of("reading.read_photos")) == 2
    assert "review.asked_photo" in [move[-1] for move in world.of("journey.move")]


async def test_a_regional_card_is_entered_by_hand_then_confirmed_by_an_outlet(temporal_client: Client) -> None:
    world = World(reasons=[("card_type",)], decisions={"d1": decided(ReviewOutcome.APPROVE_CORRECTED)})
    one = card(CardType.REGIONAL, has_photos=True)

    async def people(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        await desk.decide(one.card_id, "task-1", "d1")
        await until(desk, one.card_id, WaitingFor.OUTLET)
        await desk.outlet_reported(one.card_id, f"outlet-{one.card_id}", confirmed=True)
        await desk.outlet_reported(one.card_id, f"outlet-{one.card_id}", confirmed=False)

    assert (await journey(temporal_client, world, one, people)).outcome is Outcome.PAID
    assert world.of("verification.record_outlet_report") == [(one.card_id, f"outlet-{one.card_id}", True)]


async def test_an_unlicensed_channel_buys_nothing(temporal_client: Client) -> None:
    ended = await journey(temporal_client, World(licensed=False), card(CardType.CROSSBORDER))
    assert ended == CardEnded(Outcome.REJECTED, EndReason.NO_LICENCE)


async def test_a_card_already_in_a_live_submission_is_rejected_when_it_is_read(temporal_client: Client) -> None:
    ended = await journey(temporal_client, World(readings=[read(duplicate=True)]), card(has_photos=True))
    assert ended == CardEnded(Outcome.REJECTED, EndReason.DUPLICATE)


async def test_an_issuer_that_stumbles_is_asked_again(temporal_client: Client) -> None:
    world = World(issuer=[unavailable(), verified(CardStatus.ACTIVE, Consequence.PROCEED)])
    assert (await journey(temporal_client, world, card())).outcome is Outcome.PAID
    assert len(world.of("verification.ask_issuer")) == 2


async def test_an_unknown_payment_is_reconciled_and_never_sent_again(temporal_client: Client) -> None:
    world = World(payments=[PayoutFacts(PayoutOutcome.UNKNOWN, None)])
    one = card()
    assert (await journey(temporal_client, world, one)).outcome is Outcome.PAID
    assert len(world.of("payout.send")) == 1
    assert world.names()[-3:] == ["journey.move", "payout.reconcile", "payout.settle"]


async def test_a_report_from_the_gateway_makes_it_ask_at_once(temporal_client: Client) -> None:
    world = World(payments=[PayoutFacts(PayoutOutcome.UNKNOWN, None)])
    world.reconciled = [unavailable(), unavailable(), PayoutFacts(PayoutOutcome.PAID, None)]
    one = card()

    async def gateway(desk: CardDesk) -> None:
        await until(desk, one.card_id, WaitingFor.GATEWAY)
        await world.second_query.wait()
        await desk.payment_reported(one.card_id, f"card-{one.card_id}-payout-1")

    assert (await journey(temporal_client, world, one, gateway)).outcome is Outcome.PAID
    assert len(world.of("payout.send")) == 1


async def test_a_refused_payment_ends_with_the_gateways_code(temporal_client: Client) -> None:
    world = World(payments=[PayoutFacts(PayoutOutcome.REFUSED, "PAYEE_NOT_EXIST")])
    ended = await journey(temporal_client, world, card())
    assert ended == CardEnded(Outcome.PAYMENT_REFUSED, EndReason.PAYEE_REFUSED, "PAYEE_NOT_EXIST")


async def test_late_reports_change_nothing(temporal_client: Client) -> None:
    world, one = World(), card()
    desk = CardDesk(temporal_client)
    async with playing(temporal_client, world):
        await desk.start(one)
        await temporal_client.get_workflow_handle(f"card:{one.card_id}").result()
        await desk.payment_reported(one.card_id, "key")
        await desk.outlet_reported(one.card_id, "request", confirmed=False)
    assert (world.names()).count("payout.settle") == 1
