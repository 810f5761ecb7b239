"""A drawn decision is made once more, blind; who differed is settled by a senior, and the answer flows back to both."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.tables.notices import NoticeRow
from database.tables.people import AbsenceRow, AuditRow
from database.tables.quality import BlindReviewRow, ReadingLabelRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.reading import FieldName
from domain.cards.review import RejectReason, ReviewOutcome
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork, TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.identifiers import new_id
from services.cards.corrections import Corrections, mark_of
from services.quality.blind_review import BlindReviews, draw
from services.quality.reading_labels import exported
from tests.builders.blind_reviews import ALL, drawn
from tests.builders.readings import a_read_card, printed
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World, a_number

HOUR = timedelta(hours=1)


async def the_row(world: World, review_id: str) -> BlindReviewRow:
    (row,) = await world.rows(BlindReviewRow, id=review_id)
    assert isinstance(row, BlindReviewRow)
    return row


async def test_matching_blind_review_settles_the_case(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, first = await drawn(world)
    colleague = await world.a_person()
    lease = await second.take(colleague)
    assert lease is not None
    assert lease.review_id == review_id
    assert await second.decide(colleague, review_id, ReviewOutcome.APPROVE_CORRECTED)
    row = await the_row(world, review_id)
    assert (row.first_person, row.final_outcome) == (first, ReviewOutcome.APPROVE)
    assert row.settled_at is not None


async def test_a_senior_settles_a_difference_and_both_reviewers_are_notified(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, first = await drawn(world)
    colleague, senior = await world.a_person(), await world.a_person("senior")
    await second.take(colleague, review_id)
    assert not await second.decide(
        colleague, review_id, ReviewOutcome.REJECT, RejectReason.FORGED, "the edge is blurred"
    )
    with pytest.raises(NotAllowed):
        await second.settle(await world.a_person(), review_id, ReviewOutcome.REJECT)
    with pytest.raises((OwnWork, NotAllowed)):
        await second.settle(colleague, review_id, ReviewOutcome.REJECT)
    await second.settle(senior, review_id, ReviewOutcome.REJECT, "it is a copy")
    kinds = {
        person: [row.kind for row in await world.rows(NoticeRow, person_id=person)] for person in (first, colleague)
    }
    assert kinds == {first: ["overturned"], colleague: ["upheld"]}
    with pytest.raises(TaskDecided):
        await second.settle(senior, review_id, ReviewOutcome.APPROVE)


async def test_blind_review_of_own_or_stand_in_work_is_refused(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, first = await drawn(world)
    assert await second.take(first) is None
    with pytest.raises(OwnWork):
        await second.take(first, review_id)
    friend, now = await world.a_person("senior"), datetime.now(UTC)
    away = AbsenceRow(
        id=new_id(), person_id=first, stand_in=friend, starts_at=now - HOUR, ends_at=now + HOUR, made_by=first
    )
    async with world.database.transaction() as session:
        session.add(away)
    with pytest.raises(OwnWork):
        await second.take(friend, review_id)
    with pytest.raises(OwnWork):
        await second.settle(friend, review_id, ReviewOutcome.APPROVE)


async def test_five_concurrent_claims_get_one_blind_review(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, _ = await drawn(world)
    people = [await world.a_person() for _ in range(5)]
    leases = await asyncio.gather(*(second.take(person, review_id) for person in people), return_exceptions=True)
    held = [lease for lease in leases if not isinstance(lease, BaseException)]
    assert len(held) == 1
    assert {type(one) for one in leases if isinstance(one, BaseException)} == {TaskHeldByAnother}
    answers = await asyncio.gather(
        *(second.decide(person, review_id, ReviewOutcome.APPROVE) for person in people for _ in range(2)),
        return_exceptions=True,
    )
    assert sum(answer is True for answer in answers) == 1


async def test_blind_review_needs_the_lease_and_a_valid_answer(world: World) -> None:
    second = BlindReviews(world.database, world.keyring)
    review_id, _ = await drawn(world)
    person = await world.a_person()
    with pytest.raises(TaskNotHeld):
        await second.decide(person, review_id, ReviewOutcome.APPROVE)
    await second.take(person, review_id)
    for outcome, reason in ((ReviewOutcome.REJECT, None), (ReviewOutcome.ASK_AGAIN, None)):
        with pytest.raises(FieldInvalid):
            await second.decide(person, review_id, outcome, reason)


async def test_daily_cap_holds_and_drawing_is_idempotent(world: World) -> None:
    _, task, person = await a_taken_task(world)
    decision = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    await world.review.apply(task, decision)
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM blind_review WHERE decision_id = :id"), {"id": decision})
        row, made = await session.get_one(WorkItemRow, task), await session.get_one(ReviewDecisionRow, decision)
        await draw(session, world.keyring, row, made, datetime.now(UTC), replace(ALL, per_day_max=0))
    assert await world.rows(BlindReviewRow, decision_id=decision) == []


async def test_read_fields_of_an_approved_card_become_labels_exported_masked(world: World) -> None:
    read = printed(brand="walmart", number=a_number("walmart"), pin="604128", face_value="500.00 CNY")
    card_id, _ = await a_read_card(world, read)
    task = await world.review.open(card_id, 1, ["card_type"])
    person = await world.a_person()
    await world.review_desk.leases.take(person, task.task_id)
    corrected = Corrections(pin="123456")
    decision = await world.review_desk.decisions.record_decision(
        person, task.task_id, ReviewOutcome.APPROVE_CORRECTED, corrected=corrected,
        confirmed=[mark_of(world.keyring, card_id, FieldName.PIN, "123456")],
    )  # fmt: skip
    for _ in range(2):
        await world.review.apply(task.task_id, decision)
    labels = {row.field: row for row in await world.rows(ReadingLabelRow, card_id=card_id)}
    assert labels["number"].accepted
    assert not labels["pin"].accepted
    async with world.database.transaction() as session:
        masked = [one for one in await exported(session, world.keyring, "office") if one.card_id == card_id]
        clear = [one for one in await exported(session, world.keyring, "office", clear=True) if one.card_id == card_id]
    assert {one.truth for one in masked if one.field == "pin"} == {"******"}
    assert {one.truth for one in clear if one.field == "pin"} == {"123456"}
    assert all("123456" not in one.as_json() for one in masked)
    assert len(await world.rows(AuditRow, act="labels:reading:export")) >= 2
