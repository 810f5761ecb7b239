"""Decisions that wait for a second person, and the people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.rules.checks import check_policy
from services.review.desk import ReviewDesk, review_desk
from services.review.staging import FourEyes
from tests.builders.reviewing import a_task
from tests.builders.world import World

ALWAYS = replace(check_policy(date(2026, 11, 23)), value_minor_min=0)
BLIND = replace(ALWAYS, blind=True)


def eyes(world: World, blind: bool = False) -> ReviewDesk:
    """Reviews of a house in which every approval is checked, and nothing is waited for."""
    return review_desk(world.database, world.keyring, undo_s=0, four_eyes=FourEyes(BLIND if blind else ALWAYS))


async def staged(world: World, review: ReviewDesk) -> tuple[str, str, str, str]:
    """Card, task, maker and the staged decision."""
    card_id, task = await a_task(world)
    maker = await world.a_person()
    await review.leases.take(maker, task.task_id)
    return (
        card_id,
        task.task_id,
        maker,
        await review.decisions.record_decision(maker, task.task_id, ReviewOutcome.APPROVE),
    )


async def held_by_checker(review: ReviewDesk, person: str, task: str) -> str:
    assert await review.leases.take(person, task)
    return person


async def the_task(world: World, task: str) -> WorkItemRow:
    (row,) = await world.rows(WorkItemRow, id=task)
    assert isinstance(row, WorkItemRow)
    return row


async def the_decision(world: World, decision: str) -> ReviewDecisionRow:
    (row,) = await world.rows(ReviewDecisionRow, id=decision)
    assert isinstance(row, ReviewDecisionRow)
    return row
