"""A person decides: a task is in one hand, decided once by that hand, and applied to the card once."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from database.tables.columns import now
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.intake import SubmittedCard
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.errors.cards import CardNumberInvalid
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.work import TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.money import Money
from domain.work.task import Alarm
from services.cards.corrections import Corrections
from services.work.leases import Lease
from tests.builders.photos import a_photo
from tests.builders.readings import a_read_card, printed, read_again
from tests.builders.reviewing import a_taken_task, a_task
from tests.builders.world import World, a_number


async def test_a_task_opens_once_with_its_clock_and_its_worth(world: World) -> None:
    card_id, task = await a_task(world)
    assert await world.review.open(card_id, 1, ["card_type"]) == task
    (row,) = await world.rows(WorkItemRow, card_id=card_id)
    assert row.due_at - row.opened_at == timedelta(seconds=task.due_after_s)
    assert row.warn_at - row.opened_at == timedelta(seconds=task.warn_after_s)
    assert (row.reasons, row.value_minor > 400_00) == (["card_type"], True)
    card = await world.card(card_id)
    assert (card.stage, card.waiting_for, card.until) == (Stage.REVIEW, WaitingFor.REVIEWER, row.due_at)


async def test_a_breach_escalates_and_only_a_senior_takes_it_then(world: World) -> None:
    _, task = await a_task(world)
    await world.alarms.alarm(task.task_id, Alarm.WARNING)
    await world.alarms.alarm(task.task_id, Alarm.BREACH)
    (row,) = await world.rows(WorkItemRow, id=task.task_id)
    assert (row.escalated, row.warned_at is None, row.breached_at is None) == (True, False, False)
    with pytest.raises(NotAllowed):
        await world.review_desk.leases.take(await world.a_person("reviewer"), task.task_id)
    assert await world.review_desk.leases.take(await world.a_person("senior"), task.task_id)


async def test_task_escalated_during_a_lease_is_decided_by_a_senior_only(world: World) -> None:
    _, task, person = await a_taken_task(world)
    await world.alarms.alarm(task, Alarm.BREACH)
    with pytest.raises(NotAllowed):
        await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    assert await world.rows(ReviewDecisionRow, task_id=task) == []
    _, task, senior = await a_taken_task(world, "senior")
    await world.alarms.alarm(task, Alarm.BREACH)
    assert await world.review_desk.decisions.record_decision(senior, task, ReviewOutcome.APPROVE)


async def test_concurrent_claims_give_one_holder(world: World) -> None:
    _, task = await a_task(world)
    people = [await world.a_person() for _ in range(6)]
    taken = await asyncio.gather(
        *(world.review_desk.leases.take(one, task.task_id) for one in people), return_exceptions=True
    )
    assert sum(isinstance(one, Lease) for one in taken) == 1
    assert sum(isinstance(one, TaskHeldByAnother) for one in taken) == 5


async def test_next_prefers_own_tasks_and_skips_those_of_others(world: World) -> None:
    for _ in range(4):
        await a_task(world)
    people = [await world.a_person() for _ in range(4)]
    leases = await asyncio.gather(*(world.review_desk.leases.take(one, None) for one in people))
    assert len({lease.task_id for lease in leases if lease}) == 4
    again = await world.review_desk.leases.take(people[0], None)
    assert again is not None
    assert leases[0] is not None
    assert again.task_id == leases[0].task_id


async def test_released_or_expired_lease_frees_the_task(world: World) -> None:
    _, task, first = await a_taken_task(world)
    second = await world.a_person()
    with pytest.raises(TaskHeldByAnother):
        await world.review_desk.leases.take(second, task)
    await world.review_desk.tasks.release(first, task)
    assert await world.review_desk.leases.take(second, task)
    async with world.database.transaction() as session:
        (await session.get_one(WorkItemRow, task)).leased_until = now() - timedelta(seconds=1)
    with pytest.raises(TaskNotHeld):
        await world.review_desk.decisions.record_decision(second, task, ReviewOutcome.APPROVE)
    assert await world.review_desk.leases.take(first, task)


async def test_an_approval_is_applied_once_and_its_reasons_are_settled(world: World) -> None:
    card_id, task, person = await a_taken_task(world)
    decision = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    assert await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE) == decision
    facts = await world.review.apply(task, decision)
    assert await world.review.apply(task, decision) == facts
    assert (facts.outcome, facts.fields_changed) == (ReviewOutcome.APPROVE, False)
    (row,) = await world.rows(WorkItemRow, id=task)
    assert row.closed_at is not None
    assert (await world.story(card_id)).count("review.decided") == 1
    assert (await world.pricing.value(card_id, 2)).review_reasons == ()
    with pytest.raises(TaskDecided):
        await world.review_desk.leases.take(await world.a_person(), task)


async def decided(world: World, card_id: str, number: int, outcome: ReviewOutcome, **more: Any) -> None:
    """A task of the card is opened for two reasons, taken, decided and applied."""
    opened = await world.review.open(card_id, number, ["low_confidence", "wrong_pin"])
    task, person = opened.task_id, await world.a_person()
    await world.review_desk.leases.take(person, task)
    await world.review.apply(task, await world.review_desk.decisions.record_decision(person, task, outcome, **more))


async def test_issuer_answer_to_corrected_fields_is_reviewed_again(world: World) -> None:
    card_id = await world.a_card("tmall", pin="00000000")
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ("wrong_pin",)
    given = Corrections(number=a_number("tmall"))
    await decided(world, card_id, 1, ReviewOutcome.APPROVE_CORRECTED, corrected=given)
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 2)).review_reasons == ("wrong_pin",)


async def test_replaced_photo_reopens_settled_reasons(world: World) -> None:
    card_id, _ = await a_read_card(world, printed(0.8, number=a_number("jd")), brand="jd", face_value=Money(500_00))
    given = Corrections(face_value=Money(500_00))
    await decided(world, card_id, 1, ReviewOutcome.APPROVE_CORRECTED, corrected=given)
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ()
    await decided(world, card_id, 2, ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PHOTO, reason_code="blurred")
    await read_again(world, card_id, printed(0.8, number=a_number("jd")))
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 2)).review_reasons == ("low_confidence",)


async def test_two_people_cannot_both_decide(world: World) -> None:
    _, task, person = await a_taken_task(world)
    other = await world.a_person()
    with pytest.raises(TaskHeldByAnother):
        await world.review_desk.decisions.record_decision(other, task, ReviewOutcome.APPROVE)
    both = await asyncio.gather(
        world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE),
        world.review_desk.decisions.record_decision(person, task, ReviewOutcome.REJECT, RejectReason.FORGED),
        return_exceptions=True,
    )
    assert sum(isinstance(one, TaskDecided) for one in both) == 1
    assert len(await world.rows(ReviewDecisionRow, task_id=task)) == 1


async def test_corrected_fields_are_sealed_then_put_on_the_card(world: World) -> None:
    card_id, task, person = await a_taken_task(world)
    number = a_number("starbucks")
    given = Corrections(number=number, face_value=Money(300_00))
    decision = await world.review_desk.decisions.record_decision(
        person, task, ReviewOutcome.APPROVE_CORRECTED, corrected=given
    )
    (row,) = await world.rows(ReviewDecisionRow, id=decision)
    assert number.encode() not in bytes(row.corrected_sealed)
    facts = await world.review.apply(task, decision)
    assert facts.fields_changed
    card = await world.card(card_id)
    assert (card.number_tail, card.face_value_minor, card.fields_revision) == (number[-4:], 300_00, 1)


@pytest.mark.parametrize(
    ("outcome", "more", "field"),
    [
        (ReviewOutcome.REJECT, {}, "reject_reason"),
        (ReviewOutcome.REJECT, {"reject_reason": RejectReason.OTHER}, "note"),
        (ReviewOutcome.ASK_AGAIN, {}, "asked_item"),
        (ReviewOutcome.APPROVE, {"reject_reason": RejectReason.FORGED}, "reject_reason"),
        (ReviewOutcome.APPROVE, {"asked_item": AskedItem.PIN}, "asked_item"),
        (ReviewOutcome.APPROVE_CORRECTED, {}, "fields"),
        (ReviewOutcome.APPROVE, {"corrected": Corrections(pin="60412877")}, "fields"),
        (ReviewOutcome.APPROVE, {"note": "x" * 2001}, "note"),
    ],
)
async def test_invalid_decision_is_refused(
    world: World, outcome: ReviewOutcome, more: dict[str, Any], field: str
) -> None:
    _, task, person = await a_taken_task(world)
    with pytest.raises(FieldInvalid) as refused:
        await world.review_desk.decisions.record_decision(person, task, outcome, **more)
    assert refused.value.data["field"] == field
    assert await world.rows(ReviewDecisionRow, task_id=task) == []


async def test_rejection_and_request_store_their_message(world: World) -> None:
    _, task, person = await a_taken_task(world)
    decision = await world.review_desk.decisions.record_decision(
        person, task, ReviewOutcome.REJECT, RejectReason.DAMAGED
    )
    assert (await world.review.apply(task, decision)).reject_reason is RejectReason.DAMAGED
    _, task, person = await a_taken_task(world)
    item = {"asked_item": AskedItem.PHOTO, "reason_code": "blurred"}
    decision = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.ASK_AGAIN, **item)  # type: ignore[arg-type]
    assert (await world.review.apply(task, decision)).asked_item is AskedItem.PHOTO


async def test_card_without_number_or_value_is_neither_approved_nor_sent_to_a_store(world: World) -> None:
    receipt = await world.submitted(SubmittedCard("hualian", photos=(a_photo(),)))
    opened = await world.review.open(receipt.card_ids[0], 1, ["card_type"])
    person = await world.a_person()
    await world.review_desk.leases.take(person, opened.task_id)
    with pytest.raises(CardNumberInvalid):
        await world.review_desk.decisions.record_decision(person, opened.task_id, ReviewOutcome.APPROVE)
    with pytest.raises(FieldInvalid):
        await world.review_desk.decisions.record_decision(
            person, opened.task_id, ReviewOutcome.APPROVE_CORRECTED, corrected=Corrections(number=a_number("hualian"))
        )
    with pytest.raises(CardNumberInvalid):
        await world.review_desk.decisions.record_decision(
            person, opened.task_id, ReviewOutcome.HAND_TO_STORE, reason_code="answers_differ"
        )
    given = Corrections(number=a_number("hualian"), face_value=Money(200_00))
    assert await world.review_desk.decisions.record_decision(
        person, opened.task_id, ReviewOutcome.APPROVE_CORRECTED, corrected=given
    )
