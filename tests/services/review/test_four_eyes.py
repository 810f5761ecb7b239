"""Four eyes: the maker's decision waits, another person applies, returns or rejects it, and no person is on both sides."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from database.invariants import Look
from database.invariants.two_people import DecisionsByTwo
from database.tables.cards import CardEventRow
from database.tables.notices import NoticeRow
from database.tables.people import AbsenceRow, PersonRow
from database.tables.review import ReviewCheckRow
from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.review import BlindOutcomeDiffers, NothingToCheck
from domain.errors.work import NotEligible, OwnWork, ReasonUnknown, TaskDecided, TaskNotHeld
from domain.identifiers import new_id
from domain.money import Money
from domain.work.task import CameBack, CheckVerdict, TaskPhase
from services.cards.corrections import Corrections
from services.review import due_decisions
from services.review.desk import review_desk
from services.review.staging import FourEyes
from services.work import drafts
from tests.builders.four_eyes import ALWAYS, eyes, held_by_checker, staged, the_decision, the_task
from tests.builders.reviewing import a_task
from tests.builders.world import World

HOUR = timedelta(hours=1)


async def stands_in(world: World, person: str, absent: str) -> None:
    moment = datetime.now(UTC)
    row = AbsenceRow(
        id=new_id(), person_id=absent, stand_in=person, starts_at=moment - HOUR, ends_at=moment + HOUR, made_by=absent
    )
    async with world.database.transaction() as session:
        session.add(row)


async def leave(world: World, decision: str) -> list[str]:
    async with world.database.transaction() as session:
        return [one.decision_id for one in await due_decisions.send(session, datetime.now(UTC), 10, only=decision)]


async def test_a_staged_decision_takes_effect_only_when_another_person_applies_it(world: World) -> None:
    review = eyes(world)
    card_id, task, maker, decision = await staged(world, review)
    row = await the_task(world, task)
    assert (row.phase, row.maker_id, row.leased_by, row.decided) == (TaskPhase.CHECK, maker, None, False)
    assert await leave(world, decision) == []
    with pytest.raises(ApplicationError, match="check_missing"):
        await world.review.apply(task, decision)
    checker = await held_by_checker(review, await world.a_person(), task)
    assert await review.checks.check(checker, task, CheckVerdict.APPLY) == decision
    assert await leave(world, decision) == [decision]
    assert (await world.review.apply(task, decision)).outcome is ReviewOutcome.APPROVE
    what = [event.what for event in sorted(await world.rows(CardEventRow, card_id=card_id), key=lambda event: event.id)]
    assert what[-3:] == ["review.staged", "review.check_apply", "review.decided"]


async def test_own_work_is_refused_by_every_route(world: World) -> None:
    review = eyes(world)
    _, task, maker, _ = await staged(world, review)
    with pytest.raises(OwnWork):
        await review.leases.take(maker, task)
    assert (await review.leases.take(maker, None)) is None or (await the_task(world, task)).leased_by != maker
    with pytest.raises(OwnWork):
        await review.checks.check(maker, task, CheckVerdict.APPLY)
    with pytest.raises((OwnWork, TaskDecided)):
        await review.decisions.record_decision(maker, task, ReviewOutcome.REJECT, reason_code="forged")
    with pytest.raises(OwnWork):
        await review.checks.look_blind(maker, task, ReviewOutcome.APPROVE)


async def test_a_stand_in_of_the_maker_counts_as_the_maker(world: World) -> None:
    review = eyes(world)
    _, task, maker, _ = await staged(world, review)
    friend = await world.a_person()
    await stands_in(world, friend, maker)
    with pytest.raises(OwnWork):
        await review.leases.take(friend, task)
    with pytest.raises(OwnWork):
        await review.checks.check(friend, task, CheckVerdict.APPLY)


async def test_person_the_maker_stood_in_for_cannot_check(world: World) -> None:
    review, boss = eyes(world), await world.a_person("senior")
    card_id, opened = await a_task(world)
    maker = await world.a_person()
    await stands_in(world, maker, boss)
    await review.leases.take(maker, opened.task_id)
    await review.decisions.record_decision(maker, opened.task_id, ReviewOutcome.APPROVE)
    with pytest.raises(OwnWork):
        await review.leases.take(boss, opened.task_id)
    assert set((await the_task(world, opened.task_id)).maker_circle) == {maker, boss}
    assert (await world.card(card_id)).outcome is None


async def test_a_delegation_declared_during_the_check_counts_when_it_is_decided(world: World) -> None:
    review = eyes(world)
    _, task, maker, decision = await staged(world, review)
    checker = await held_by_checker(review, await world.a_person(), task)
    await stands_in(world, checker, maker)
    with pytest.raises(OwnWork):
        await review.checks.check(checker, task, CheckVerdict.APPLY)
    assert (await the_decision(world, decision)).applied_at is None


async def test_returned_decision_goes_back_to_its_maker_with_the_input(world: World) -> None:
    review = eyes(world)
    _, task, maker, decision = await staged(world, review)
    checker = await held_by_checker(review, await world.a_person(), task)
    with pytest.raises(ReasonUnknown):
        await review.checks.check(checker, task, CheckVerdict.RETURN)
    await review.checks.check(checker, task, CheckVerdict.RETURN, "look_again", "the second digit")
    row = await the_task(world, task)
    assert (row.phase, row.assigned_to, row.came_back, row.came_back_reason) == (
        TaskPhase.REVIEW, maker, CameBack.RETURNED, "look_again",
    )  # fmt: skip
    assert (await the_decision(world, decision)).void_why == "returned"
    (notice,) = await world.rows(NoticeRow, person_id=maker)
    assert (notice.kind, notice.task_id) == ("returned", task)
    async with world.database.transaction() as session:
        assert (await drafts.kept(session, world.keyring, task, maker))["outcome"] == "approve"
    await review.leases.take(maker, task)
    again = await review.decisions.record_decision(maker, task, ReviewOutcome.APPROVE)
    await held_by_checker(review, checker, task)
    await review.checks.check(checker, task, CheckVerdict.APPLY)
    assert (await world.review.apply(task, again)).outcome is ReviewOutcome.APPROVE


async def test_rejected_decision_is_decided_by_an_uninvolved_senior(world: World) -> None:
    review = eyes(world)
    _, task, maker, decision = await staged(world, review)
    checker = await held_by_checker(review, await world.a_person("senior"), task)
    await review.checks.check(checker, task, CheckVerdict.REFUSE, "should_reject")
    row = await the_task(world, task)
    assert (row.phase, row.escalated, sorted(row.barred)) == (TaskPhase.REVIEW, True, sorted([maker, checker]))
    for one in (maker, checker):
        with pytest.raises(Refusal):
            await review.leases.take(one, task)
    assert await leave(world, decision) == []
    third = await held_by_checker(review, await world.a_person("senior"), task)
    final = await review.decisions.record_decision(third, task, ReviewOutcome.REJECT, reason_code="forged")
    assert (await world.review.apply(task, final)).outcome is ReviewOutcome.REJECT


async def test_blind_checker_decides_first(world: World) -> None:
    review = eyes(world, blind=True)
    _, task, _, decision = await staged(world, review)
    checker = await held_by_checker(review, await world.a_person(), task)
    with pytest.raises(FieldInvalid):
        await review.checks.check(checker, task, CheckVerdict.APPLY)
    assert await review.checks.look_blind(checker, task, ReviewOutcome.APPROVE)
    assert await review.checks.check(checker, task, CheckVerdict.APPLY) == decision
    (check,) = await world.rows(ReviewCheckRow, decision_id=decision)
    assert check.blind_outcome is ReviewOutcome.APPROVE


async def test_a_blind_answer_that_differs_cannot_be_changed_into_agreement(world: World) -> None:
    review = eyes(world, blind=True)
    _, task, _, _ = await staged(world, review)
    checker = await held_by_checker(review, await world.a_person(), task)
    assert not await review.checks.look_blind(checker, task, ReviewOutcome.REJECT)
    assert not await review.checks.look_blind(checker, task, ReviewOutcome.APPROVE)
    with pytest.raises(BlindOutcomeDiffers):
        await review.checks.check(checker, task, CheckVerdict.APPLY)
    await review.checks.check(checker, task, CheckVerdict.REFUSE, "should_reject")


async def test_concurrent_checks_count_once(world: World) -> None:
    review = eyes(world)
    _, task, _, decision = await staged(world, review)
    checkers = [await world.a_person() for _ in range(3)]
    leases = await asyncio.gather(*(review.leases.take(one, task) for one in checkers), return_exceptions=True)
    assert sum(not isinstance(lease, BaseException) for lease in leases) == 1
    checks = await asyncio.gather(
        *(review.checks.check(one, task, CheckVerdict.APPLY) for one in checkers for _ in range(2)),
        return_exceptions=True,
    )
    assert sum(check == decision for check in checks) == 1
    assert len(await world.rows(ReviewCheckRow, decision_id=decision)) == 1


async def test_a_check_needs_the_permission_the_lease_and_something_to_check(world: World) -> None:
    review = eyes(world)
    _, task, _, _ = await staged(world, review)
    with pytest.raises(NotAllowed):
        await review.checks.check(await world.a_person("ops"), task, CheckVerdict.APPLY)
    with pytest.raises(TaskNotHeld):
        await review.checks.check(await world.a_person(), task, CheckVerdict.APPLY)
    _, plain = await a_task(world)
    person = await held_by_checker(review, await world.a_person(), plain.task_id)
    with pytest.raises(NothingToCheck):
        await review.checks.check(person, plain.task_id, CheckVerdict.APPLY)


async def test_no_check_while_the_maker_can_undo(world: World) -> None:
    review = review_desk(world.database, world.keyring, undo_s=60, four_eyes=FourEyes(ALWAYS))
    _, task, maker, decision = await staged(world, review)
    with pytest.raises(NotEligible):
        await review.leases.take(await world.a_person(), task)
    await review.decisions.undo(maker, decision)
    row = await the_task(world, task)
    assert (row.phase, row.leased_by, row.maker_circle) == (TaskPhase.REVIEW, maker, [])


async def test_a_high_value_card_needs_a_check_by_the_policy_in_force_also_after_a_correction(
    world: World,
) -> None:
    card_id, opened = await a_task(world)
    maker = await world.a_person()
    await world.review_desk.leases.take(maker, opened.task_id)
    assert (await world.card(card_id)).card_type is CardType.DINING
    corrected = Corrections(face_value=Money(2_000_00))
    policy = replace(ALWAYS, value_minor_min=1_500_00)
    review = review_desk(world.database, world.keyring, undo_s=0, four_eyes=FourEyes(policy))
    made = await review.decisions.record_decision(
        maker, opened.task_id, ReviewOutcome.APPROVE_CORRECTED, corrected=corrected
    )
    kept = await the_decision(world, made)
    assert (kept.needs_check, kept.checks_version) == ("value", policy.version)


async def limited(world: World, limit_minor: int) -> str:
    person = await world.a_person()
    async with world.database.transaction() as session:
        (await session.get_one(PersonRow, person)).limit_minor = limit_minor
    return person


async def test_value_above_the_limit_of_maker_or_checker_is_refused(world: World) -> None:
    _, opened = await a_task(world)
    review, corrected = eyes(world), Corrections(face_value=Money(2_000_00))
    maker, checker = await limited(world, 1_000_00), await limited(world, 1_000_00)
    await held_by_checker(review, maker, opened.task_id)
    with pytest.raises(NotEligible) as refused:
        await review.decisions.record_decision(
            maker, opened.task_id, ReviewOutcome.APPROVE_CORRECTED, corrected=corrected
        )
    assert refused.value.data == {"why": "limit"}
    await review.tasks.release(maker, opened.task_id)
    other = await held_by_checker(review, await world.a_person(), opened.task_id)
    await review.decisions.record_decision(other, opened.task_id, ReviewOutcome.APPROVE_CORRECTED, corrected=corrected)
    await held_by_checker(review, checker, opened.task_id)
    with pytest.raises(NotEligible) as refused:
        await review.checks.check(checker, opened.task_id, CheckVerdict.APPLY)
    assert refused.value.data == {"why": "limit"}


async def test_invariant_finds_a_decision_applied_without_a_check(world: World) -> None:
    review = eyes(world)
    _, _, _, decision = await staged(world, review)
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE review_decision SET applied_at = now() WHERE id = :id"), {"id": decision})
        found = await DecisionsByTwo().broken(session, Look(alone_below=1, most=100_000))
        assert [line for line in found if decision in line]
        await session.execute(text("UPDATE review_decision SET applied_at = NULL WHERE id = :id"), {"id": decision})
