"""Every address for every role and without sign-in, compared with the matrix: allowed, refused, or sent to sign in."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import iter_route_contexts
from starlette.types import Message

from domain.people.roles import PERMISSIONS, Role
from reviewer_ui.navigation import PAGES
from reviewer_ui.sessions import COOKIE
from tests.reviewer_ui import matrix
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.matrix import FORM, MATRIX, Line
from tests.slowness import patience

EDIT = f"edit {Path(matrix.__file__).relative_to(Path(__file__).parents[2])}"
STREAMS = {"/live"}  # Their answer has no end: its first line is looked at.
JSON = {"accept": "application/json"}  # Refusals as codes, so that a 403 says which it is.


@pytest_asyncio.fixture
async def filled_in(house: House) -> AsyncIterator[Mapping[str, str]]:
    """Values for the names in addresses: a card that waits, and nobody and nothing else."""
    waiting = await house.cards.waiting()
    somebody = await house.cards.person(Role.SUPPORT)
    real = {"card_id": waiting.card_id, "photo_id": waiting.photo_id, "task_id": waiting.task_id, "person_id": somebody}
    yield _OrNothing(real)


def test_matrix_lists_every_route(house: House) -> None:
    """A new route must be listed, and a removed one must not stay listed."""
    served, decided = set(_routes(house)), {(line.method, line.path) for line in MATRIX}
    assert sorted(served - decided) == [], f"nobody has said who may use these: {EDIT}"
    assert sorted(decided - served) == [], f"these are no longer there: {EDIT}"
    assert [one for one, times in Counter((line.method, line.path) for line in MATRIX).items() if times > 1] == []


def test_the_matrix_names_one_status_for_each_act() -> None:
    assert [(line.path, line.gives) for line in MATRIX if line.method == "POST" and len(line.gives) != 1] == []


@pytest.mark.parametrize("role", list(Role))
async def test_role_can_access_only_permitted_routes(house: House, filled_in: Mapping[str, str], role: Role) -> None:
    person_id, browser, wrong = await house.cards.person(role), house.browser(), []
    token = await form_token(browser)
    for line in MATRIX:
        if COOKIE not in browser.cookies:  # Also after an act that ended the session.
            browser.cookies.set(COOKIE, await house.sessions.open(person_id), domain="console.test")
        status, code = await _asked(house, browser, line, filled_in, token)
        if line.who is not None and role not in line.who:
            fits = (status, code) == (403, "not_allowed")
        else:
            fits = status in line.expected and code not in ("not_allowed", "not_signed_in")
        wrong += [] if fits else [(line.method, line.path, status, code)]
    assert wrong == [], f"what {role} got, and should not have; if that is meant, {EDIT}"


async def test_signed_out_visitor_reaches_only_sign_in(house: House, filled_in: Mapping[str, str]) -> None:
    browser, wrong = house.browser(), []
    token = await form_token(browser)
    for line in MATRIX:
        status, code = await _asked(house, browser, line, filled_in, token)
        if line.who is None:
            fits = status in line.expected and code != "not_signed_in"
        else:
            fits = (status, code) == (401, "not_signed_in")
        wrong += [] if fits else [(line.method, line.path, status, code)]
    assert wrong == [], f"what nobody got, and should not have; if that is meant, {EDIT}"


async def test_form_of_another_site_is_refused(house: House, filled_in: Mapping[str, str]) -> None:
    wrong, browsers = [], {role: await house.as_(role) for role in Role}
    for line in (one for one in MATRIX if one.method == "POST"):
        browser = browsers[Role.REVIEWER if line.who is None else min(line.who)]
        answer = await browser.post(line.path.format_map(filled_in), data=FORM, headers=JSON)
        if (answer.status_code, _code(answer)) != (400, "form_tampered"):
            wrong.append((line.path, answer.status_code, _code(answer)))
    assert wrong == []


async def test_visitor_without_a_session_is_redirected_to_sign_in_and_back(house: House) -> None:
    answer = await house.browser().get("/payouts")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=/payouts")


async def test_navigation_lists_only_permitted_pages(house: House) -> None:
    page = await (await house.as_(Role.FINANCE)).get("/cards")
    assert 'href="/cards"' in page.text
    assert 'href="/setup/people"' not in page.text
    assert 'href="/second-review"' not in page.text


def test_navigation_agrees_with_the_matrix() -> None:
    decided = {line.path: line.who for line in MATRIX if line.method == "GET"}
    opened = {
        page.address: frozenset(role for role in Role if page.open_to(PERMISSIONS[role].__contains__)) for page in PAGES
    }
    assert {path: who for path, who in opened.items() if decided.get(path) != who} == {}


async def test_resale_price_is_in_no_page_of_a_plain_reviewer(house: House) -> None:
    waiting = await house.cards.waiting()
    seen = {
        role: (await (await house.as_(role)).get(f"/cards/{waiting.card_id}")).text
        for role in (Role.REVIEWER, Role.FINANCE)
    }
    assert "475.31" not in seen[Role.REVIEWER]
    assert "475.31" in seen[Role.FINANCE]


class _OrNothing(dict[str, str]):
    """What an address names and nobody made is called `nothing`."""

    def __missing__(self, name: str) -> str:
        return "nothing"


async def form_token(browser: httpx.AsyncClient) -> str:
    """Return the token of every form; it belongs to the browser."""
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get("/sign-in")).text)
    assert found is not None
    return found[1]


async def _asked(
    house: House, browser: httpx.AsyncClient, line: Line, filled_in: Mapping[str, str], token: str
) -> tuple[int, str]:
    """The status, and the code of a refusal; a form is sent as a page of ours would send it."""
    where = line.path.format_map(filled_in)
    if line.path in STREAMS:
        status = await _first_line(house, where, browser.cookies.get(COOKIE) or "")
        return status, "not_signed_in" if status == 401 else ""
    if line.method == "GET":
        answer = await browser.get(where, headers=JSON)
    else:
        answer = await browser.post(where, data={"csrf": token, **FORM}, headers=JSON)
    return answer.status_code, _code(answer)


def _code(answer: httpx.Response) -> str:
    is_problem = answer.status_code >= 400 and answer.headers.get("content-type", "").startswith("application/json")
    return str(answer.json().get("code", "")) if is_problem else ""


async def _first_line(house: House, path: str, token: str) -> int:
    """The status of an answer that goes on for ever; the browser leaves as soon as it has it."""
    begun, left = asyncio.Event(), asyncio.Event()
    status = 0

    async def receive() -> Message:
        if left.is_set() or begun.is_set():
            return {"type": "http.disconnect"}
        left.set()
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            begun.set()

    headers = [(b"host", b"console.test"), (b"accept", b"text/event-stream"), (b"cookie", f"{COOKIE}={token}".encode())]
    scope = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers,
        "http_version": "1.1", "scheme": "http", "server": ("console.test", 80), "client": ("127.0.0.1", 1), "root_path": "",
    }  # fmt: skip
    async with asyncio.timeout(patience(10)):
        await house.app(scope, receive, send)
    return status


def _routes(house: House) -> list[tuple[str, str]]:
    """Every route as it is served, in the description or not; static files apart, which hold nobody's data."""
    found = [context for context in iter_route_contexts(house.app.routes) if context.name != "static"]
    return [(method, str(one.path)) for one in found for method in (one.methods or ()) if method != "HEAD"]
