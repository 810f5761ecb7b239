"""Signing in, staying in, and out again; the two switches; both languages."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from activities.console_sign_in import ConsoleSignIn
from database.tables.people import ConsoleSessionRow, PersonRow
from domain.people import Role
from languages import keys
from reviewer_ui.sessions import COOKIE, LIFETIME
from tests.reviewer_ui.conftest import House, post

PASSWORD = "a long enough password"


async def _email(house: House, role: Role = Role.REVIEWER) -> str:
    """A person whose password is PASSWORD."""
    person_id = await house.cards.person(role)
    async with house.database.transaction() as session:
        person = await session.get_one(PersonRow, person_id)
        person.password_hash = ConsoleSignIn(house.database).hash(PASSWORD)
        return person.email


async def test_signing_in_gives_a_cookie_that_scripts_cannot_read(house: House) -> None:
    answer = await post(house.browser(), "/sign-in", email=await _email(house), password=PASSWORD, next="/review")
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(COOKIE + "="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_a_wrong_password_keeps_the_address_and_not_the_password(house: House) -> None:
    answer = await post(house.browser(), "/sign-in", email="nobody@cardloop.test", password="a wrong guess")
    assert answer.status_code == 401
    assert 'value="nobody@cardloop.test"' in answer.text
    assert "a wrong guess" not in answer.text


async def test_the_sixth_try_in_a_minute_has_to_wait(house: House) -> None:
    browser = house.browser()
    tries = [await post(browser, "/sign-in", email="guess@cardloop.test", password="x") for _ in range(6)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 401, 401, 429]


@pytest.mark.parametrize("next_page", ["https://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test"])
async def test_signing_in_never_leads_to_another_site(house: House, next_page: str) -> None:
    answer = await post(house.browser(), "/sign-in", email=await _email(house), password=PASSWORD, next=next_page)
    assert answer.headers["location"] == "/"


async def test_signing_out_ends_the_session_at_the_server(house: House) -> None:
    token = await house.sessions.open(await house.cards.person(Role.REVIEWER))
    await post(house.browser(token), "/sign-out")
    assert await house.sessions.person(token) is None


async def test_a_session_ends_with_the_shift_and_with_the_job(house: House) -> None:
    person_id = await house.cards.person(Role.REVIEWER)
    old, young = await house.sessions.open(person_id), await house.sessions.open(person_id)
    async with house.database.transaction() as session:
        row = await session.get_one(PersonRow, person_id)
        row.active = False
    assert await house.sessions.person(young) is None
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, person_id)).active = True
        aged = update(ConsoleSessionRow).where(ConsoleSessionRow.person_id == person_id)  # type: ignore[arg-type]
        await session.execute(aged.values(expires_at=ConsoleSessionRow.expires_at - LIFETIME))
    assert await house.sessions.person(old) is None


async def test_signed_out_a_page_leads_to_sign_in_and_back(house: House) -> None:
    answer = await house.browser().get("/payouts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/payouts")


async def test_language_and_theme_are_kept(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    await post(browser, "/language", locale="zh_CN", back="/review")
    await post(browser, "/theme", theme="dark", back="/review")
    page = await browser.get("/review")
    assert '<html lang="zh-CN" data-bs-theme="dark">' in page.text
    assert "复核队列" in page.text


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
async def test_no_page_shows_a_key_for_want_of_words(house: House, locale: str) -> None:
    waiting = await house.cards.waiting(reasons=("wrong_pin", "low_confidence"))
    browser = await house.as_(Role.SENIOR)
    await post(browser, "/language", locale=locale)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    texts = [
        (await browser.get(path)).text
        for path in ("/review", "/cards", f"/cards/{waiting.card_id}", "/sign-in", "/nowhere")
    ]
    assert [re.findall(r">\s*(?:console|review_reason|card_type|error)\.[a-z_.]+", text) for text in texts] == [
        []
    ] * len(texts)


def test_both_languages_have_the_same_words() -> None:
    assert keys("zh_CN", "console") == keys("en", "console")


async def test_no_page_holds_inline_script_or_style(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.SENIOR)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    for path in ("/review", f"/cards/{waiting.card_id}", "/sign-in"):
        page = await browser.get(path)
        assert "unsafe-inline" not in page.headers["content-security-policy"]
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page.text)
