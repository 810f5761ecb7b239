"""A browser that runs no scripts: every act of a reviewer's day is a form, and each of them works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from domain.cards.review import ReviewOutcome
from domain.people.roles import Role
from domain.work.task import CameBack, TaskPhase
from services.review.desk import ReviewDesk
from tests.browser.console import Desks, desks
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.deciding import decisions
from tests.reviewer_ui.waiting_cards import NUMBER, Waiting

pytestmark = pytest.mark.timeout(120)


@asynccontextmanager
async def plain(office: Desks, house: House, role: Role, name: str) -> AsyncIterator[Page]:
    """Open the queue as a person with this role, without scripts."""
    token = await house.sessions.open(await house.cards.person(role, name))
    async with office.visit(token, scripts=False) as visitor:
        await visitor.page.goto("/review")
        yield visitor.page
        assert [one for one in visitor.complaints if "409" not in one and "422" not in one] == []


async def on(page: Page, waiting: Waiting) -> None:
    await page.wait_for_url(f"**/cards/{waiting.card_id}**")


async def take_next(page: Page, waiting: Waiting) -> None:
    await page.click("form[action='/review/next'] button")
    await on(page, waiting)


async def outcomes(house: House, waiting: Waiting) -> list[tuple[ReviewOutcome, str]]:
    return [(one.outcome, one.void_why) for one in await decisions(house, waiting)]


async def test_a_card_is_taken_decided_undone_and_decided_again(house: House, browser_program: Path) -> None:
    first, second = [await house.cards.waiting() for _ in range(2)]
    review: ReviewDesk = house.app.state.console.services.review
    review.decisions.undo_s = 30
    async with desks(house, browser_program) as office, plain(office, house, Role.REVIEWER, "Ann") as page:
        await take_next(page, first)
        await page.click("summary[data-key=r]")
        await page.click("button[value='reject:forged']")
        await on(page, second)
        await page.click(".undo-bar button")
        await on(page, first)
        await page.click("button[value=accept]")
        await on(page, second)
    assert await outcomes(house, first) == [(ReviewOutcome.REJECT, "undone"), (ReviewOutcome.APPROVE, "")]


async def test_a_card_is_snoozed_until_tomorrow_and_another_escalated(house: House, browser_program: Path) -> None:
    later, hard = [await house.cards.waiting() for _ in range(2)]
    async with desks(house, browser_program) as office, plain(office, house, Role.REVIEWER, "Ann") as page:
        await take_next(page, later)
        await page.click("summary[data-key=s]")
        await page.locator("[name=until]").nth(2).check()
        wanted = await page.locator("[name=until]").nth(2).get_attribute("value")
        await page.click("button[formaction$='/snooze']")
        await page.wait_for_url(lambda url: later.card_id not in url)
        task = await house.cards.task(later)
        assert task.snoozed_until is not None, wanted
        await page.goto("/review?snoozed=yes")
        await expect(page.locator(f"[data-row='{later.task_id}']")).to_be_visible()
        await page.goto(f"/cards/{hard.card_id}")
        if await page.locator("form.decision").count() == 0:
            await page.click("form[action$='/take'] button")
        await page.click("summary[data-key=x]")
        await page.click("button[formaction$='/escalate']")
        await page.wait_for_url(lambda url: hard.card_id not in url)
    assert (await house.cards.task(hard)).escalated


async def test_comment_with_a_file_is_in_the_history(house: House, browser_program: Path, tmp_path: Path) -> None:
    waiting, receipt = await house.cards.waiting(), tmp_path / "receipt.txt"
    receipt.write_text("paid at the till", encoding="utf-8")
    async with desks(house, browser_program) as office, plain(office, house, Role.REVIEWER, "Ann") as page:
        await page.goto(f"/cards/{waiting.card_id}")
        await page.fill("form.comment [name=words]", "the till's receipt is with it")
        await page.locator("form.comment [name=files]").set_input_files(receipt)
        await page.click("form.comment button")
        await on(page, waiting)
        said = page.locator(".said-here")
        await expect(said).to_contain_text("the till's receipt is with it")
        await expect(said).to_contain_text("receipt.txt")
        await page.fill("form.comment [name=words]", f"it reads {NUMBER}")
        await page.click("form.comment button")
        await expect(page.locator("#refusal [role=alert]")).to_be_visible()
        assert await said.count() == 1


async def test_a_secret_is_shown_and_the_refusal_of_another(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with desks(house, browser_program) as office, plain(office, house, Role.REVIEWER, "Ann") as page:
        await take_next(page, waiting)
        await page.select_option("#reveal-reason", "compare")
        await page.click("button[name=field][value=number]")
        await expect(page.locator(".secret code").first).to_have_text(NUMBER)
        async with page.expect_response("**/photos/*"):  # Only the holder of the lease may load the photo.
            await page.click(f"a[href='/cards/{waiting.card_id}'].btn")
        await house.cards.run_out(waiting)
        await page.select_option("#reveal-reason", "compare")
        await page.click("button[name=field][value=number]")
        await expect(page.locator("#refusal [role=alert]")).to_be_visible()


async def test_second_review_is_claimed_returned_decided_and_applied(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting(reasons=("forged_number",))
    async with desks(house, browser_program) as office, plain(office, house, Role.REVIEWER, "Mei") as mei:
        async with plain(office, house, Role.REVIEWER, "Bo") as bo:
            await take_next(mei, waiting)
            await mei.click("form.decision button[value=approve]")
            await mei.wait_for_url("**/review?**")
            await _checked_by(bo, waiting)
            await bo.fill("form.decision [name=note]", "look at digit 4 again")
            await bo.click("form.decision summary[data-key=b]")
            await bo.click("form.decision [value^='return:']")
            await bo.wait_for_url("**/review?**")
            assert (await house.cards.task(waiting)).came_back is CameBack.RETURNED
            await take_next(mei, waiting)
            await mei.click("form.decision button[value=approve]")
            await mei.wait_for_url("**/review?**")
            assert (await house.cards.task(waiting)).phase is TaskPhase.CHECK
            await _checked_by(bo, waiting)
            await bo.click("form.decision [value=apply]")
            await bo.wait_for_url("**/review?**")
    assert (await outcomes(house, waiting))[-1] == (ReviewOutcome.APPROVE, "")
    assert (await house.cards.task(waiting)).decided


async def test_senior_takes_over_a_colleagues_card(house: House, browser_program: Path) -> None:
    waiting = await house.cards.waiting()
    async with desks(house, browser_program) as office, plain(office, house, Role.REVIEWER, "Ann") as ann:
        async with plain(office, house, Role.SENIOR, "Bo") as bo:
            await take_next(ann, waiting)
            await ann.fill("[name=note]", "the hologram moves")
            await bo.goto(f"/cards/{waiting.card_id}")
            await bo.click("summary[data-key=o]")
            await bo.locator("form[action$='/take-over'] [name=reason_code]").first.click()
            await expect(bo.locator("form.decision")).to_be_visible()
            await ann.click("form.decision button[value=approve]")
            await expect(ann.locator("#refusal [role=alert]")).to_be_visible()
            await expect(ann.locator(".card-head")).to_contain_text("Bo")
            assert "the hologram moves" in await ann.content(), "what was typed is not lost"
    assert await decisions(house, waiting) == []


async def _checked_by(page: Page, waiting: Waiting) -> None:
    """By the page of second looks to the card, and into one's hand."""
    await page.goto("/second-review")
    await page.click(f"a[href='/cards/{waiting.card_id}']")
    await on(page, waiting)
    await page.click("form[action$='/take'] button")
    await expect(page.locator("form.decision.check")).to_be_visible()
