"""Being signed in: for a shift, not while away, never after one's job; seen and ended by oneself."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from database.tables.people import ConsoleSessionRow, PersonRow
from domain.people.roles import Permission, Role
from reviewer_ui.sessions import COOKIE, IDLE, browser_name
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, employed

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0"


async def _rows(house: House, person_id: str) -> list[ConsoleSessionRow]:
    statement = (
        select(ConsoleSessionRow).where(ConsoleSessionRow.person_id == person_id).order_by(ConsoleSessionRow.created_at)
    )
    async with house.database.transaction() as session:
        return list((await session.execute(statement)).scalars())


async def _last_used(house: House, person_id: str, ago: timedelta) -> datetime:
    at = datetime.now(UTC) - ago
    async with house.database.transaction() as session:
        await session.execute(
            update(ConsoleSessionRow).where(ConsoleSessionRow.person_id == person_id).values(seen_at=at)
        )
    return at


async def test_session_shows_browser_and_sign_in_method(house: House) -> None:
    person, browser = await employed(house), house.browser()
    browser.headers["user-agent"] = FIREFOX
    await post(browser, "/sign-in", email=person.email, password=PASSWORD)
    (row,) = await _rows(house, person.id)
    assert (row.way, row.browser, row.address) == ("password", "Firefox · Linux", "127.0.0.1")
    page = (await browser.get("/account")).text
    assert "Firefox · Linux" in page
    assert "127.0.0.1" in page
    assert row.token_hash not in page


def test_browsers_are_distinguished_by_short_names() -> None:
    windows = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/137.0 Safari/537.36"
    )
    assert browser_name(windows) == "Chrome · Windows"
    assert browser_name(f"{windows} Edg/137.0") == "Edge · Windows"
    assert browser_name("curl/8.0") == ""


async def test_idle_browser_is_signed_out(house: House) -> None:
    person_id = await house.cards.person(Role.REVIEWER)
    token = await house.sessions.open(person_id)
    await _last_used(house, person_id, IDLE - timedelta(minutes=5))
    assert await house.sessions.person(token) is not None  # And that was a use of it:
    await _last_used(house, person_id, IDLE + timedelta(minutes=1))
    assert await house.sessions.person(token) is None


async def test_use_is_recorded_once_a_minute_and_not_for_automatic_requests(house: House) -> None:
    person_id = await house.cards.person(Role.REVIEWER)
    browser = house.browser(await house.sessions.open(person_id))
    just_now = await _last_used(house, person_id, timedelta(seconds=40))
    await browser.get("/account")
    assert (await _rows(house, person_id))[0].seen_at == just_now
    before = await _last_used(house, person_id, timedelta(seconds=80))
    token = browser.cookies[COOKIE]
    await house.sessions.person(token, idle=True)
    assert (await _rows(house, person_id))[0].seen_at == before
    await browser.get("/account")
    assert (await _rows(house, person_id))[0].seen_at > before + timedelta(seconds=60)


async def test_a_browser_is_recognised_without_a_transaction(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    token = await house.sessions.open(await house.cards.person(Role.REVIEWER, "Ann"))
    monkeypatch.setattr(house.database, "transaction", None)
    person = await house.sessions.person(token)
    assert person is not None
    assert person.name == "Ann"


async def test_removed_role_ends_with_the_next_request(house: House) -> None:
    person_id = await house.cards.person(Role.FINANCE)
    browser = house.browser(await house.sessions.open(person_id))
    assert (await browser.get("/payouts")).status_code == 200
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, person_id)).roles = [Role.REVIEWER]
    assert (await browser.get("/payouts")).status_code == 403
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, person_id)).active = False
    assert (await browser.get("/review")).headers["location"] == "/sign-in?next=/review"


async def test_person_signs_out_only_their_own_browsers(house: House) -> None:
    person_id, other = await house.cards.person(Role.REVIEWER), await house.cards.person(Role.REVIEWER)
    mine, lost = await house.sessions.open(person_id), await house.sessions.open(person_id, browser="Chrome · Android")
    theirs = await house.sessions.open(other)
    browser = house.browser(mine)
    page = (await browser.get("/account")).text
    ends = re.findall(r'action="(/account/sessions/[^"]+/end)"', page)
    assert len(ends) == 2
    lost_id = next(row.id for row in await _rows(house, person_id) if row.browser == "Chrome · Android")
    await post(browser, f"/account/sessions/{lost_id}/end")
    await post(browser, f"/account/sessions/{(await _rows(house, other))[0].id}/end")
    assert await house.sessions.person(lost) is None
    assert await house.sessions.person(mine) is not None
    assert await house.sessions.person(theirs) is not None


async def test_signing_out_everywhere_ends_all_sessions(house: House) -> None:
    person_id = await house.cards.person(Role.REVIEWER)
    tokens = [await house.sessions.open(person_id) for _ in range(3)]
    answer = await post(house.browser(tokens[0]), "/account/sign-out-everywhere")
    assert answer.headers["location"] == "/sign-in"
    assert [await house.sessions.person(token) for token in tokens] == [None, None, None]


async def test_profile_stores_name_language_time_zone_and_theme(house: House) -> None:
    person_id = await house.cards.person(Role.REVIEWER)
    token = await house.sessions.open(person_id)
    browser = house.browser(token)
    answer = await post(
        browser, "/account/profile", name="林静", locale="zh_CN", timezone="Europe/Berlin", theme="dark"
    )
    assert answer.headers["location"] == "/account"
    page = (await browser.get("/account")).text
    assert '<html lang="zh-CN" data-bs-theme="dark">' in page
    person = await house.sessions.person(token)
    assert person is not None
    assert (person.name, person.locale, person.timezone) == ("林静", "zh_CN", "Europe/Berlin")
    assert person.may(Permission.DECIDE)


async def test_invalid_profile_input_is_refused_and_kept(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    for name, locale, timezone in (("", "en", "UTC"), ("Lin", "xx", "UTC"), ("Lin", "en", "Mars/Olympus")):
        answer = await post(browser, "/account/profile", name=name, locale=locale, timezone=timezone)
        assert answer.status_code == 422
    assert 'value="Lin"' in answer.text


async def test_language_switch_updates_the_profile(house: House) -> None:
    person_id = await house.cards.person(Role.REVIEWER)  # Their profile says Chinese.
    browser = house.browser(await house.sessions.open(person_id))
    assert (await post(browser, "/language", locale="en", back="/account")).status_code == 303
    page = (await browser.get("/account", headers={"accept-language": "zh-CN"})).text
    assert '<html lang="en"' in page
    assert '<option value="en" lang="en" selected>' in page
    await post(browser, "/account/profile", name="Lin", timezone="UTC")  # The language was not chosen here.
    assert '<html lang="en"' in (await browser.get("/account", headers={"accept-language": "zh-CN"})).text
    async with house.database.transaction() as session:
        assert (await session.get_one(PersonRow, person_id)).locale == "en"
    await post(browser, "/language", locale="xx", back="/account")
    async with house.database.transaction() as session:
        assert (await session.get_one(PersonRow, person_id)).locale == "en"
