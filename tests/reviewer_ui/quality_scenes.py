"""Second reviews at the console."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import httpx
from sqlalchemy import select, text

from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.people.roles import Role
from domain.rules.checks import sampling_policy
from services.quality.blind_review import draw
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import Waiting

ALL = replace(sampling_policy(date(2026, 11, 23)), share_bp={"dining": 10_000}, per_day_max=10**6)


async def drawn(house: House) -> tuple[Waiting, httpx.AsyncClient, str]:
    """A card that Mei has bought, drawn for a second review; her browser, and the review's id."""
    async with house.database.transaction() as session:
        await session.execute(text("DELETE FROM blind_review"))
    one = await house.cards.waiting()
    mei = await house.as_(Role.REVIEWER, "Mei")
    await post(mei, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await post(mei, f"/cards/{one.card_id}/decision", task_id=one.task_id, act="approve")
    async with house.database.transaction() as session:
        await session.execute(text("DELETE FROM blind_review"))
        wanted = select(ReviewDecisionRow).where(ReviewDecisionRow.task_id == one.task_id)
        decision = (await session.execute(wanted)).scalar_one()
        task = await session.get_one(WorkItemRow, one.task_id)
        await draw(session, house.keyring, task, decision, datetime.now(UTC), ALL)
        await session.flush()
        review_id = (await session.execute(select(BlindReviewRow.id))).scalar_one()
    return one, mei, review_id
