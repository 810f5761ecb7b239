"""Second reviews that were drawn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from sqlalchemy import text

from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.rules.checks import sampling_policy
from services.quality.blind_review import draw
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World

ALL = replace(sampling_policy(date(2026, 11, 23)), share_bp={"dining": 10_000}, per_day_max=10**6)


async def drawn(world: World) -> tuple[str, str]:
    """A second review that is open, and the first reviewer."""
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE blind_review SET settled_at = now() WHERE settled_at IS NULL"))
    _, task, person = await a_taken_task(world)
    decision = await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    await world.review.apply(task, decision)
    async with world.database.transaction() as session:
        await session.execute(text("DELETE FROM blind_review WHERE decision_id = :id"), {"id": decision})
        made = await session.get_one(ReviewDecisionRow, decision)
        await draw(session, world.keyring, await session.get_one(WorkItemRow, task), made, datetime.now(UTC), ALL)
    (row,) = await world.rows(BlindReviewRow, decision_id=decision)
    assert row.policy_version == ALL.version
    return row.id, person
