"""The four-eyes limit compares a card's face value: a low offer does not keep the second person away."""

from __future__ import annotations

import pytest

from database.tables.cards import CardRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World


@pytest.mark.parametrize(("face_minor", "needed"), [(500_000, "value"), (499_999, "")])
async def test_a_card_of_five_thousand_offered_for_less_needs_a_second_person(
    world: World, face_minor: int, needed: str
) -> None:
    card_id, task_id, person = await a_taken_task(world)
    async with world.database.transaction() as session:
        (await session.get_one(CardRow, card_id)).face_value_minor = face_minor
        task = await session.get_one(WorkItemRow, task_id)
        task.value_minor, task.reasons = 465_000, ["card_type"]
    decision_id = await world.review_desk.decisions.record_decision(person, task_id, ReviewOutcome.APPROVE)
    (decision,) = await world.rows(ReviewDecisionRow, id=decision_id)
    assert decision.needs_check == needed
