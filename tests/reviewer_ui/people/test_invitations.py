"""A person is added in the console, sets a password through a link that works once, and signs in with it."""

from __future__ import annotations

import re

import httpx
import pytest

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import proved_long_ago
from tests.reviewer_ui.people_scenes import WORK, acts_on, row_of
from tests.reviewer_ui.queue_scenes import browser_of, person_with, send

NEW: dict[str, str | list[str]] = WORK | {"name": "Mei Lin", "email": "Mei.Lin@Example.com ", "role": ["reviewer"]}
CHOSEN = "a password of one's own"


async def added(house: House, browser: httpx.AsyncClient) -> str:
    """Add a person; return their id."""
    answer = await send(browser, "/setup/people", **(NEW | {"email": f"{id(browser)}@example.com"}))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).removeprefix("/setup/people/").removesuffix("?saved=true")


async def link_for(browser: httpx.AsyncClient, person: str) -> str:
    """The address that the page shows, without its host."""
    page = await post(browser, f"/setup/people/{person}/invitation")
    found = re.search(r'value="http://console\.test(/sign-in/welcome\?link=[^"]+)"', page.text)
    assert found is not None, page.text
    return found[1]


async def choose(house: House, link: str, password: str = CHOSEN, again: str = "") -> httpx.Response:
    return await post(
        house.browser(), "/sign-in/welcome", link=link.partition("link=")[2], password=password, again=again or password
    )


async def test_an_administrator_adds_a_person_with_roles_skills_and_limit(house: House) -> None:
    admin = await house.cards.person(Role.ADMIN, "Root")
    browser = await browser_of(house, admin)
    assert 'href="/setup/people/new"' in (await browser.get("/setup/people")).text
    mei = (await send(browser, "/setup/people", **NEW)).headers["location"].split("/")[-1].removesuffix("?saved=true")
    row = await row_of(house, mei)
    assert (row.name, row.email, row.roles) == (
        "Mei Lin",
        "mei.lin@example.com",
        [],
    )  # A second person confirms the role.
    assert "Awaiting second person" in (await browser.get(f"/setup/people/{mei}")).text
    assert (row.limit_minor, row.capacity, row.skill_types, row.team) == (500_000, 7, ["dining", "regional"], "night")
    assert await acts_on(house, mei) == ["add"]
    again = await send(browser, "/setup/people", **NEW)
    assert (again.status_code, "this address is already in use" in again.text) == (422, True)
    assert 'value="Mei Lin"' in again.text


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [("email", "mei", "name@example.com"), ("email", "me\u200bi@example.com", "name@example.com"), ("name", " ", "Name"), ("role", [], "Choose at least one role"), ("limit", "lots", "500.00")],
)  # fmt: skip
async def test_invalid_input_is_reported_and_adds_no_person(
    house: House, field: str, typed: str | list[str], said: str
) -> None:
    browser = await house.as_(Role.ADMIN)
    answer = await send(browser, "/setup/people", **(NEW | {"email": "nobody@example.com", field: typed}))
    assert (answer.status_code, said in answer.text) == (422, True)
    assert "nobody@example.com</div>" not in (await browser.get("/setup/people")).text


async def test_invited_person_sets_a_password_and_signs_in(house: House) -> None:
    browser = await house.as_(Role.ADMIN)
    mei = await added(house, browser)
    link, email = await link_for(browser, mei), (await row_of(house, mei)).email
    assert "Welcome, Mei Lin" in (await house.browser().get(link)).text
    assert (await choose(house, link)).headers["location"] == "/sign-in"
    signed_in = await post(house.browser(), "/sign-in", email=email, password=CHOSEN)
    assert signed_in.status_code == 303
    assert await acts_on(house, mei) == ["add", "invite", "password"]


async def test_no_sign_in_before_a_password_is_set(house: House) -> None:
    mei = await added(house, await house.as_(Role.ADMIN))
    email = (await row_of(house, mei)).email
    for guess in ("-", "", CHOSEN):
        assert (await post(house.browser(), "/sign-in", email=email, password=guess)).status_code in (401, 422)


async def test_invitation_link_works_once_and_unmodified(house: House) -> None:
    browser = await house.as_(Role.ADMIN)
    mei = await added(house, browser)
    link = await link_for(browser, mei)
    assert (await house.browser().get(link[:-3] + "abc")).status_code == 410
    for password, again, said in (("short", "", "at least 12"), (CHOSEN, "another password", "do not match")):
        refused = await choose(house, link, password, again)
        assert (refused.status_code, said in refused.text) == (422, True)
    assert (await choose(house, link)).status_code == 303
    spent = await choose(house, link, "the next password of hers")
    assert (spent.status_code, "has been used" in spent.text) == (410, True)


async def test_a_new_password_ends_every_session_of_that_person(house: House) -> None:
    lin = await person_with(house, Role.REVIEWER, "Lin", password_hash="-")
    there, link = await browser_of(house, lin), await link_for(await house.as_(Role.ADMIN), lin)
    assert (await there.get("/review")).status_code == 200
    await choose(house, link)
    assert (await there.get("/review")).headers["location"].startswith("/sign-in")


async def test_a_link_needs_confirmed_identity_and_is_only_for_others(house: House) -> None:
    admin = await house.cards.person(Role.ADMIN, "Root")
    browser = await browser_of(house, admin)
    mei = await added(house, browser)
    assert (await post(browser, f"/setup/people/{admin}/invitation")).status_code == 403
    await proved_long_ago(house, admin)
    assert (await post(browser, f"/setup/people/{mei}/invitation")).status_code == 403
    assert await acts_on(house, mei) == ["add"]


async def test_a_deactivated_person_cannot_use_their_link(house: House) -> None:
    browser = await house.as_(Role.ADMIN)
    mei = await added(house, browser)
    link = await link_for(browser, mei)
    await post(browser, f"/setup/people/{mei}/active", active="no")
    assert (await choose(house, link)).status_code == 410


async def test_person_changes_their_password_on_the_account_page(house: House) -> None:
    lin = await house.cards.person(Role.REVIEWER, "Lin")
    browser = await browser_of(house, lin)
    assert 'action="/account/password"' in (await browser.get("/account")).text
    led = await post(browser, "/account/password")
    assert (await choose(house, led.headers["location"])).status_code == 303
    assert (await browser.get("/account")).status_code == 303, "every browser signs in anew"
    email = (await row_of(house, lin)).email
    assert (await post(house.browser(), "/sign-in", email=email, password=CHOSEN)).status_code == 303
