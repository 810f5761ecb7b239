"""Repairs at the keyboard, in both languages: every kind up to its preview, and one from its cause to its end, updated automatically on the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from temporalio.testing import ActivityEnvironment

from activities.repairs import RepairActivities
from activities.review.tasks import Review
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import ItemState, RepairKind
from domain.people.roles import Role
from services.ops.repairs.acts import ItemAct, LookedAt
from services.ops.repairs.progress import Next
from tests.browser.console import desks
from tests.browser.every_page import CAUSE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.conftest import console_url as console_url
from tests.reviewer_ui.conftest import house as house
from tests.reviewer_ui.ops_scenes import stuck_runs
from tests.reviewer_ui.repair_scenes import silent_card
from web.locale import COOKIE as LANGUAGE_COOKIE

pytestmark = pytest.mark.timeout(300)
DONE = {"en": "Done", "zh_CN": "完成"}
# A part of the page that has nothing to do with its rows asks for its news, and what comes is on the page.
BELL_ANSWERS = """() => new Promise((done) => {
  document.addEventListener("htmx:afterSwap", () => setTimeout(done), { once: true });
  document.body.dispatchEvent(new Event("unheard"));
})"""


async def worked(house: House, repair_id: str) -> None:
    """What the workflow of a repair does, until the repair is over."""
    review = Review(house.database, house.keyring)

    async def sent_to_review(item: ItemAct) -> dict[str, str]:
        await review.open(item.subject, 9, ["operations"])
        return {}

    async def nothing_seen(_: LookedAt) -> bool | None:
        return None

    activities = RepairActivities(house.database, {RepairKind.SEND_TO_REVIEW: sent_to_review}, nothing_seen)
    while (step := await activities.advance(repair_id)).what is not Next.END:
        await ActivityEnvironment().run(activities.act, repair_id, max(1, step.limit), 1000)


@pytest.mark.parametrize("locale", ["en", pytest.param("zh_CN", marks=pytest.mark.thorough)])
async def test_cards_of_a_cause_are_selected_previewed_and_repaired(
    house: House, browser_program: Path, locale: str
) -> None:
    waiting = await silent_card(house)
    await stuck_runs(house, waiting.card_id)
    token = await house.sessions.open(await house.cards.person(Role.OPS, "Wei"))
    async with desks(house, browser_program) as open_desks, open_desks.visit(token) as visitor:
        page = visitor.page
        await page.context.add_cookies([{"name": LANGUAGE_COOKIE, "value": locale, "url": open_desks.address}])
        for kind in KINDS:
            await page.goto(f"/operations/repairs/new?run=card:{waiting.card_id}")
            await page.check(f'input[name="kind"][value="{kind.value}"]')
            await page.select_option('select[name="reason_code"]', "waits_too_long")
            await page.click('button[data-key="enter"]')
            await page.wait_for_url("**/operations/repairs/0*")
            await expect(page.locator("#rows tr[data-row]")).to_have_count(1)
        await page.goto("/operations")
        await page.locator(f'#causes tr[data-row="{CAUSE}"] a').first.click()
        await page.wait_for_url("**/operations/stuck/*")
        await page.check(
            f'#rows tr[data-row="{waiting.card_id}"] input'
        )  # Other tests may have left cards of this cause.
        await page.evaluate(BELL_ANSWERS)  # On a busy machine it does by itself at this very moment.
        await page.keyboard.press("r")
        await page.wait_for_url("**/operations/repairs/new?run=*")
        await page.check('input[name="kind"][value="send_to_review"]')
        await page.select_option('select[name="reason_code"]', "waits_too_long")
        await page.click('button[data-key="enter"]')
        await page.wait_for_url("**/operations/repairs/0*")
        repair_id = page.url.rpartition("/")[2]
        await page.click(f'form[action="/operations/repairs/{repair_id}/submit"] button')
        await expect(page.locator(f'form[action="/operations/repairs/{repair_id}/suspend"]')).to_be_visible()
        await worked(house, repair_id)
        await expect(page.locator(".queue-head .badge")).to_have_text(DONE[locale], timeout=15_000)
        await expect(page.locator(f".shares .share-{ItemState.CURED.value}")).to_have_count(1)
        assert visitor.complaints == []
