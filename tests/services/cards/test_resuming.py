"""A journey restarted from its rows continues where it was: no needless second question to a person, no second payment."""

from __future__ import annotations

from typing import Any

from database.repositories import ledger
from database.tables.cards import QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.work import ClockIntervalRow, WorkItemRow
from domain.cards.card import EndReason, Outcome
from domain.cards.facts import AT_ITS_BEGINNING, Resume
from domain.cards.review import AskedItem, ReviewOutcome
from domain.finance.payout import PayoutOutcome, PayoutReport
from domain.identifiers import payout_key
from domain.money import Money
from domain.work.deadlines import ClockOwner
from services.finance.adoption import Adopting
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World


async def resumed(world: World, card_id: str) -> Resume:
    await world.intake.mark_started(card_id)
    return (await world.intake.card_to_buy(card_id)).resume


async def test_unstarted_card_resumes_at_its_beginning(world: World) -> None:
    card_id = await world.a_card("jd")
    assert (await world.intake.card_to_buy(card_id)).resume == AT_ITS_BEGINNING
    assert await resumed(world, card_id) == AT_ITS_BEGINNING


async def test_open_quote_keeps_its_number(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.verification.ask_issuer(card_id)
    valued = await world.pricing.value(card_id, 1)
    assert (await resumed(world, card_id)).quotes == 0  # Made and not offered: the same number gives the same quote.
    await world.pricing.offer(card_id, valued.quote_id)
    found = await resumed(world, card_id)
    assert (found.quote_id, found.accepted, found.read) == (valued.quote_id, False, True)


async def test_accepted_quote_and_order_continue_to_their_payment(world: World) -> None:
    card_id, quote_id = await world.a_confirmed_quote()
    found = await resumed(world, card_id)
    assert (found.quote_id, found.accepted, found.attempt) == (quote_id, True, 1)
    await world.alipay.control(refuse="PAYEE_NOT_EXIST")
    key = payout_key(card_id, 1)
    await world.payout.prepare(card_id, quote_id, key)
    await world.payout.send(key)
    await world.payout.conclude(key)
    await world.alipay.control(refuse="")
    assert (await resumed(world, card_id)).attempt == 1
    again = await world.payout.conclude(key)
    assert again.outcome is PayoutOutcome.REFUSED


async def test_issuer_is_not_queried_again_after_the_order(world: World) -> None:
    card_id, key = await world.a_prepared_payout()
    quote_id = (await resumed(world, card_id)).quote_id or ""
    await world.issuer.control(maintenance=["jd"])
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is None
    await world.issuer.control(maintenance=[])
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID


def paid(key: str, minor: int = 465_00) -> PayoutReport:
    return PayoutReport(key, PayoutOutcome.PAID, "2026000000001", Money(minor))


async def offered(world: World, **more: Any) -> tuple[str, str]:
    card_id = await world.a_card("jd", **more)
    await world.verification.ask_issuer(card_id)
    valued = await world.pricing.value(card_id, 1)
    await world.pricing.offer(card_id, valued.quote_id)
    return card_id, valued.quote_id


async def test_a_payment_that_only_the_gateway_knows_is_entered_once_and_settled(world: World) -> None:
    card_id, quote_id = await offered(world)
    key, adopting = payout_key(card_id, 1), Adopting(world.database, world.keyring)
    assert await adopting.adopt(paid(key)) is None
    assert await adopting.adopt(paid(key)) is None
    found = await resumed(world, card_id)
    assert (found.quote_id, found.accepted) == (quote_id, True)
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    assert await world.transfers(key) == []  # Nothing was sent: the gateway's word stands.
    await world.payout.conclude(key)
    assert (await world.card(card_id)).outcome is Outcome.PAID
    async with world.database.transaction() as session:
        owed = await ledger.balance(session, f"seller_payable:{await world.payee_of(card_id)}")
    assert owed.amount_minor == 0


async def test_gateway_only_payment_closes_the_review_and_its_clock(world: World) -> None:
    card_id, task_id, _ = await a_taken_task(world)
    (quote,) = await world.rows(QuoteRow, card_id=card_id)
    report = paid(payout_key(card_id, 1), quote.amount_minor)
    assert await Adopting(world.database, world.keyring).adopt(report) is None
    (task,) = await world.rows(WorkItemRow, card_id=card_id)
    assert (task.closed_at is not None, task.leased_by) == (True, None)
    (running,) = await world.rows(ClockIntervalRow, card_id=card_id, ended_at=None)
    assert (running.task_id, running.owner) == (task_id, ClockOwner.MACHINE)


async def test_differences_are_named_and_nothing_is_written(world: World) -> None:
    card_id, _ = await offered(world)
    adopting = Adopting(world.database, world.keyring)
    ended = await world.a_card("jd")
    await world.journey.end(ended, Outcome.LAPSED, None, None)
    unknown = "0" * 26
    for report, named in (
        (paid("somebody-elses-order"), "no order of ours"),
        (paid(payout_key(unknown, 1)), "not here"),
        (paid(payout_key(card_id, 1), 1), "no quote"),
        (paid(payout_key(ended, 1)), "ended as lapsed"),
    ):
        assert named in (await adopting.adopt(report) or "")
    assert await world.rows(PayoutRow, card_id=card_id) == []


async def decided(world: World, outcome: ReviewOutcome, **more: Any) -> Resume:
    """Where a card goes on whose reviewer's decision was the last thing to be written."""
    card_id, task, person = await a_taken_task(world)
    await world.review.apply(task, await world.review_desk.decisions.record_decision(person, task, outcome, **more))
    return await resumed(world, card_id)


async def test_decided_question_is_not_asked_again(world: World) -> None:
    approved = await decided(world, ReviewOutcome.APPROVE)
    assert (approved.tasks, approved.settled, approved.outcome) == (1, ("card_type",), None)
    rejected = await decided(world, ReviewOutcome.REJECT, reason_code="forged")
    assert (rejected.outcome, rejected.reason, rejected.detail) == (Outcome.REJECTED, EndReason.REVIEWER, "forged")


async def test_an_item_that_was_asked_for_again_is_awaited_again(world: World) -> None:
    asked = await decided(world, ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN, reason_code="missing")
    assert (asked.asked_item, asked.tasks, asked.settled) == (AskedItem.PIN, 1, ())


async def test_an_open_task_stays_the_next_one(world: World) -> None:
    card_id, _, _ = await a_taken_task(world)
    assert (await resumed(world, card_id)).tasks == 0
