"""The seller's card page: ask for a call or appeal, once at a time, without scripts, and read the answer."""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import select, update

from database.session import Database
from database.tables.columns import now
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.work import WorkItemRow
from domain.support.callbacks import CALLBACK
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, sold
from web.words import when


async def close(database: Database, card: str, reason: str) -> None:
    async with database.transaction() as session:
        await session.execute(update(CallbackRequestRow).values(reason_code=reason, closed_at=now()))


async def due(database: Database, card: str) -> datetime:
    async with database.transaction() as session:
        wanted = select(WorkItemRow.due_at).where(WorkItemRow.card_id == card, WorkItemRow.kind == CALLBACK)
        return (await session.execute(wanted)).scalar_one()


async def test_the_time_of_the_answer_is_that_of_the_deadline_policies(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = card_id(await sold(browser))
    await (await Page.get(browser, f"/cards/{card}")).send(f"/cards/{card}/callback", wanted="call")
    for change, shown in (
        (timedelta(days=3), "Support will answer by {due}."),
        (timedelta(hours=-1), "The answer is overdue."),
    ):
        moment = now() + change
        async with database.transaction() as session:
            of_card = (WorkItemRow.card_id == card, WorkItemRow.kind == CALLBACK)
            await session.execute(update(WorkItemRow).where(*of_card).values(due_at=moment, warn_at=moment))
        assert shown.format(due=when(moment, "en")) in (await Page.get(browser, f"/cards/{card}")).text


async def test_a_request_waits_is_answered_and_may_be_followed_by_another(
    browser: httpx.AsyncClient, database: Database
) -> None:
    card = card_id(await sold(browser))
    page = await Page.get(browser, f"/cards/{card}")
    asked = await page.send(f"/cards/{card}/callback", wanted="appeal", words="Please look again")
    assert f"Support will answer by {when(await due(database, card), 'en')}." in asked.text
    assert "Please look again" in asked.text
    assert f'action="/cards/{card}/callback' not in asked.text
    again = await page.send(f"/cards/{card}/callback", wanted="call")
    assert again.status == 409
    await close(database, card, "decision_kept")
    answered = await Page.get(browser, f"/cards/{card}")
    assert "We checked again; the decision stays" in answered.text
    assert f'action="/cards/{card}/callback' in answered.text
    browser.headers["accept-language"] = "zh-CN"
    assert "已重新核查，维持原决定" in (await browser.get(f"/cards/{card}")).text


@pytest.mark.parametrize(
    ("wanted", "words", "status"),
    [("appeal", "", 422), ("", "hello", 422), ("call", "number 8800 1234 1234 1234", 422), ("call", "x" * 501, 422)],
)
async def test_refused_input_stays_in_the_form(
    browser: httpx.AsyncClient, wanted: str, words: str, status: int
) -> None:
    card = card_id(await sold(browser))
    page = await Page.get(browser, f"/cards/{card}")
    refused = await page.send(f"/cards/{card}/callback", wanted=wanted, words=words)
    assert refused.status == status
    assert "waits for an answer" not in refused.text
    assert words[:20] in refused.text


async def test_tries_are_limited(browser: httpx.AsyncClient) -> None:
    card = card_id(await sold(browser))
    page = await Page.get(browser, f"/cards/{card}")
    statuses = [
        (await page.send(f"/cards/{card}/callback", wanted="call", words=f"8800 1234 1234 12{n:02d}")).status
        for n in range(8)
    ]
    assert statuses[0] == 422
    assert statuses[-1] == 429
