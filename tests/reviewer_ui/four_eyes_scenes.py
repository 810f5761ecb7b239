"""Decisions that wait for a second person, at the console."""

from __future__ import annotations

import httpx

from domain.people.roles import Role
from domain.work.task import TaskPhase
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import Waiting


async def staged(house: House, *, act: str = "approve", **typed: str) -> tuple[Waiting, httpx.AsyncClient]:
    """A suspicious card that Mei has decided, and her browser."""
    one = await house.cards.waiting(reasons=("forged_number",))
    mei = await house.as_(Role.REVIEWER, "Mei")
    await post(mei, f"/cards/{one.card_id}/take", task_id=one.task_id)
    sent = await post(mei, f"/cards/{one.card_id}/decision", task_id=one.task_id, act=act, **typed)
    assert sent.status_code == 303, sent.text
    assert (await house.cards.task(one)).phase is TaskPhase.CHECK
    return one, mei
