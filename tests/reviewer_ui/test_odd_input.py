"""What no reviewer types and a script may send: refused with a sentence, and nothing is decided, shown or kept."""

from __future__ import annotations

import pytest

from activities.throttle import Throttle
from domain.people import Role
from domain.refusals import TooManyTries
from tests.reviewer_ui.conftest import House, post


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/cards/%00", 404), ("/cards/{card}/photos/%00", 404), ("/trail/%00", 404), ("/static/%00", 404),
        ("/cards?id=%00", 422), ("/trail?card=%00", 422), ("/review?after=%00", 422),
    ],
)  # fmt: skip
async def test_nothing_is_called_nul(house: House, address: str, status: int) -> None:
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
async def test_a_field_that_cannot_be_written_decides_nothing(house: House, form: dict[str, str]) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    answer = await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, **form)
    assert answer.status_code == 422
    assert house.desk.told == []


async def test_a_note_is_shown_as_it_was_typed_and_never_as_markup(house: House) -> None:
    hostile = "<script>alert(1)</script>\" onload=x '; DROP TABLE card; -- {{7*7}} 😀 שלום"
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, outcome="approve", note=hostile)
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert ("<script>alert(1)" in page, "&lt;script&gt;alert(1)" in page) == (False, True)
    assert "{{7*7}} 😀 שלום" in page


async def test_secrets_are_looked_at_sixty_times_an_hour_and_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.reviewing.REVEALS_MAX", 2)
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    look = {"field": "number", "reason": "compare with the photo"}
    answers = [await post(browser, f"/cards/{waiting.card_id}/reveal", **look) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, TooManyTries.http_status]
    another = await house.as_(Role.SENIOR)
    assert (await post(another, f"/cards/{waiting.card_id}/reveal", **look)).status_code == 200


async def test_a_flood_of_passwords_from_one_address_is_stopped_before_they_are_hashed(house: House) -> None:
    browser = house.browser()
    house.app.state.console.sign_in_throttle = Throttle("3/minute")
    tries = [await post(browser, "/sign-in", email=f"u{place}@x.test", password="x") for place in range(4)]
    assert [answer.status_code for answer in tries] == [401, 401, 401, 429]
    assert "Too many tries" in tries[-1].text
