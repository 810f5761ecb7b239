"""Tasks as the queue shows them, and what a page of it says."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import httpx

from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.people.roles import Role
from services.work.ordering import placed
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting


async def change(house: House, waiting: Waiting, **values: Any) -> None:
    """The task gets these values and the place that goes with them."""
    async with house.database.transaction() as session:
        task = await session.get_one(WorkItemRow, waiting.task_id)
        for name, value in values.items():
            setattr(task, name, value)
        placed(task, datetime.now(UTC))


async def person_with(house: House, role: Role, name: str, **values: Any) -> str:
    """Add a person with this role and these values; return their id."""
    person_id = await house.cards.person(role, name)
    async with house.database.transaction() as session:
        row = await session.get_one(PersonRow, person_id)
        for key, value in values.items():
            setattr(row, key, value)
    return person_id


async def browser_of(house: House, person_id: str) -> httpx.AsyncClient:
    """A signed-in browser of that person."""
    return house.browser(await house.sessions.open(person_id))


async def send(browser: httpx.AsyncClient, path: str, **form: str | list[str]) -> httpx.Response:
    """Sends a form whose fields may have several values."""
    page = await browser.get("/sign-in")
    found = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert found is not None
    return await browser.post(path, data={"csrf": found[1], **form})


def shown(page: str, *cards: Waiting) -> list[str]:
    """The ids of these cards in the order of the page's rows."""
    wanted = {card.card_id for card in cards}
    return [found for found in re.findall(r'href="/cards/([0-9A-Z]{26})"', page) if found in wanted]


def row_of(page: str, waiting: Waiting) -> str:
    """One task's row as words, one space between them."""
    row = page.split(f'data-row="{waiting.task_id}"')[1].split("</tr>")[0]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", row.partition(">")[2])).split())
