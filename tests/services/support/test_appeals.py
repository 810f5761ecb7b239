"""A rejected card is reviewed again blind for a customer, once; a changed decision opens it again and keeps the first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update

from activities.pricing import Pricing
from database.invariants import Look
from database.invariants.two_people import DecisionsByTwo
from database.reads.support.escalations import EscalationView, of_ticket
from database.tables.cards import CardRow, QuoteRow
from database.tables.notices import NoticeRow
from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.work import ClockIntervalRow, WorkItemRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.cards.review import RejectReason, ReviewOutcome
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.support import EscalationOver, NotReviewable
from domain.errors.work import OwnWork, TaskDecided, TaskHeldByAnother
from domain.support.escalations import EscalationState
from domain.support.tickets import InsideDesk, TicketState
from domain.work.deadlines import ClockOwner
from services.cards.payable import approved_reasons
from services.cards.resuming import resume_of
from services.cards.stock import Stock
from services.review.desk import review_desk
from services.support.desk import SupportDesk
from services.support.question_work import OldQuestions
from services.work.item_clocks import OwnClocks
from tests.builders.escalating import Escalating, a_held_ticket, a_ticket_about_a_rejection
from tests.builders.world import World

EVIDENCE = "The hologram is on the other side, see the photo."


async def appealed(scene: Escalating) -> tuple[str, str]:
    """The question, and the second review that it opened."""
    asked = await scene.ask(InsideDesk.REVIEW, EVIDENCE, scene.card_id, "new_evidence")
    (review,) = await scene.world.rows(BlindReviewRow, escalation_id=asked)
    return asked, review.id


async def overturned(
    scene: Escalating, review_id: str, final: ReviewOutcome = ReviewOutcome.APPROVE
) -> tuple[str, str]:
    """Decide otherwise than the first, and settle the difference; return reviewer and senior."""
    reviewer, senior = await scene.world.a_person(), await scene.world.a_person("senior")
    assert await scene.second.take(reviewer, review_id)
    await scene.second.decide(reviewer, review_id, ReviewOutcome.APPROVE, note="The hologram is genuine.")
    await scene.second.settle(senior, review_id, final, "I agree.")
    return reviewer, senior


async def views(scene: Escalating, now: datetime | None = None) -> tuple[EscalationView, ...]:
    async with scene.world.database.transaction() as session:
        return await of_ticket(session, scene.ticket_id, now or datetime.now(UTC))


async def carried(scene: Escalating) -> None:
    while await scene.settled.carry(100):
        pass


async def test_a_changed_decision_opens_the_card_again_and_keeps_the_first(world: World) -> None:
    scene, first = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    assert (await scene.found()).ticket.inside_desk is InsideDesk.REVIEW
    reviewer, senior = await overturned(scene, review)
    await carried(scene)
    card, row = await world.card(scene.card_id), await scene.question(asked)
    assert (card.outcome, card.reason, card.stage, card.waiting_for) == (None, None, Stage.REVIEW, WaitingFor.MACHINE)
    assert (card.live, card.started_at, card.reopened_at is not None) == (True, None, True)
    assert (row.state, row.answer_code, row.answered_by) == (EscalationState.ANSWERED, "changed", senior)
    assert row.answer == "The hologram is genuine.\nI agree."
    decisions = {one.id: one for one in await world.rows(ReviewDecisionRow, card_id=scene.card_id)}
    kept = decisions.pop(first.id)
    assert (kept.outcome, kept.void_at, kept.person_id) == (ReviewOutcome.REJECT, None, first.person_id)
    (second,) = decisions.values()
    assert (second.outcome, second.person_id, second.needs_check) == (ReviewOutcome.APPROVE, reviewer, "appeal")
    story = await world.story(scene.card_id)
    assert [one for one in story if one in ("review.decided", "journey.ended", "review.appealed")][
        -1
    ] == "review.appealed"
    assert story.count("review.decided") == 1
    assert (await scene.found()).ticket.state is TicketState.NEW
    assert {one.kind for one in await world.rows(NoticeRow, person_id=scene.agent)} == {"answered_inside"}


async def test_journey_continues_from_its_rows_with_a_new_quote_and_no_review(world: World) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    _, review = await appealed(scene)
    await overturned(scene, review)
    await carried(scene)
    to_buy = await world.intake.card_to_buy(scene.card_id)
    assert (to_buy.resume.outcome, to_buy.resume.quote_id, to_buy.resume.person_wanted) == (None, None, False)
    assert (to_buy.resume.read, to_buy.resume.tasks, to_buy.resume.quotes) == (True, 2, 1)
    assert "card_type" in to_buy.resume.settled
    valued = await Pricing(world.database, world.keyring, Stock()).value(scene.card_id, 2)
    states = {one.id: one.state for one in await world.rows(QuoteRow, card_id=scene.card_id)}
    assert sorted(states.values()) == [QuoteState.OPEN, QuoteState.REPLACED]
    offered = await world.pricing.offer(scene.card_id, valued.quote_id)
    assert offered.expires_in_s > 0
    async with world.database.transaction() as session:
        assert "card_type" in await approved_reasons(session, scene.card_id)
        assert [one for one in await DecisionsByTwo().broken(session, Look(most=100_000)) if scene.card_id in one] == []


async def test_overturned_correction_is_reviewed_first(world: World) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    _, review = await appealed(scene)
    await overturned(scene, review, ReviewOutcome.APPROVE_CORRECTED)
    await carried(scene)
    async with world.database.transaction() as session:
        resume = await resume_of(session, await session.get_one(CardRow, scene.card_id))
    assert (resume.outcome, resume.settled, resume.person_wanted) == (None, (), True)
    await world.review.open(scene.card_id, 2, ["card_type", "operations"])


@pytest.mark.parametrize("final", [None, ReviewOutcome.REJECT], ids=["agreed", "settled"])
async def test_confirmed_decision_keeps_the_card_ended(world: World, final: ReviewOutcome | None) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    if final is None:
        reviewer = await world.a_person()
        assert await scene.second.take(reviewer, review)
        assert await scene.second.decide(reviewer, review, ReviewOutcome.REJECT, RejectReason.FORGED)
    else:
        await overturned(scene, review, final)
    await carried(scene)
    assert (await scene.question(asked)).answer_code == "kept"
    assert (await world.card(scene.card_id)).outcome is Outcome.REJECTED


async def test_second_appeal_is_refused_even_concurrently(world: World) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    tries = await asyncio.gather(*(appealed(scene) for _ in range(3)), return_exceptions=True)
    (given,) = [one for one in tries if not isinstance(one, BaseException)]
    assert {type(one) for one in tries if isinstance(one, BaseException)} == {NotReviewable}
    await overturned(scene, given[1], ReviewOutcome.REJECT)
    await carried(scene)
    with pytest.raises(NotReviewable) as refused:
        await appealed(scene)
    assert refused.value.data == {"why": "appealed"}


async def test_a_withdrawn_appeal_ends_its_review_and_is_not_the_one_that_counts(world: World) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    reviewer = await world.a_person()
    assert await scene.second.take(reviewer, review)
    await scene.escalations.withdraw(scene.agent, asked)
    with pytest.raises(TaskDecided):
        await scene.second.decide(reviewer, review, ReviewOutcome.APPROVE)
    await carried(scene)
    assert (await world.card(scene.card_id)).outcome is Outcome.REJECTED
    with pytest.raises(EscalationOver):
        await scene.escalations.withdraw(scene.agent, asked)
    await appealed(scene)


async def test_people_who_know_the_first_decision_cannot_review_it(world: World) -> None:
    scene, first = await a_ticket_about_a_rejection(world)
    scene.agent = both = await world.a_person("support_lead", "senior")
    await scene.desk.tasks.take_over(both, f"ticket:{scene.ticket_id}:ticket:1", "urgent")
    _, review = await appealed(scene)
    for person in (first.person_id or "", both):
        with pytest.raises(OwnWork):
            await scene.second.take(person, review)
    with pytest.raises(NotAllowed):
        await scene.second.take(await world.a_person("support"), review)


async def test_a_card_that_was_submitted_again_meanwhile_stays_ended(world: World) -> None:
    number, owner = None, await world.a_seller()
    scene, _ = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    async with world.database.transaction() as session:
        held = await session.get_one(CardRow, scene.card_id)
        other = await session.get_one(CardRow, await world.a_card("starbucks", owner=owner))
        other.claim, number = held.claim, held.number_tail
    await overturned(scene, review)
    await carried(scene)
    assert number is not None
    assert (await scene.question(asked)).answer_code == "differs"
    assert (await world.card(scene.card_id)).reason is EndReason.REVIEWER


async def test_undecided_card_cannot_be_reviewed_again(world: World) -> None:
    scene = await a_held_ticket(world)
    with pytest.raises(FieldInvalid):
        await scene.ask(InsideDesk.REVIEW, EVIDENCE)
    with pytest.raises(NotReviewable) as undecided:
        await appealed(scene)
    await world.review.open(scene.card_id, 1, ["card_type"])
    with pytest.raises(NotReviewable) as deciding:
        await appealed(scene)
    assert (undecided.value.data["why"], deciding.value.data["why"]) == ("not_decided", "in_review")


async def test_review_question_has_the_clock_of_its_desk_and_no_reviewer_name(world: World) -> None:
    scene, first = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    item = await scene.item(asked, InsideDesk.REVIEW)
    async with world.database.transaction() as session:
        (interval,) = (
            await session.execute(select(ClockIntervalRow).where(ClockIntervalRow.task_id == item.id))
        ).scalars()
    assert (interval.owner, interval.ended_at, item.reasons, item.due_at > scene.clock()) == (
        ClockOwner.REVIEWER,
        None,
        [],
        True,
    )
    assert first.person_id in item.barred
    assert scene.agent in item.barred
    (view,) = await views(scene)
    assert (view.due_at, view.held_since, view.holder) == (item.due_at, None, "")
    reviewer, other, senior = await world.a_person(), await world.a_person(), await world.a_person("senior")
    queue = review_desk(world.database, world.keyring)
    assert await queue.leases.take(reviewer, item.id)  # From the queue of the desk: the review goes with it.
    with pytest.raises(TaskHeldByAnother):
        await scene.second.take(other, review)
    assert await scene.second.take(reviewer, review)
    (view,) = await views(scene)
    assert (view.holder, view.held_since is not None) == ("", True)
    await queue.leases.release(reviewer, item.id)
    assert await scene.second.take(other, review)
    await scene.second.decide(other, review, ReviewOutcome.APPROVE, note="It is genuine.")
    item = await scene.item(asked, InsideDesk.REVIEW)
    assert (item.escalated, item.leased_by, other in item.barred, item.closed_at) == (True, None, True, None)
    with pytest.raises(OwnWork):
        await queue.leases.take(other, item.id)
    assert await queue.leases.take(senior, item.id)
    await scene.second.settle(senior, review, ReviewOutcome.APPROVE)
    await carried(scene)
    item = await scene.item(asked, InsideDesk.REVIEW)
    (view,) = await views(scene)
    assert (item.closed_at is not None, view.due_at, view.answered_by != "") == (True, None, True)


async def from_before(scene: Escalating, asked: str) -> None:
    """Leave the question as it was written before questions to reviewers were work of a kind of their own."""
    item = await scene.item(asked, InsideDesk.REVIEW)
    async with scene.world.database.transaction() as session:
        for table in (BlindReviewRow, TicketEscalationRow):
            await session.execute(update(table).where(table.task_id == item.id).values(task_id=None))
        await session.execute(delete(ClockIntervalRow).where(ClockIntervalRow.task_id == item.id))
        await session.execute(delete(WorkItemRow).where(WorkItemRow.id == item.id))


@pytest.mark.parametrize("begun", [False, True], ids=["nobody-has-it", "a-reviewer-has-it"])
async def test_a_question_from_before_its_kind_of_work_gets_the_clock_of_when_it_was_asked(
    world: World, begun: bool
) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    first, reviewer = await scene.item(asked, InsideDesk.REVIEW), await world.a_person()
    await from_before(scene, asked)
    if begun:
        assert await scene.second.take(reviewer, review)
    later = scene.clock() + timedelta(minutes=7)
    assert await OldQuestions(SupportDesk(world.database, world.keyring, world.photos, lambda: later)).adopt(10) == 1
    assert await OldQuestions(SupportDesk(world.database, world.keyring, world.photos, lambda: later)).adopt(10) == 0
    item = await scene.item(asked, InsideDesk.REVIEW)
    assert (item.opened_at, item.due_at, item.barred) == (first.opened_at, first.due_at, first.barred)
    assert item.leased_by == (reviewer if begun else None)
    (view,) = await views(scene)
    assert view.due_at == item.due_at
    if not begun:
        assert await scene.second.take(reviewer, review)
    await scene.second.decide(reviewer, review, ReviewOutcome.APPROVE, note="It is genuine.")
    assert (await scene.item(asked, InsideDesk.REVIEW)).escalated


async def test_a_late_review_question_is_warned_of_and_reported_to_the_seniors(world: World) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    senior, item = await world.a_person("senior"), await scene.item(asked, InsideDesk.REVIEW)
    late = item.due_at + timedelta(minutes=1)
    while await OwnClocks(world.database, lambda: late).ring(100):
        pass
    item = await scene.item(asked, InsideDesk.REVIEW)
    assert (item.breached_at, item.escalated) == (late, False)
    assert "breach" in {one.kind for one in await world.rows(NoticeRow, person_id=senior, task_id=item.id)}
    (view,) = await views(scene, late)
    assert view.late
    assert await scene.second.take(await world.a_person(), review)


async def test_a_withdrawn_review_question_leaves_the_queue_of_its_desk(world: World) -> None:
    scene, _ = await a_ticket_about_a_rejection(world)
    asked, review = await appealed(scene)
    await scene.escalations.withdraw(scene.agent, asked)
    assert (await scene.item(asked, InsideDesk.REVIEW)).closed_at is not None
    with pytest.raises(TaskDecided):
        await scene.second.take(await world.a_person(), review)
