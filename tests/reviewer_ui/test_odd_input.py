"""What no reviewer types and a script may send: refused with a sentence, and nothing is decided, shown or kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from fastapi.routing import iter_route_contexts

from database.tables.people import PersonRow
from domain.errors.people import TooManyTries
from domain.people.roles import Role
from domain.review.reveals import RevealPolicy
from domain.rules.deadlines import built_in_document
from services.people.rate_limit import Throttle
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.queue_scenes import browser_of


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/cards/%00", 404), ("/cards/{card}/photos/%00", 404), ("/trail/%00", 404), ("/static/%00", 404),
        ("/cards?id=%00", 422), ("/trail?card=%00", 422), ("/review?after=%00", 422),
    ],
)  # fmt: skip
async def test_nul_in_an_address_is_refused(house: House, address: str, status: int) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.COMPLIANCE)
    answer = await browser.get(address.format(card=waiting.card_id))
    assert (answer.status_code, "<h1" in answer.text) == (status, True)


@pytest.mark.parametrize(
    "form",
    [
        {"outcome": "approve", "note": "a\x00b"}, {"outcome": "approve_corrected", "face_value": "1e999999"},
        {"outcome": "approve_corrected", "face_value": "NaN"}, {"outcome": "approve_corrected", "pin": "6041\x0028"},
        {"outcome": "approve_corrected", "number": "٣" * 16}, {"outcome": "approve", "note": "x" * 2001},
    ],
)  # fmt: skip
async def test_unstorable_field_decides_nothing(house: House, form: dict[str, str]) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    answer = await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, **form)
    assert answer.status_code == 422
    assert house.desk.told == []


async def test_note_is_escaped(house: House) -> None:
    hostile = "<script>alert(1)</script>\" onload=x '; DROP TABLE card; -- {{7*7}} 😀 שלום"
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, outcome="approve", note=hostile)
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert ("<script>alert(1)" in page, "&lt;script&gt;alert(1)" in page) == (False, True)
    assert "{{7*7}} 😀 שלום" in page


async def test_reveals_per_hour_are_limited(house: House) -> None:
    house.app.state.console.services.review.reveals.policy = RevealPolicy("test", 2, 2, 9)
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    look = {"field": "number", "reason_code": "compare"}
    answers = [await post(browser, f"/cards/{waiting.card_id}/reveal", **look) for _ in range(2)]
    answers.append(await post(browser, f"/cards/{waiting.card_id}/reveal", **(look | {"field": "photo"})))
    assert [answer.status_code for answer in answers] == [200, 200, TooManyTries.http_status]
    another, senior = await house.cards.waiting(), await house.cards.person(Role.SENIOR)
    await house.cards.hold(another, senior)
    desk = house.browser(await house.sessions.open(senior))
    assert (await post(desk, f"/cards/{another.card_id}/reveal", **look)).status_code == 200


async def test_password_flood_is_stopped_before_hashing(house: House) -> None:
    browser = house.browser()
    house.app.state.console.sign_in_throttle = Throttle(house.database, "3/minute")
    tries = [await post(browser, "/sign-in", email=f"u{place}@x.test", password="x") for place in range(4)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 429]
    assert "Too many attempts" in tries[-1].text


SCRIPT = "\"'><script>alert(1)</script>"
# As they stand in an address: half a character, a number that is too large, a page, the last day there is.
ODD = ("%ED%A0%80", "9" * 26, quote(SCRIPT), quote("9999-12-31T23:59"))
NOT_ASKED = {"/live", "/sign-out", "/account/sign-out-everywhere", "/account/sessions/{session_id}/end", "/static"}


def fields_of(dependant: Any) -> Iterator[tuple[str, str]]:
    """Where each parameter of a route and of what it depends on stands (`query` or `body`), and what it is called."""
    for name in ("query", "body"):
        yield from ((name, one.alias) for one in getattr(dependant, f"{name}_params"))
    for other in dependant.dependencies:
        yield from fields_of(other)


def addresses(house: House) -> list[tuple[str, str, list[str], list[str]]]:
    """Method, path, names of the query and names of the form of every address that is asked."""
    found = []
    for route in iter_route_contexts(house.app.routes):
        dependant = getattr(route.original_route, "dependant", None)
        if dependant is None or route.path in NOT_ASKED:
            continue
        names: dict[str, list[str]] = {"query": [], "body": []}
        for where, name in fields_of(dependant):
            names[where].append(name)
        found += [(method, str(route.path), names["query"], names["body"]) for method in route.methods or ()]
    return found


@pytest.mark.parametrize(
    "turn", [pytest.param(one, marks=pytest.mark.thorough if one else []) for one in range(len(ODD))]
)
async def test_odd_input_never_causes_errors_markup_or_redirects(house: House, turn: int) -> None:
    """Send every parameter of every address at once, then every name in its path, as a person with all roles: each address one odd value, and the others in the other turns."""
    waiting, me = await house.cards.waiting(), await house.cards.person(Role.SENIOR)
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, me)).roles = [role.value for role in Role]
    browser = await browser_of(house, me)
    real = {"card_id": waiting.card_id, "task_id": waiting.task_id, "photo_id": waiting.photo_id, "act": "reject"}
    token = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("/sign-in")).text)
    assert token is not None
    wrong, asked = [], addresses(house)
    assert sum(len(query) + len(body) for _, _, query, body in asked) > 100, "the parameters are found"
    for place, (method, path, query, body) in enumerate(asked):
        odd = ODD[(place + turn) % len(ODD)]
        filled = re.sub(r"\{(\w+)[^}]*\}", lambda name: real.get(name[1], "NOBODY"), path)
        tries = [f"{filled}?" + "&".join(f"{name}={odd}" for name in query)]
        tries += [re.sub(r"\{\w+[^}]*\}", odd, path)] if "{" in path else []
        form = "&".join([urlencode({"csrf": token[1]}), *(f"{name}={odd}" for name in body)])
        for address in tries:
            kind = {"content-type": "application/x-www-form-urlencoded"}
            sent = {"content": form, "headers": kind} if method == "POST" else {}
            answer = await browser.request(method, address, **sent)  # type: ignore[arg-type]
            away = answer.headers.get("location", "").startswith(("//", "http", "\\"))
            if answer.status_code >= 500 or "<script>alert(1)" in answer.text or away:
                wrong.append((method, address[:80], answer.status_code))
    assert wrong == []


async def test_every_address_serves_fragment_and_full_page(house: House) -> None:
    """A header that any script can send must not lead where no page was ever looked at."""
    waiting, me = await house.cards.waiting(), await house.cards.person(Role.SENIOR)
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, me)).roles = [role.value for role in Role]
    browser = await browser_of(house, me)
    browser.headers["hx-request"] = "true"
    real = {"card_id": waiting.card_id, "task_id": waiting.task_id, "photo_id": waiting.photo_id, "act": "reject"}
    real |= {"person_id": me, "figure": "backlog"}
    wrong = []
    for method, path, _, _ in addresses(house):
        filled = re.sub(r"\{(\w+)[^}]*\}", lambda name: real.get(name[1], "NOBODY"), path)
        answer = await (browser.get(filled) if method == "GET" else post(browser, filled, document="{}", note="x"))
        wrong += [(method, path)] if answer.status_code >= 500 else []
    assert wrong == []


@pytest.mark.parametrize(
    "document", ["-1", "NaN", "{}", "[[", '{"policies": [{}]}', "[" * 5000], ids=lambda text: text[:8]
)
async def test_an_invalid_and_outdated_policy_shows_both_faults(house: House, document: str) -> None:
    admin = await house.as_(Role.ADMIN)
    answer = await post(
        admin, "/setup/policies/deadlines/draft", how="json", revision="999", why="a note", document=document
    )
    assert answer.status_code in (409, 422)
    other = built_in_document() | {"otherwise": "office"}
    shown = await post(
        admin, "/setup/policies/deadlines/draft", how="json", revision="999", why="a note", document=json.dumps(other)
    )
    assert shown.status_code == 409
