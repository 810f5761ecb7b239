"""Attacks on sign-in: guesses, abandoned browsers, planted cookies and forms of another browser open and change nothing."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace

import pyotp
import pytest
from sqlalchemy import update

from database.tables.people import ConsoleSessionRow, PersonRow
from domain.people.roles import Role
from reviewer_ui.app import build
from reviewer_ui.sessions import COOKIE
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, authenticator, employed, now_code, proved_long_ago


async def test_sign_in_never_reuses_an_existing_cookie(house: House) -> None:
    planted = "x" * 43
    browser, person = house.browser(planted), await employed(house)
    answer = await post(browser, "/sign-in", email=person.email, password=PASSWORD)
    given = next(one for one in answer.headers.get_list("set-cookie") if one.startswith(COOKIE + "="))
    assert planted not in given
    assert await house.sessions.person(planted) is None


async def test_form_token_of_another_browser_is_refused(house: House) -> None:
    mine, theirs, waiting = await house.as_(Role.REVIEWER), await house.as_(Role.REVIEWER), await house.cards.waiting()
    found = re.search(r'name="csrf" value="([^"]+)"', (await theirs.get("/review")).text)
    assert found is not None
    await mine.get("/review")
    form = {"csrf": found[1], "task_id": waiting.task_id}
    assert (await mine.post(f"/cards/{waiting.card_id}/take", data=form)).status_code == 400
    for site in ("cross-site", "same-site"):
        own = re.search(r'name="csrf" value="([^"]+)"', (await mine.get("/review")).text)
        assert own is not None
        sent = {"csrf": own[1], "task_id": waiting.task_id}
        answer = await mine.post(f"/cards/{waiting.card_id}/take", data=sent, headers={"sec-fetch-site": site})
        assert answer.status_code == 400
    assert (await house.cards.task(waiting)).leased_by is None


async def test_code_guessing_stops_after_five_tries_across_browsers(house: House) -> None:
    person = await employed(house)
    device, right = await authenticator(house, person.id), []
    browsers = [house.browser() for _ in range(3)]
    for browser in browsers:
        await post(browser, "/sign-in", email=person.email, password=PASSWORD)
    wrong = f"{(int(now_code(device)) + 1) % 1_000_000:06d}"
    guesses = await asyncio.gather(*(post(browsers[one % 3], "/sign-in/code", code=wrong) for one in range(8)))
    right.append(await post(browsers[0], "/sign-in/code", code=now_code(device)))
    assert sorted(answer.status_code for answer in guesses) == [401] * 4 + [429] * 4, (
        "the first of five tries was the one that set it up"
    )
    assert right[0].status_code == 429, "not even the right one, or waiting would be worth nothing"


async def test_failed_sign_ins_from_elsewhere_do_not_lock_out_the_owner(house: House) -> None:
    person = await employed(house)
    known, elsewhere = house.browser(), house.browser()
    await post(known, "/sign-in", email=person.email, password=PASSWORD)
    await post(known, "/sign-out")
    guesses = [await post(elsewhere, "/sign-in", email=person.email, password=f"guess {n}") for n in range(6)]
    assert [answer.status_code for answer in guesses] == [401] * 4 + [429] * 2, (
        "the address of all browsers here is one"
    )
    assert (await post(known, "/sign-in", email=person.email, password=PASSWORD)).status_code == 303
    stolen = [await post(known, "/sign-in", email=person.email, password=f"guess {n}") for n in range(6)]
    assert stolen[-1].status_code == 429, "a known device is no way to guess for ever"


async def test_step_up_password_guessing_is_rate_limited(house: House) -> None:
    person, waiting = await employed(house), await house.cards.waiting()
    browser = await proved_long_ago(house, person.id)
    look = {"field": "number", "reason_code": "compare"}
    answers = [
        await post(browser, f"/cards/{waiting.card_id}/reveal", **look, step_up_password=f"guess {place}")
        for place in range(6)
    ]
    assert {answer.status_code for answer in answers} == {403}
    assert "Too many attempts" in answers[-1].text
    late = await post(browser, f"/cards/{waiting.card_id}/reveal", **look, step_up_password=PASSWORD)
    assert (late.status_code, "Too many attempts" in late.text) == (403, True)


async def test_unfinished_authenticator_setup_gives_no_access(house: House) -> None:
    """The secret is not shown again, and a code of it proves nothing, until the password is entered again."""
    person = await employed(house)
    browser = await proved_long_ago(house, person.id)
    await post(browser, "/account/totp/begin", step_up_password=PASSWORD)
    waiting = await house.app.state.console.totp.waiting(person.id)
    assert waiting.secret in (await browser.get("/account")).text
    code = now_code(pyotp.TOTP(waiting.secret))
    async with house.database.transaction() as session:
        await session.execute(
            update(ConsoleSessionRow).where(ConsoleSessionRow.person_id == person.id).values(stepped_up_at=None)
        )
    assert waiting.secret not in (await browser.get("/account")).text
    assert (await post(browser, "/account/totp/confirm", code=code)).status_code == 403
    async with house.database.transaction() as session:
        assert (await session.get_one(PersonRow, person.id)).totp_confirmed_at is None
    assert (await post(browser, "/account/totp/confirm", code=code, step_up_password=PASSWORD)).status_code == 303


@pytest.mark.parametrize(
    "way",
    [
        "https://elsewhere.test", "//elsewhere.test", "/\\elsewhere.test", "\\\\elsewhere.test", "/\t/elsewhere.test",
        "javascript:alert(1)", "/\n/elsewhere.test", " //elsewhere.test", "http:elsewhere.test", "///elsewhere.test",
    ],
)  # fmt: skip
async def test_return_address_cannot_redirect_to_another_site(house: House, way: str) -> None:
    person = await employed(house)
    browser = await proved_long_ago(house, person.id)
    answers = [
        await post(browser, "/language", locale="en", back=way), await post(browser, "/theme", theme="dark", back=way),
        await post(browser, "/step-up", next=way, step_up_password=PASSWORD),
        await post(house.browser(), "/sign-in", email=person.email, password=PASSWORD, next=way),
    ]  # fmt: skip
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [(303, "/")] * 4
    page = (await house.browser().get("/sign-in", params={"next": way})).text
    assert 'name="next" value="/"' in page


async def test_every_cookie_is_http_only_and_secure(house: House) -> None:
    console = house.app.state.console
    secure = build(replace(console.services, https=True))
    person, waiting = await employed(house), await house.cards.waiting()
    browser = replace(house, app=secure).browser()
    browser.base_url = "https://console.test"
    given: list[str] = []
    for answer in (
        await post(browser, "/sign-in", email=person.email, password=PASSWORD),
        await browser.get("/review?brand=jd"), await post(browser, "/language", locale="en"),
        await post(browser, "/theme", theme="dark"),
        await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id),
    ):  # fmt: skip
        given += answer.headers.get_list("set-cookie")
    assert {one.partition("=")[0] for one in given} >= {COOKIE, "cardloop_language", "cardloop_theme", "cardloop_queue"}
    for cookie in given:
        flags = cookie.lower()
        assert ("httponly" in flags, "secure" in flags, "samesite=" in flags) == (True, True, True), cookie


async def test_card_pages_are_never_cached(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.SENIOR)
    here = f"/cards/{waiting.card_id}"
    await post(browser, f"{here}/take", task_id=waiting.task_id)
    answers = [
        await browser.get(here), await browser.get(f"{here}/photos/{waiting.photo_id}"), await browser.get("/review"),
        await browser.get(f"{here}/photos/{waiting.photo_id}/preview"), await browser.get("/insight/backlog.csv"),
        await post(browser, f"{here}/reveal", field="number", reason_code="compare"),
        await browser.get("/cards/NOBODY"),
    ]  # fmt: skip
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}
    assert {answer.headers["x-frame-options"] for answer in answers} == {"DENY"}


@pytest.mark.parametrize("name", ["Mei\u202eieM", "Mei\nSubject: x", "Mei\u200b", "8104223199076643"])
async def test_name_with_hidden_or_reversing_characters_or_a_number_is_refused(house: House, name: str) -> None:
    browser = await house.as_(Role.REVIEWER, "Mei")
    answer = await post(browser, "/account/profile", name=name, locale="en", timezone="UTC")
    assert answer.status_code == 422
    answer = await post(browser, "/account/profile", name="梅 Mei O'Neil-Łuk", locale="en", timezone="UTC")
    assert answer.status_code == 303
