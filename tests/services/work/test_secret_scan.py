"""Whatever people write about a card beside its fields is kept in the clear, so it may not hold the number or the PIN."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from database.tables.people import AuditRow
from domain.cards.review import ReviewOutcome
from domain.errors.work import SecretInWords
from domain.work.task import CheckVerdict
from services.cards.corrections import Corrections
from tests.builders.four_eyes import eyes, held_by_checker, staged
from tests.builders.reviewing import a_taken_task
from tests.builders.typed_numbers import the_number
from tests.builders.world import World, a_number


async def test_no_note_and_no_reason_of_a_reviewer_holds_the_cards_number(world: World) -> None:
    review = world.review_desk
    card_id, task, person = await a_taken_task(world)
    number = await the_number(world, card_id)
    told = f"the till says {number[:4]} {number[4:]}"
    later = datetime.now(UTC) + timedelta(hours=1)
    acts = (
        review.decisions.record_decision(person, task, ReviewOutcome.APPROVE, note=told),
        review.tasks.escalate(person, task, "unsure", told),
        review.tasks.snooze(person, task, later, "waiting_answer", told),
    )
    for act in acts:
        with pytest.raises(SecretInWords):
            await act
    assert not [row for row in await world.rows(AuditRow) if number[4:] in f"{row.reason}{row.facts}"]


async def test_a_number_that_is_only_being_entered_is_a_secret_too(world: World) -> None:
    _, task, person = await a_taken_task(world)
    given = Corrections(number=a_number("starbucks"))
    with pytest.raises(SecretInWords):
        await world.review_desk.decisions.record_decision(
            person, task, ReviewOutcome.APPROVE_CORRECTED, corrected=given, note=f"it reads {given.number}"
        )


async def test_checkers_note_cannot_hold_the_card_number(world: World) -> None:
    review = eyes(world)
    card_id, task, _, _ = await staged(world, review)
    checker, number = await held_by_checker(review, await world.a_person(), task), await the_number(world, card_id)
    with pytest.raises(SecretInWords):
        await review.checks.check(checker, task, CheckVerdict.APPLY, note=number)
    await review.checks.check(checker, task, CheckVerdict.APPLY, note=f"ends in {number[-4:]}")
