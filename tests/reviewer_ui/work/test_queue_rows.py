"""The queue's rows: both values named, one column for why, due soon before late, a page size that stays, a card at a glance."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from database.tables.cards import QuoteRow
from database.tables.work import WorkItemRow
from domain.people.roles import Role
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.queue_scenes import change
from tests.reviewer_ui.waiting_cards import NUMBER, PIN


async def test_face_value_and_offer_are_both_named(house: House) -> None:
    waiting = await house.cards.waiting()
    async with house.database.transaction() as session:
        mine = update(QuoteRow).where(QuoteRow.card_id == waiting.card_id)
        await session.execute(mine.values(amount_minor=43_210))
    page = (await (await house.as_(Role.REVIEWER)).get("/review?all=yes")).text
    assert 'data-label="Face value" class="amount">¥500.00' in page
    assert 'data-label="Offer" class="amount">¥432.10' in page


async def test_row_is_marked_overdue_or_due_soon(house: House) -> None:
    late, soon, later = (
        await house.cards.waiting(due_in_min=-5),
        await house.cards.waiting(),
        await house.cards.waiting(),
    )
    async with house.database.transaction() as session:
        task = await session.get_one(WorkItemRow, later.task_id)
        task.warn_at = task.due_at
    page = (await (await house.as_(Role.REVIEWER)).get("/review?all=yes")).text
    for waiting, css in ((late, "is-late"), (soon, "is-soon"), (later, "")):
        assert f'data-row="{waiting.task_id}" class="{css}"' in page


async def test_page_size_is_remembered_if_valid(house: House) -> None:
    for _ in range(21):
        await house.cards.waiting()
    browser = await house.as_(Role.OPS)
    assert (await browser.get("/review?all=yes")).text.count("<tr data-row") == 20
    kept = await post(browser, "/review/size", size="50", back="/review?all=yes")
    assert (kept.status_code, kept.headers["location"]) == (303, "/review?all=yes")
    assert (await browser.get("/review?all=yes")).text.count("<tr data-row") == 21
    await post(browser, "/review/size", size="100000")
    assert (await browser.get("/review?all=yes")).text.count("<tr data-row") == 21
    assert (await post(browser, "/review/size", size="50", back="//elsewhere.test")).headers["location"] == "/"


async def test_preview_shows_the_card_masked_without_claiming(house: House) -> None:
    waiting = await house.cards.waiting()
    page = (await (await house.as_(Role.COMPLIANCE)).get(f"/cards/{waiting.card_id}/glance")).text
    for shown in ("¥500.00", "¥441.00", f"••••{NUMBER[-4:]}", "138****0021"):
        assert shown in page
    assert NUMBER not in page
    assert PIN not in page
    assert (await house.cards.task(waiting)).leased_by is None


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
async def test_every_row_is_one_line_and_bulk_actions_come_with_a_selection(
    house: House, browser_program: Path, locale: str
) -> None:
    reasons = ("card_type", "low_confidence", "conflicting_answers", "high_value")
    waiting = await house.cards.waiting(reasons=reasons, due_in_min=-5)
    other = await house.cards.waiting(brand_code="hualian", escalated=True)
    person = await house.cards.person(Role.SENIOR, "Bartholomew Featherstonehaugh")
    await house.cards.hold(waiting, person)
    await change(house, other, assigned_to=person, escalation_reason="unsure")
    token = await house.sessions.open(person)
    async with desks(house, browser_program) as office, office.visit(token, locale=locale) as at:
        page = at.page
        await page.goto("/review?all=yes")
        heights = await page.evaluate(
            "() => [...document.querySelectorAll('tr[data-row]')].map((one) => one.offsetHeight)"
        )
        assert max(heights) < 45, heights
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert not await page.locator("#bulk").is_visible()
        await page.locator("tr[data-row] input[name=task]").first.check()
        assert await page.locator("#bulk").is_visible()
        await page.locator("a[href$='/glance']").first.click()
        await page.wait_for_selector("#glance:not([hidden]) dl")
        assert page.url.endswith("/review?all=yes")
        await page.keyboard.press("Escape")
        assert not await page.locator("#glance").is_visible()
    assert at.complaints == []


async def test_bulk_actions_and_preview_work_without_scripts(house: House, browser_program: Path) -> None:
    await house.cards.waiting()
    token = await house.sessions.open(await house.cards.person(Role.SENIOR))
    async with desks(house, browser_program) as office, office.visit(token, scripts=False) as at:
        await at.page.goto("/review?all=yes")
        assert await at.page.locator("#bulk").is_visible()
        await at.page.locator("a[href$='/glance']").first.click()
        await at.page.wait_for_url("**/glance")
