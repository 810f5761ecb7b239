"""Decisions that could not be applied."""

from __future__ import annotations

from sqlalchemy import select

from database.tables.columns import now
from database.tables.review import ReviewDecisionRow
from domain.errors.base import Refusal
from domain.people.roles import Role
from services.review.undeliverable import not_taken
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import Waiting


async def a_refused_decision(house: House, why: Refusal) -> tuple[Waiting, str]:
    """It was approved while the card could not be reached, and when it could be, the card would not take it."""
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER, "Ann")
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    house.desk.away = True
    await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, outcome="approve")
    house.desk.away = False
    async with house.database.transaction() as session:
        decision = (
            await session.execute(select(ReviewDecisionRow.id).where(ReviewDecisionRow.task_id == waiting.task_id))
        ).scalar_one()
        assert await not_taken(session, decision, why, now())
    return waiting, decision
