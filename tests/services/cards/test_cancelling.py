"""Operations cancel a card: everything that was opened closes with it, what was posted is reversed, and a payment is never crossed."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from database.repositories import ledger
from database.tables.cards import QuoteRow
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.payout import PayoutRow
from database.tables.notices import NoticeRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import ReviewDraftRow, WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage
from domain.cards.facts import Cancelled
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewOutcome
from domain.identifiers import payout_key
from domain.money import Currency, Money
from domain.notices.kinds import NoticeKind
from services.work import drafts
from tests.builders.owing import owed, refused
from tests.builders.reviewing import a_taken_task
from tests.builders.valued import a_valued
from tests.builders.world import World, a_typed_card

OPS = "person:OPS"


async def an_offer(world: World) -> tuple[str, str]:
    """A card whose quote is before its seller."""
    card_id = await world.a_card("jd")
    await world.verification.ask_issuer(card_id)
    quote_id = (await a_valued(world, card_id)).id
    await world.pricing.offer(card_id, quote_id)
    return card_id, quote_id


async def test_an_offered_card_ends_with_its_quote_void_and_can_be_sold_again(world: World) -> None:
    given, seller = a_typed_card("jd"), await world.a_seller()
    card_id = (await world.submitted(given, owner=seller)).card_ids[0]
    await world.verification.ask_issuer(card_id)
    await world.pricing.offer(card_id, (await a_valued(world, card_id)).id)
    assert (await world.journey.cancel(card_id, "R1", OPS)).done
    card = await world.card(card_id)
    assert (card.stage, card.outcome, card.reason) == (Stage.ENDED, Outcome.CANCELLED, EndReason.CANCELLED)
    (quote,) = await world.rows(QuoteRow, card_id=card_id)
    assert quote.state is QuoteState.VOIDED
    assert await world.rows(LedgerTransactionRow, card_id=card_id, what="offer_voided") == []
    async with world.database.transaction() as session:
        told = await session.execute(text("SELECT topic FROM outbox WHERE payload->>'card_id' = :id"), {"id": card_id})
        assert "cancelled" in set(told.scalars())
    assert (await world.submitted(given, owner=seller)).card_ids[0] != card_id


async def test_acceptance_is_reversed_once_under_the_quotes_key(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    assert await owed(world, card_id) > 0
    twice = [await world.journey.cancel(card_id, "R1", OPS) for _ in range(2)]
    assert [one.done for one in twice] == [True, True]
    assert await owed(world, card_id) == 0
    async with world.database.transaction() as session:
        reversal = await ledger.postings_of(session, f"{quote_id}:voided")
        posted = await ledger.postings_of(session, f"{quote_id}:owed")
    assert {(code, -amount) for code, amount, _ in posted} == {(code, amount) for code, amount, _ in reversal}
    assert (await world.story(card_id)).count("journey.cancelled") == 1


async def test_a_card_with_a_payment_order_is_never_cancelled(world: World) -> None:
    prepared, _ = await world.a_prepared_payout()
    owing = (await refused(world)).card
    for card_id in (prepared, owing):
        before = await owed(world, card_id)
        ended = await world.journey.cancel(card_id, "R1", OPS)
        assert (ended.done, ended.why_not) == (False, "ordered")
        assert (await world.card(card_id)).outcome is None
        assert await owed(world, card_id) == before


async def test_a_card_that_its_issuer_was_asked_to_secure_is_not_cancelled(world: World) -> None:
    card_id, _ = await world.a_confirmed_quote()
    ended = await world.journey.cancel(card_id, "R1", OPS)
    assert (ended.done, ended.why_not) == (False, "secured")


async def test_cancelling_an_ended_card_keeps_its_outcome(world: World) -> None:
    card_id = await world.a_card("jd")
    assert await world.journey.withdraw(card_id)
    ended = await world.journey.cancel(card_id, "R1", OPS)
    assert (ended.done, ended.why_not) == (False, "ended")
    assert (await world.card(card_id)).reason is EndReason.WITHDRAWN


async def a_payable_card(world: World) -> tuple[str, str]:
    """A card that may be paid, and whose issuer holds nothing for us; returns card and quote."""
    await world.issuer.control(default_balance_minor=100_00)
    card_id = await world.a_card("amazon-us", face_value=Money(100_00, Currency.USD), accept_at_or_above=Money(1))
    await world.verification.ask_issuer(card_id)
    await world.verification.open_channel(card_id)
    quote_id = (await world.pricing.value(card_id, 1)).quote_id
    await world.pricing.offer(card_id, quote_id)
    await world.verification.recheck(card_id, quote_id)
    return card_id, quote_id


async def test_concurrent_payment_and_cancellation_exclude_each_other(world: World) -> None:
    for turn in range(6):
        card_id, quote_id = await a_payable_card(world)
        acts = [
            world.payout.prepare(card_id, quote_id, payout_key(card_id, 1)),
            world.journey.cancel(card_id, "R1", OPS),
        ]
        if turn % 2:
            acts.reverse()
        heard = await asyncio.gather(*acts, return_exceptions=True)
        cancelled = next(one for one in heard if isinstance(one, Cancelled))
        orders = await world.rows(PayoutRow, card_id=card_id)
        assert cancelled.done is not bool(orders)
        assert (await world.card(card_id)).outcome is (Outcome.CANCELLED if cancelled.done else None)
        assert await owed(world, card_id) == 0, "reversed, or in flight"


async def test_cancelled_card_is_not_locked_at_the_issuer(world: World) -> None:
    card_id, quote_id = await world.an_accepted_quote()
    assert (await world.journey.cancel(card_id, "R1", OPS)).done
    assert (await world.verification.recheck(card_id, quote_id)).end_reason is not None
    assert "payout.card_secured_asked" not in await world.story(card_id)


async def test_a_reviewers_lease_draft_and_decision_end_with_the_card_and_they_are_notified(world: World) -> None:
    card_id, task_id, person = await a_taken_task(world)
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task_id, person, {"note": "half a sentence"})
    await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.APPROVE)
    other = await world.a_person()
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task_id, other, {"note": "another"})
    assert (await world.journey.cancel(card_id, "R1", OPS)).done
    (task,) = await world.rows(WorkItemRow, card_id=card_id)
    (decision,) = await world.rows(ReviewDecisionRow, card_id=card_id)
    assert (task.closed_at is not None, task.leased_by, task.leased_until) == (True, None, None)
    assert (decision.applied_at, decision.void_why) == (None, "cancelled")
    assert await world.rows(ReviewDraftRow, task_id=task_id) == []
    told = await world.rows(NoticeRow, card_id=card_id, kind=NoticeKind.CARD_ENDED)
    assert {one.person_id for one in told} == {person, other}


async def test_a_decision_that_arrives_after_the_cancelling_is_not_applied(world: World) -> None:
    card_id, task_id, person = await a_taken_task(world)
    made = await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.APPROVE)
    assert (await world.journey.cancel(card_id, "R1", OPS)).done
    with pytest.raises(ApplicationError) as late:
        await world.review.apply(task_id, made)
    assert late.value.type == "not_found"


async def test_concurrent_decision_and_cancellation_do_not_deadlock(world: World) -> None:
    for _ in range(4):
        card_id, task_id, person = await a_taken_task(world)
        made = await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.APPROVE)
        applied, cancelled = await asyncio.gather(
            world.review.apply(task_id, made),
            world.journey.cancel(card_id, "R1", OPS),
            return_exceptions=True,
        )
        assert not isinstance(cancelled, BaseException), cancelled
        assert cancelled.done
        (decision,) = await world.rows(ReviewDecisionRow, card_id=card_id)
        assert (decision.applied_at is None) == (decision.void_why == "cancelled")
        assert (await world.card(card_id)).outcome is Outcome.CANCELLED
        assert isinstance(applied, ApplicationError) == (decision.applied_at is None)
