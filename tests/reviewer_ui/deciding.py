"""Shared parts of the tests of deciding: a claimed card, the form that decides it, and the stored decision."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx
from sqlalchemy import select, update

from database.tables.cards import CardRow, ReadingRow
from database.tables.review import ReviewDecisionRow
from domain.cards.reading import FieldName
from services.cards.corrections import mark_of
from services.review.desk import ReviewDesk
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import Waiting


def with_undo(house: House, seconds: int = 8) -> ReviewDesk:
    """Decisions of this house can be undone for so long."""
    review: ReviewDesk = house.app.state.console.services.review
    review.decisions.undo_s = seconds
    return review


async def taken(house: House, browser: httpx.AsyncClient, **more: Any) -> Waiting:
    waiting = await house.cards.waiting(**more)
    assert (await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)).status_code == 303
    return waiting


async def decide(browser: httpx.AsyncClient, waiting: Waiting, **form: str) -> httpx.Response:
    return await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, **form)


def confirmation(house: House, waiting: Waiting, number: str) -> str:
    """What the form sends to confirm a typed number that differs from what was read."""
    return mark_of(house.keyring, waiting.card_id, FieldName.NUMBER, number)


def suggested(page: str) -> str:
    found = re.search(r'name="suggested" value="([^"]*)"', page)
    assert found is not None
    return html.unescape(found[1])


async def decisions(house: House, waiting: Waiting) -> list[ReviewDecisionRow]:
    async with house.database.transaction() as session:
        statement = (
            select(ReviewDecisionRow)
            .where(ReviewDecisionRow.task_id == waiting.task_id)
            .order_by(ReviewDecisionRow.made_at)
        )
        return list((await session.execute(statement)).scalars())


async def changed(house: House, table: Any, waiting: Waiting, **values: Any) -> None:
    async with house.database.transaction() as session:
        await session.execute(update(table).where(table.card_id == waiting.card_id).values(**values))


async def changed_card(house: House, waiting: Waiting, **values: Any) -> None:
    async with house.database.transaction() as session:
        await session.execute(update(CardRow).where(CardRow.id == waiting.card_id).values(**values))


async def shown(browser: httpx.AsyncClient) -> str:
    return (await browser.get("/cards")).text


async def read_as(house: House, waiting: Waiting, confidence_bp: int, **values: str) -> None:
    """The photo shows these values."""
    async with house.database.transaction() as session:
        row = (await session.execute(select(ReadingRow).where(ReadingRow.card_id == waiting.card_id))).scalar_one()
        row.fields = [{"name": name, "confidence": confidence_bp / 10_000, "confidence_bp": confidence_bp, "box": None, "source": "ocr", "use": "differs"} for name in values]  # fmt: skip
        row.values_sealed = house.keyring.seal_text(
            json.dumps(values), purpose="reading", aad=f"reading:{row.id}:values"
        )
