"""A refused reveal: the reason is shown in place of the secret."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
from playwright.async_api import expect

from domain.people.roles import Role
from domain.review.reveals import RevealPolicy
from tests.browser.console import desks
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import NUMBER, PIN


async def _by_htmx(browser: httpx.AsyncClient, card_id: str, **form: str) -> httpx.Response:
    browser.headers["hx-request"] = "true"
    return await post(browser, f"/cards/{card_id}/reveal", **form)


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"field": "pin", "reason_code": " a "}, 422),
        ({"field": "pin", "reason_code": f"it reads {NUMBER}"}, 422),
        ({"field": "face_value", "reason_code": "compare"}, 422),
    ],
)
async def test_refused_reveal_returns_only_the_refusal(house: House, form: dict[str, str], status: int) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    answer = await _by_htmx(browser, waiting.card_id, **form)
    assert answer.status_code == status
    assert answer.text.count('role="alert"') == 1
    assert "<html" not in answer.text
    assert PIN not in answer.text
    assert NUMBER not in answer.text


async def test_the_reveal_limit_is_shown_in_place_of_the_secret(house: House, browser_program: Path) -> None:
    house.app.state.console.services.review.reveals.policy = RevealPolicy("test", 1, 9, 9)
    waiting, person = await house.cards.waiting(), await house.cards.person(Role.REVIEWER)
    await house.cards.hold(waiting, person)
    token = await house.sessions.open(person)
    async with desks(house, browser_program) as office, office.visit(token) as at:
        await at.page.goto(f"/cards/{waiting.card_id}")
        await at.page.select_option("#reveal-reason", "call")
        await at.page.click("button[name=field][value=number]")
        await expect(at.page.locator(".secret code")).to_have_text(NUMBER)
        await at.page.click("button[name=field][value=pin]")
        await at.page.wait_for_selector("#secret [role=alert]")
        assert "Too many attempts" in await at.page.inner_text("#secret")
        assert await at.page.locator(".secret").count() == 0
        assert await at.page.input_value("#reveal-reason") == "call"
    assert [one for one in at.complaints if "429" not in one] == []
