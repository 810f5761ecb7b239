"""No card is decided unseen by a key, and every decision of the last seconds can be undone by its name."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.deciding import changed_card, decide, decisions, shown, taken, with_undo


@pytest.mark.parametrize(
    ("face_minor", "seen_s", "looked", "decided"),
    [(50_000, 0.9, "", False), (50_000, 2, "", True), (500_000, 3, "", False), (500_000, 5, "", True), (500_000, 0.9, "yes", True)],
)  # fmt: skip
async def test_early_key_press_decides_nothing(
    house: House, face_minor: int, seen_s: float, looked: str, decided: bool
) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    await changed_card(house, waiting, face_value_minor=face_minor)
    shown_at = (datetime.now(UTC) - timedelta(seconds=seen_s)).isoformat()
    answer = await decide(browser, waiting, act="approve", note="mine", by="key", shown_at=shown_at, looked=looked)
    assert answer.status_code == (303 if decided else 409)
    assert bool(await decisions(house, waiting)) is decided
    assert decided or "mine" in answer.text


async def test_a_key_whose_page_is_unknown_decides_nothing_and_a_button_does(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert re.search(r'name="shown_at" value="20[0-9T:.+-]+"', page) is not None
    for shown_at in ("", "yesterday", "2020-01-01T00:00:00"):
        assert (await decide(browser, waiting, act="approve", by="key", shown_at=shown_at)).status_code == 409
    assert (await decide(browser, waiting, act="approve")).status_code == 303


async def test_undo_names_card_and_outcome_of_every_recent_decision(house: House) -> None:
    with_undo(house)
    browser = await house.as_(Role.REVIEWER)
    first, second = await taken(house, browser), await taken(house, browser)
    await decide(browser, first, act="approve")
    await decide(browser, second, act="reject:forged")
    ids = [(await decisions(house, one))[0].id for one in (first, second)]
    bars = re.findall(
        r'class="undo-bar" method="post" action="/decisions/([0-9A-Z]+)/undo".*?</form>', await shown(browser), re.S
    )
    assert bars == [ids[1], ids[0]]
    assert f"{first.card_id[-6:]} approved" in await shown(browser)
    assert f"{second.card_id[-6:]} rejected" in await shown(browser)
    assert (await post(browser, f"/decisions/{ids[0]}/undo")).headers["location"] == f"/cards/{first.card_id}"
    left = await shown(browser)
    assert [f"/decisions/{one}/undo" in left for one in ids] == [False, True]
