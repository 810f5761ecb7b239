"""Signing in, staying in, and out again; the two switches; both languages."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pyotp
import pytest
from sqlalchemy import update

from database.tables.people import ConsoleSessionRow, PersonRow
from domain.people.roles import Role
from languages import keys
from reviewer_ui import half_signed_in
from reviewer_ui.app import build
from reviewer_ui.sessions import COOKIE, LIFETIME
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, authenticator, employed, now_code, proved_long_ago, request_of


async def test_sign_in_sets_an_http_only_cookie(house: House) -> None:
    answer = await post(
        house.browser(), "/sign-in", email=(await employed(house)).email, password=PASSWORD, next="/review"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    cookie = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(COOKIE + "="))
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


async def test_failed_sign_in_keeps_only_the_address(house: House) -> None:
    answer = await post(house.browser(), "/sign-in", email="nobody@cardloop.test", password="a wrong guess")
    assert answer.status_code == 401
    assert 'value="nobody@cardloop.test"' in answer.text
    assert "a wrong guess" not in answer.text


async def test_sixth_try_in_a_minute_is_rate_limited(house: House) -> None:
    browser = house.browser()
    tries = [await post(browser, "/sign-in", email="guess@cardloop.test", password="x") for _ in range(6)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 401, 401, 429]


@pytest.mark.parametrize("next_page", ["https://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test"])
async def test_sign_in_never_redirects_to_another_site(house: House, next_page: str) -> None:
    answer = await post(
        house.browser(), "/sign-in", email=(await employed(house)).email, password=PASSWORD, next=next_page
    )
    assert answer.headers["location"] == "/"


async def test_signing_out_ends_the_session_at_the_server(house: House) -> None:
    token = await house.sessions.open(await house.cards.person(Role.REVIEWER))
    await post(house.browser(token), "/sign-out")
    assert await house.sessions.person(token) is None


async def test_session_ends_after_its_time_and_on_deactivation(house: House) -> None:
    person_id = await house.cards.person(Role.REVIEWER)
    old, young = await house.sessions.open(person_id), await house.sessions.open(person_id)
    async with house.database.transaction() as session:
        row = await session.get_one(PersonRow, person_id)
        row.active = False
    assert await house.sessions.person(young) is None
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, person_id)).active = True
        aged = update(ConsoleSessionRow).where(ConsoleSessionRow.person_id == person_id)
        await session.execute(aged.values(expires_at=ConsoleSessionRow.expires_at - LIFETIME))
    assert await house.sessions.person(old) is None


async def test_password_alone_opens_no_session_with_an_authenticator(house: House) -> None:
    person, browser = await employed(house), house.browser()
    device = await authenticator(house, person.id)
    answer = await post(browser, "/sign-in", email=person.email, password=PASSWORD, next="/review")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in/code")
    assert COOKIE not in browser.cookies
    assert "Path=/sign-in" in answer.headers["set-cookie"]
    assert (await browser.get("/review")).headers["location"] == "/sign-in?next=/review"
    wrong = await post(browser, "/sign-in/code", code="000000")
    assert (wrong.status_code, "six-digit code is wrong" in wrong.text) == (401, True)
    assert COOKIE not in browser.cookies
    answer = await post(browser, "/sign-in/code", code=now_code(device))
    assert (answer.status_code, answer.headers["location"]) == (303, "/review")
    assert (await browser.get("/review")).status_code == 200
    assert half_signed_in.COOKIE not in browser.cookies


async def test_used_code_is_refused(house: House) -> None:
    person = await employed(house)
    code = now_code(await authenticator(house, person.id))
    for expected in (303, 401):
        browser = house.browser()
        await post(browser, "/sign-in", email=person.email, password=PASSWORD)
        assert (await post(browser, "/sign-in/code", code=code)).status_code == expected


async def test_forged_first_factor_is_refused(house: House) -> None:
    person = await employed(house)
    device = await authenticator(house, person.id)
    browser = house.browser()
    browser.cookies.set(half_signed_in.COOKIE, f'["{person.id}","/"].forged.signature')
    answer = await post(browser, "/sign-in/code", code=now_code(device))
    assert (answer.status_code, "start again" in answer.text) == (401, True)
    assert (await browser.get("/sign-in/code")).status_code == 401
    assert COOKIE not in browser.cookies


async def test_role_that_requires_an_authenticator_must_set_it_up_first(house: House) -> None:
    person = await employed(house, Role.FINANCE)
    services = replace(house.app.state.console.services, totp_required=frozenset({Role.FINANCE}))
    strict = replace(house, app=build(services))
    before = strict.browser(await house.sessions.open(person.id))
    assert (await before.get("/payouts")).headers["location"] == "/sign-in?next=/payouts"
    browser = strict.browser()
    answer = await post(browser, "/sign-in", email=person.email, password=PASSWORD, next="/payouts")
    assert answer.headers["location"] == "/sign-in/set-up"
    assert COOKIE not in browser.cookies
    device = pyotp.TOTP(_typed_form(await browser.get("/sign-in/set-up")))
    wrong = await post(browser, "/sign-in/set-up", code="000000")
    assert (wrong.status_code, _typed_form(wrong)) == (401, device.secret)
    answer = await post(browser, "/sign-in/set-up", code=now_code(device))
    assert answer.headers["location"] == "/payouts"
    assert (await browser.get("/payouts")).status_code == 200
    off = await post(browser, "/account/totp/off", code=now_code(device, 1))
    assert off.status_code == 422
    assert (await browser.get("/payouts")).status_code == 200


async def test_authenticator_is_enabled_on_the_account_page_and_disabled_by_code(house: House) -> None:
    person = await employed(house)
    browser, elsewhere = house.browser(await house.sessions.open(person.id)), await house.sessions.open(person.id)
    await post(browser, "/account/totp/begin")
    page = await browser.get("/account")
    assert page.headers["cache-control"] == "no-store"
    assert "<svg width=" in page.text
    assert "style=" not in page.text
    device = pyotp.TOTP(_typed_form(page))
    await post(browser, "/account/totp/confirm", code=now_code(device, -1))
    page = await browser.get("/account")
    assert device.secret not in page.text
    assert await house.sessions.person(elsewhere) is None
    assert (await post(browser, "/account/totp/off", code="000000")).status_code == 401
    assert (await post(browser, "/account/totp/off", code=now_code(device))).status_code == 303
    assert "/account/totp/begin" in (await browser.get("/account")).text


async def test_provider_only_sign_in_accepts_no_password(house: House) -> None:
    person = await employed(house)
    only = replace(house, app=build(replace(house.app.state.console.services, passwords=False)))
    page = await only.browser().get("/sign-in")
    assert 'name="password"' not in page.text
    answer = await post(only.browser(), "/sign-in", email=person.email, password=PASSWORD)
    assert answer.status_code == 403
    assert COOKIE not in answer.cookies


async def test_signed_out_request_redirects_to_sign_in_and_back(house: House) -> None:
    answer = await house.browser().get("/payouts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/payouts")


async def test_switches_redirect_back_to_the_page(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    filtered = await browser.get("/review?due=soon&sort=value")
    assert 'name="back" value="/review?due=soon&amp;sort=value"' in filtered.text
    refused = await post(browser, f"/cards/{waiting.card_id}/reveal", field="pin", reason_code=" ")
    assert (refused.status_code, f'name="back" value="/cards/{waiting.card_id}"' in refused.text) == (422, True)


async def test_language_and_theme_are_stored(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    await post(browser, "/language", locale="zh_CN", back="/review")
    await post(browser, "/theme", theme="dark", back="/review")
    page = await browser.get("/review")
    assert '<html lang="zh-CN" data-bs-theme="dark">' in page.text
    assert "复核队列" in page.text


@pytest.mark.parametrize("locale", ["zh_CN", "en"])
async def test_no_page_shows_an_untranslated_key(house: House, locale: str) -> None:
    waiting = await house.cards.waiting(reasons=("wrong_pin", "low_confidence"))
    browser = await house.as_(Role.SENIOR)
    await post(browser, "/language", locale=locale)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    texts = [
        (await browser.get(path)).text
        for path in (
            "/review",
            "/cards",
            f"/cards/{waiting.card_id}",
            "/account",
            "/step-up/done",
            "/sign-in",
            "/nowhere",
        )
    ]
    assert [re.findall(r">\s*(?:console|review_reason|card_type|error)\.[a-z_.]+", text) for text in texts] == [
        []
    ] * len(texts)


def test_both_languages_have_the_same_words() -> None:
    assert keys("zh_CN", "console") == keys("en", "console")


async def test_no_page_holds_inline_script_or_style(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.SENIOR)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    for path in ("/review", f"/cards/{waiting.card_id}", "/account", "/sign-in"):
        page = await browser.get(path)
        assert "unsafe-inline" not in page.headers["content-security-policy"]
        tags = re.sub(r'"[^"]*"', '""', page.text)  # What stands between quotes, or is no tag, runs nowhere.
        assert not re.search(r"<style|<\w[^<>]*\s(style|on[a-z]+)=|<script(?![^>]*\ssrc=)", tags)


def _typed_form(page: httpx.Response) -> str:
    """The secret, as it is typed into an authenticator that cannot scan."""
    found = re.search(r"<code class=\"long\">([A-Z2-7]{32})</code>", page.text)
    assert found is not None
    return found[1]


async def test_admin_resets_the_authenticator_of_others_only(house: House) -> None:
    person, admin = await employed(house), await employed(house, Role.ADMIN)
    await authenticator(house, person.id)
    browser = await proved_long_ago(house, admin.id)
    where = f"/setup/people/{person.id}"
    assert f'action="{where}/totp-reset"' in (await browser.get(where)).text
    assert (await post(browser, f"{where}/totp-reset")).status_code == 403
    assert (await post(browser, f"{where}/totp-reset", step_up_password=PASSWORD)).status_code == 303
    assert "waits for a second person" in (await browser.get(where)).text
    second = await proved_long_ago(house, (await employed(house, Role.ADMIN)).id)
    listed = (await second.get("/setup/access")).text
    assert "Reset the authenticator" in listed
    request = await request_of(house, person.id)
    assert f'action="/setup/access/{request}"' in listed
    assert (await post(second, f"/setup/access/{request}", act="confirm", step_up_password=PASSWORD)).status_code == 303
    page = (await browser.get(where)).text
    assert "Authenticator reset" in page
    assert "Authenticator off" in page
    answer = await post(house.browser(), "/sign-in", email=person.email, password=PASSWORD)
    assert answer.headers["location"] == "/"
    own = await post(browser, f"/setup/people/{admin.id}/totp-reset")
    assert own.status_code == 403
    assert (await post(browser, "/setup/people/nobody/totp-reset")).status_code == 404


async def test_account_page_links_to_personal_pages(house: House) -> None:
    reviewer = (await (await house.as_(Role.REVIEWER)).get("/account")).text
    finance = (await (await house.as_(Role.FINANCE)).get("/account")).text
    for page in (reviewer, finance):
        assert 'href="/account/notices"' in page
        assert 'href="/account/keys"' in page
        assert 'href="/account/absence"' in page
