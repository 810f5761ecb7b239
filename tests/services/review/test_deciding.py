"""A decision and its eight seconds: undone it was never made, once sent it cannot be undone, and no task is decided twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database.tables.people import AbsenceRow, AuditRow, RelativeRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import ClockIntervalRow, ReasonCodeRow, ReviewDraftRow, WorkItemRow
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.review import TooLateToUndo
from domain.errors.work import NotEligible, ReasonUnknown, TaskDecided, TaskHeldByAnother
from domain.identifiers import new_id
from domain.money import Money
from domain.rules.checks import check_policy
from domain.work.task import CameBack, TaskPhase
from services.cards.corrections import Corrections
from services.review import due_decisions
from services.review.desk import review_desk
from services.review.staging import FourEyes
from services.work import drafts
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World, a_number

SECOND = timedelta(seconds=1)
WINDOW = 8 * SECOND


async def the_task(world: World, task_id: str) -> WorkItemRow:
    (row,) = await world.rows(WorkItemRow, id=task_id)
    found: WorkItemRow = row
    return found


async def the_decision(world: World, decision_id: str) -> ReviewDecisionRow:
    (row,) = await world.rows(ReviewDecisionRow, id=decision_id)
    found: ReviewDecisionRow = row
    return found


async def send(world: World, decision_id: str, moment: datetime) -> list[due_decisions.DueDecision]:
    async with world.database.transaction() as session:
        return await due_decisions.send(session, moment, 10, only=decision_id)


async def test_decision_records_person_principal_claim_and_effective_time(world: World) -> None:
    _, task, person = await a_taken_task(world)
    colleague, moment = await world.a_person(), datetime.now(UTC)
    away = AbsenceRow(id=new_id(), person_id=colleague, stand_in=person, starts_at=moment - SECOND, ends_at=moment + 60 * SECOND, made_by=person)  # fmt: skip
    async with world.database.transaction() as session:
        session.add(away)
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE, suggestion="approve")
    row, held = await the_decision(world, made), await the_task(world, task)
    assert (row.person_id, row.acting_for, row.suggestion) == (person, [colleague], "approve")
    assert row.effective_at - row.made_at == WINDOW
    assert row.opened_at == held.leased_at
    assert (held.decided, held.leased_by) == (True, person)


async def test_the_reason_determines_the_message_to_the_seller(world: World) -> None:
    _, task, person = await a_taken_task(world)
    code = f"torn_{new_id()[:6].lower()}"
    torn = ReasonCodeRow(
        act="reject", code=code, letter="9", zh="卡面撕裂", en="Torn", reject_reason=RejectReason.DAMAGED
    )
    async with world.database.transaction() as session:
        session.add(torn)
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.REJECT, reason_code=code)
    row = await the_decision(world, made)
    assert (row.reason_code, row.reject_reason) == (code, RejectReason.DAMAGED)
    async with world.database.transaction() as session:
        await session.delete(await session.get_one(ReasonCodeRow, ("reject", code)))


@pytest.mark.parametrize(
    ("outcome", "more", "refusal"),
    [
        (ReviewOutcome.REJECT, {"reason_code": "bad_mood"}, ReasonUnknown),
        (ReviewOutcome.REJECT, {"reason_code": "blurred"}, ReasonUnknown),  # Of another act's list.
        (ReviewOutcome.REJECT, {"reason_code": "other"}, FieldInvalid),  # Needs a note.
        (ReviewOutcome.HAND_TO_STORE, {}, ReasonUnknown),
        (ReviewOutcome.ASK_AGAIN, {"asked_item": AskedItem.PIN}, ReasonUnknown),
    ],
)
async def test_decision_without_a_listed_reason_is_refused(
    world: World, outcome: ReviewOutcome, more: dict[str, Any], refusal: type[Exception]
) -> None:
    _, task, person = await a_taken_task(world)
    with pytest.raises(refusal):
        await world.review_desk.decisions.record_decision(person, task, outcome, **more)
    assert not (await the_task(world, task)).decided


async def test_a_card_is_handed_to_the_store_with_a_reason(world: World) -> None:
    _, task, person = await a_taken_task(world)
    made = await world.review_desk.decisions.record_decision(
        person, task, ReviewOutcome.HAND_TO_STORE, reason_code="answers_differ"
    )
    assert (await world.review.apply(task, made)).outcome is ReviewOutcome.HAND_TO_STORE


async def test_relatives_card_cannot_be_decided_even_with_the_lease(world: World) -> None:
    card_id, task, person = await a_taken_task(world)
    seller = await world.payee_of(card_id)
    async with world.database.transaction() as session:
        session.add(RelativeRow(person_id=person, seller=seller))
    with pytest.raises(NotEligible):
        await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)


async def test_undo_restores_the_lease_and_the_draft(world: World) -> None:
    _, task, person = await a_taken_task(world)
    number = a_number("starbucks")
    given = Corrections(number=number, face_value=Money(300_00))
    made = await world.review_desk.decisions.record_decision(
        person, task, ReviewOutcome.APPROVE_CORRECTED, corrected=given, note="edges fine"
    )
    undone = await world.review_desk.decisions.undo(person, made)
    row, held = await the_decision(world, made), await the_task(world, task)
    assert (undone.task_id, row.void_why, row.sent_at) == (task, "undone", None)
    assert (held.decided, held.leased_by, held.came_back) == (False, person, CameBack.UNDONE)
    assert held.leased_until is not None
    assert held.leased_until > datetime.now(UTC)
    async with world.database.transaction() as session:
        draft = await drafts.kept(session, world.keyring, task, person)
    assert (draft["number"], draft["face_value"], draft["note"], draft["outcome"]) == (number, "300.00", "edges fine", "approve_corrected")  # fmt: skip
    again = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.REJECT, reason_code="forged")
    assert again != made
    assert await world.rows(ReviewDraftRow, task_id=task) == []
    acts = [one.act for one in await world.rows(AuditRow, actor=f"person:{person}", subject=task)]
    assert "console:task:undo" in acts
    open_intervals = [one for one in await world.rows(ClockIntervalRow, task_id=task) if one.ended_at is None]
    assert [one.person_id for one in open_intervals] == [person]


async def test_decided_task_cannot_be_claimed_nor_a_colleagues_decision_undone(world: World) -> None:
    _, task, person = await a_taken_task(world)
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    other = await world.a_person("senior")
    with pytest.raises((TaskDecided, TaskHeldByAnother)):
        await world.review_desk.leases.take(other, task)
    for stranger, decision in ((other, made), (person, new_id())):
        with pytest.raises(NotFound):
            await world.review_desk.decisions.undo(stranger, decision)
    await world.review_desk.decisions.undo(person, made)


async def test_sent_decision_cannot_be_undone_and_undone_decision_is_not_sent(world: World) -> None:
    _, task, person = await a_taken_task(world)
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    assert await send(world, made, datetime.now(UTC)) == []
    later = review_desk(world.database, world.keyring, lambda: datetime.now(UTC) + WINDOW + SECOND)
    with pytest.raises(TooLateToUndo):
        await later.decisions.undo(person, made)
    assert [one.decision_id for one in await send(world, made, datetime.now(UTC) + WINDOW)] == [made]
    with pytest.raises(TooLateToUndo):
        await world.review_desk.decisions.undo(person, made)
    _, task, person = await a_taken_task(world)
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    await world.review_desk.decisions.undo(person, made)
    assert await send(world, made, datetime.now(UTC) + WINDOW) == []
    with pytest.raises(TooLateToUndo):
        await world.review_desk.decisions.undo(person, made)


async def test_concurrent_undo_and_send_exclude_each_other(world: World) -> None:
    outcomes = set()
    for place in range(12):
        _, task, person = await a_taken_task(world)
        made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
        ripe = datetime.now(UTC) + WINDOW + SECOND  # The teller's clock is ahead: both believe that it is their turn.
        first, second = (world.review_desk.decisions.undo(person, made), send(world, made, ripe))
        pair = (first, second) if place % 2 else (second, first)
        results = await asyncio.gather(*pair, return_exceptions=True)
        undone = not any(isinstance(one, TooLateToUndo) for one in results)
        sent = any(isinstance(one, list) and one for one in results)
        row, held = await the_decision(world, made), await the_task(world, task)
        assert undone is not sent
        assert (row.void_at is not None, row.sent_at is not None, held.decided) == (undone, sent, sent)
        outcomes.add(undone)
    assert outcomes


async def test_concurrent_submits_decide_once(world: World) -> None:
    _, task, person = await a_taken_task(world)
    made = await asyncio.gather(
        *(world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE) for _ in range(4))
    )
    assert len(set(made)) == 1
    assert len(await world.rows(ReviewDecisionRow, task_id=task)) == 1


async def test_concurrent_undo_undoes_once(world: World) -> None:
    _, task, person = await a_taken_task(world)
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    results = await asyncio.gather(
        *(world.review_desk.decisions.undo(person, made) for _ in range(3)), return_exceptions=True
    )
    assert sum(isinstance(one, TooLateToUndo) for one in results) == 2


async def test_draft_is_readable_only_by_its_author(world: World) -> None:
    _, task, person = await a_taken_task(world)
    other, number = await world.a_person(), a_number("starbucks")
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task, person, {"number": number, "note": ""})
    async with world.database.transaction() as session:
        assert await drafts.kept(session, world.keyring, task, other) == {}
        assert (await drafts.kept(session, world.keyring, task, person))["number"] == number
        row = await session.get_one(ReviewDraftRow, (task, person))
        assert number.encode() not in bytes(row.fields_sealed)
        await drafts.save(session, world.keyring, task, person, {"number": "", "note": ""})
    assert await world.rows(ReviewDraftRow, task_id=task) == []


async def test_drafts_of_others_are_deleted_when_the_decision_is_sent(world: World) -> None:
    _, task, person = await a_taken_task(world)
    other = await world.a_person()
    async with world.database.transaction() as session:
        await drafts.save(session, world.keyring, task, other, {"note": "mine was different"})
    made = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    assert len(await world.rows(ReviewDraftRow, task_id=task)) == 1
    await send(world, made, datetime.now(UTC) + WINDOW)
    assert await world.rows(ReviewDraftRow, task_id=task) == []


async def test_decision_is_sent_at_once_without_an_undo_window(world: World) -> None:
    _, task, person = await a_taken_task(world)
    made = await review_desk(world.database, world.keyring, undo_s=0).decisions.record_decision(
        person, task, ReviewOutcome.APPROVE
    )
    assert len(await send(world, made, datetime.now(UTC))) == 1


async def test_a_staged_outcome_is_undone_like_any_other_and_no_check_of_it_is_waited_for(world: World) -> None:
    always = replace(check_policy(datetime.now(UTC).date()), value_minor_min=0)
    review = review_desk(world.database, world.keyring, four_eyes=FourEyes(always))
    _, task, person = await a_taken_task(world)
    made = await review.decisions.record_decision(person, task, ReviewOutcome.APPROVE, note="dear")
    staged = await the_task(world, task)
    assert (staged.phase, staged.decided, staged.leased_by) == (TaskPhase.CHECK, False, None)
    assert await send(world, made, datetime.now(UTC) + WINDOW) == []  # Nobody has checked it.
    await review.decisions.undo(person, made)
    held = await the_task(world, task)
    assert (held.phase, held.leased_by, held.staged_id, held.maker_circle) == (TaskPhase.REVIEW, person, None, [])
    assert await review.decisions.record_decision(person, task, ReviewOutcome.REJECT, reason_code="forged")
    assert (await the_task(world, task)).decided
