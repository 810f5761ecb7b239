"""Typed fields are held against the brand's rules and against what was surely read; a difference is confirmed and recorded."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import select

from database.tables.cards import CardEventRow
from database.tables.people import AuditRow
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.deciding import decide, decisions, read_as, taken
from tests.reviewer_ui.waiting_cards import Waiting

READ, TYPED, PIN = "2800814011", "1234567890", "246810"
ENTERED = {"act": "approve_corrected", "number": TYPED, "pin": PIN, "face_value": "500.00"}


async def a_regional_card(house: House, browser: httpx.AsyncClient, confidence_bp: int) -> Waiting:
    """A card whose fields a reviewer must enter, and whose photo was read so surely."""
    waiting = await taken(house, browser, brand_code="hualian", number=None)
    await read_as(house, waiting, confidence_bp, number=READ)
    return waiting


def marks(page: str) -> list[str]:
    return re.findall(r'name="confirmed" value="([0-9a-f]{16})"', page)


async def test_a_number_that_differs_from_a_sure_reading_is_confirmed_and_recorded(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await a_regional_card(house, browser, 10_000)
    refused = await decide(browser, waiting, **ENTERED)
    assert refused.status_code == 409
    assert "differs from what was clearly read in the photo" in refused.text
    assert await decisions(house, waiting) == []
    [mark] = marks(refused.text)
    other = await decide(browser, waiting, **(ENTERED | {"number": "1234567891"}), confirmed=mark)
    assert other.status_code == 409, "what was confirmed counts for the confirmed number only"
    assert (await decide(browser, waiting, **ENTERED, confirmed=mark)).status_code == 303
    assert (await house.cards.card(waiting)).number_tail == TYPED[-4:]
    async with house.database.transaction() as session:
        [act] = (
            await session.execute(
                select(AuditRow).where(
                    AuditRow.subject == waiting.task_id, AuditRow.act == "console:task:approve_corrected"
                )
            )
        ).scalars()
        [told] = (
            await session.execute(
                select(CardEventRow).where(
                    CardEventRow.card_id == waiting.card_id, CardEventRow.what == "review.decided"
                )
            )
        ).scalars()
    assert act.facts == {"against_reading": "number"}
    assert told.facts["against_reading"] == "number"


@pytest.mark.parametrize(("confidence_bp", "number"), [(8_900, TYPED), (10_000, READ)])
async def test_an_unsure_reading_and_one_that_agrees_need_no_confirmation(
    house: House, confidence_bp: int, number: str
) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await a_regional_card(house, browser, confidence_bp)
    assert (await decide(browser, waiting, **(ENTERED | {"number": number}))).status_code == 303


async def test_typed_value_is_compared_without_showing_the_reading(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await a_regional_card(house, browser, 10_000)
    browser.headers["hx-request"] = "true"
    form = {"task_id": waiting.task_id, "number": TYPED, "face_value": "five", "expiry": "2031-01-01"}
    told = await post(browser, f"/cards/{waiting.card_id}/draft", **form)
    assert told.status_code == 200
    by_field = dict(re.findall(r'data-typed="([a-z_]+)">(.*?)</div>', told.text, re.S))
    assert list(by_field) == ["number", "face_value", "expiry"]
    assert "The photo reading differs (confidence 100" in by_field["number"]
    assert len(marks(by_field["number"])) == 1
    assert "good" in by_field["expiry"]
    assert "late" in by_field["face_value"]
    assert READ not in told.text
    short = await post(browser, f"/cards/{waiting.card_id}/draft", **(form | {"number": "12345"}))
    assert marks(short.text) == [], "what breaks the rule is told by the rule"


async def test_without_the_lease_the_reading_is_not_compared(house: House) -> None:
    browser, other = await house.as_(Role.REVIEWER), await house.as_(Role.REVIEWER)
    waiting = await a_regional_card(house, browser, 10_000)
    other.headers["hx-request"] = "true"
    told = await post(other, f"/cards/{waiting.card_id}/draft", task_id=waiting.task_id, number=TYPED)
    assert marks(told.text) == []
    assert "photo reading differs" not in told.text
