"""Identity confirmation: the act waits with all input, and continues once the identity is confirmed."""

from __future__ import annotations

import re

import httpx
from sqlalchemy import select

from database.tables.people import AuditRow
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, authenticator, employed, now_code, proved_long_ago
from tests.reviewer_ui.waiting_cards import NUMBER, Waiting

REASON = "call"


async def _reveal(browser: httpx.AsyncClient, waiting: Waiting, **proof: str) -> httpx.Response:
    return await post(browser, f"/cards/{waiting.card_id}/reveal", field="number", reason_code=REASON, **proof)


async def _again(browser: httpx.AsyncClient, page: httpx.Response, **proof: str) -> httpx.Response:
    """Send the form of the page that asked, unchanged."""
    action = re.search(r'<form method="post" action="(/cards/[^"]+)" class="stack"', page.text)
    assert action is not None
    form = page.text[action.start() :]
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form[: form.index("</form>")]))
    typed = {name: value.replace("&#39;", "'") for name, value in fields.items()}
    return await browser.post(action[1], data=typed | proof)


async def _revealed(house: House, person_id: str) -> list[str]:
    statement = select(AuditRow.reason).where(AuditRow.actor == f"person:{person_id}", AuditRow.act.like("%reveal%"))
    async with house.database.transaction() as session:
        return list((await session.execute(statement.order_by(AuditRow.id))).scalars())


async def test_recent_sign_in_needs_no_step_up(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.SENIOR)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    assert NUMBER in (await _reveal(browser, waiting)).text


async def test_step_up_is_required_after_ten_minutes_and_keeps_the_input(house: House) -> None:
    waiting, person = await house.cards.waiting(), await employed(house)
    await house.cards.hold(waiting, person.id)
    browser = await proved_long_ago(house, person.id)
    asked = await _reveal(browser, waiting)
    assert asked.status_code == 403
    assert NUMBER not in asked.text
    assert await _revealed(house, person.id) == []
    wrong = await _again(browser, asked, step_up_password="a guess")
    assert wrong.status_code == 403
    assert "Wrong e-mail or password" in wrong.text
    assert "a guess" not in wrong.text
    shown = await _again(browser, wrong, step_up_password=PASSWORD)
    assert (shown.status_code, NUMBER in shown.text) == (200, True)
    assert await _revealed(house, person.id) == [REASON]
    assert NUMBER in (await _reveal(browser, waiting)).text  # For ten minutes it is not asked again.


async def test_cancelled_step_up_returns_to_the_form(house: House) -> None:
    waiting, person = await house.cards.waiting(), await employed(house)
    await house.cards.hold(waiting, person.id)
    browser = await proved_long_ago(house, person.id)
    place = f"/cards/{waiting.card_id}?tab=photos"
    for came, back in ((f"http://console.test{place}", place), ("http://elsewhere.test/evil", "/"), ("", "/")):
        browser.headers["referer"] = came
        asked = await _reveal(browser, waiting)
        assert f'href="{back}" data-cancel' in asked.text
        browser.headers["referer"] = f"http://console.test/cards/{waiting.card_id}/reveal"
        assert f'href="{back}" data-cancel' in (await _again(browser, asked, step_up_password="a guess")).text


async def test_step_up_with_an_authenticator_accepts_only_its_code(house: House) -> None:
    waiting, person = await house.cards.waiting(), await employed(house)
    await house.cards.hold(waiting, person.id)
    device = await authenticator(house, person.id)
    browser = await proved_long_ago(house, person.id, "totp")
    asked = await _reveal(browser, waiting)
    assert 'name="step_up_code"' in asked.text
    refused = await _again(browser, asked, step_up_password=PASSWORD)
    assert refused.status_code == 403
    code = now_code(device)
    assert NUMBER in (await _again(browser, refused, step_up_code=code)).text
    other = await proved_long_ago(house, person.id, "totp")
    assert (await _reveal(other, waiting, step_up_code=code)).status_code == 403  # A code opens once, here too.


async def test_htmx_step_up_is_a_dialog_that_resubmits_the_form(house: House) -> None:
    waiting, person = await house.cards.waiting(), await employed(house)
    await house.cards.hold(waiting, person.id)
    browser = await proved_long_ago(house, person.id)
    browser.headers.update({"hx-request": "true", "hx-target": "secret"})
    asked = await _reveal(browser, waiting)
    told = {name: asked.headers[name] for name in ("x-step-up", "hx-retarget")}
    assert (asked.status_code, told) == (403, {"x-step-up": "needed", "hx-retarget": "#step-up"})
    assert "<html" not in asked.text
    assert 'hx-target="#secret"' in asked.text
    shown = await _again(browser, asked, step_up_password=PASSWORD)
    assert (shown.status_code, NUMBER in shown.text) == (200, True)
    assert "x-step-up" not in shown.headers


async def test_step_up_counts_only_in_its_browser(house: House) -> None:
    waiting, person = await house.cards.waiting(), await employed(house)
    await house.cards.hold(waiting, person.id)
    one = await proved_long_ago(house, person.id)
    other = await proved_long_ago(house, person.id)
    await _reveal(one, waiting, step_up_password=PASSWORD)
    assert (await _reveal(one, waiting)).status_code == 200
    assert (await _reveal(other, waiting)).status_code == 403


async def test_an_authenticator_is_not_set_up_without_confirmed_identity(house: House) -> None:
    person = await employed(house)
    browser = await proved_long_ago(house, person.id)
    assert (await post(browser, "/account/totp/begin")).status_code == 403
    assert (await post(browser, "/account/totp/begin", step_up_password=PASSWORD)).status_code == 303
    assert "totp-picture" in (await browser.get("/account")).text


async def test_confirmation_page_redirects_only_within_the_site(house: House) -> None:
    person = await employed(house)
    browser = await proved_long_ago(house, person.id)
    asked = await post(browser, "/step-up", next="/review")
    assert (asked.status_code, 'name="next" value="/review"' in asked.text) == (403, True)
    answer = await post(browser, "/step-up", next="//elsewhere.test", step_up_password=PASSWORD)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
