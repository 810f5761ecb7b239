"""Every route for every role and for nobody: allowed, refused, or sent to sign in."""

from __future__ import annotations

import pytest

from domain.people import Role
from tests.reviewer_ui.conftest import House, post

R = Role
READERS = {R.REVIEWER, R.SENIOR, R.OPS, R.COMPLIANCE, R.ADMIN}
EVERYBODY = set(Role)
DECIDERS = {R.REVIEWER, R.SENIOR}
MATRIX: dict[tuple[str, str], set[Role]] = {
    ("GET", "/review"): READERS,
    ("POST", "/review/next"): DECIDERS,
    ("GET", "/cards"): EVERYBODY,
    ("GET", "/cards/{card_id}"): EVERYBODY,
    ("GET", "/cards/{card_id}/photos/{photo_id}"): DECIDERS,
    ("GET", "/cards/{card_id}/photos/{photo_id}/preview"): DECIDERS,
    ("POST", "/cards/{card_id}/take"): DECIDERS,
    ("POST", "/cards/{card_id}/release"): DECIDERS,
    ("POST", "/cards/{card_id}/decision"): DECIDERS,
    ("POST", "/cards/{card_id}/decision/deliver"): DECIDERS,
    ("POST", "/cards/{card_id}/reveal"): DECIDERS,
    ("GET", "/payouts"): {R.FINANCE, R.COMPLIANCE},
    ("GET", "/trail"): {R.OPS, R.COMPLIANCE},
    ("GET", "/trail/{card_id}"): {R.OPS, R.COMPLIANCE},
}
OPEN_TO_ALL = {"/", "/healthz", "/sign-in", "/sign-out", "/language", "/theme"}
FORM = {"task_id": "card:nobody:review:1", "field": "number", "reason": "checking the matrix", "outcome": "approve"}


def test_the_matrix_knows_every_route(house: House) -> None:
    """A route that nobody decided about must not slip in."""
    routes = {(method, path) for method, path in _routes(house) if path not in OPEN_TO_ALL}
    assert routes == set(MATRIX)


@pytest.mark.parametrize("role", [None, *Role])
async def test_a_role_gets_what_is_its_own_and_nothing_else(house: House, role: Role | None) -> None:
    waiting = await house.cards.waiting()
    browser = house.browser() if role is None else await house.as_(role)
    for (method, path), allowed in MATRIX.items():
        where = path.format(card_id=waiting.card_id, photo_id=waiting.photo_id)
        answer = await (browser.get(where) if method == "GET" else post(browser, where, **FORM))
        if role is None:
            assert (answer.status_code, answer.headers["location"][:8]) == (303, "/sign-in"), path
        elif role in allowed:
            assert answer.status_code not in (401, 403, 500), (path, answer.status_code)
        else:
            assert answer.status_code == 403, (path, answer.status_code)


async def test_the_navigation_names_only_what_the_role_opens(house: House) -> None:
    page = await (await house.as_(Role.SUPPORT)).get("/cards")
    assert 'href="/cards"' in page.text
    assert 'href="/payouts"' not in page.text
    assert 'href="/review"' not in page.text


async def test_resale_price_is_in_no_page_of_a_plain_reviewer(house: House) -> None:
    waiting = await house.cards.waiting()
    seen = {
        role: (await (await house.as_(role)).get(f"/cards/{waiting.card_id}")).text
        for role in (Role.REVIEWER, Role.FINANCE)
    }
    assert "475.31" not in seen[Role.REVIEWER]
    assert "475.31" in seen[Role.FINANCE]


def _routes(house: House) -> list[tuple[str, str]]:
    described = house.app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in described.items() for method in methods]
