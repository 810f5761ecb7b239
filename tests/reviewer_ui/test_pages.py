"""The queue's order and paging, look-up, payouts and trail."""

from __future__ import annotations

import re

from sqlalchemy import text

from database.repositories import evidence
from domain.payout import PayoutState
from domain.people import Role
from tests.reviewer_ui.cards import Waiting
from tests.reviewer_ui.conftest import House


def _order(page: str, *cards: Waiting) -> list[str]:
    """The ids of these cards as they stand on a page."""
    wanted = {card.card_id for card in cards}
    return [found for found in re.findall(r'href="/cards/([0-9A-Z]{26})"', page) if found in wanted]


async def test_escalated_first_then_due_soonest(house: House) -> None:
    late, soon = await house.cards.waiting(due_in_min=90), await house.cards.waiting(due_in_min=5)
    escalated = await house.cards.waiting(due_in_min=200, escalated=True)
    page = (await (await house.as_(Role.REVIEWER)).get("/review")).text
    assert _order(page, late, soon, escalated) == [escalated.card_id, soon.card_id, late.card_id]


async def test_pages_follow_one_another_without_gap_or_repeat(house: House) -> None:
    waiting = [await house.cards.waiting(due_in_min=10 + place, escalated=place % 6 == 0) for place in range(23)]
    browser, seen, path = await house.as_(Role.REVIEWER), list[str](), "/review"
    for _ in range(2):
        page = (await browser.get(path)).text
        seen += _order(page, *waiting)
        path = next(iter(re.findall(r'href="(/review\?after=[^"]+)"', page)), "")
    assert path == ""
    assert seen == [
        one.card_id for one in sorted(waiting, key=lambda one: (waiting.index(one) % 6 != 0, waiting.index(one)))
    ]


async def test_filters_narrow_by_type_brand_and_reason(house: House) -> None:
    dining, regional = (
        await house.cards.waiting(reasons=("wrong_pin",)),
        await house.cards.waiting(brand_code="hualian"),
    )
    browser = await house.as_(Role.REVIEWER)
    for query, expected in (("type=regional", regional), ("brand=starbucks", dining), ("reason=wrong_pin", dining)):
        page = (await browser.get(f"/review?{query}")).text
        assert _order(page, dining, regional) == [expected.card_id], query


async def test_a_place_or_filter_that_makes_no_sense_shows_the_first_page(house: House) -> None:
    waiting = await house.cards.waiting()
    page = await (await house.as_(Role.REVIEWER)).get("/review?after=1~yesterday~x&type=plastic&brand=none")
    assert page.status_code == 200
    assert _order(page.text, waiting) == [waiting.card_id]


async def test_the_queue_polls_only_so_often(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    polled = await browser.get("/review?polls=3", headers={"hx-request": "true"})
    assert 'hx-get="/review?polls=4"' in polled.text
    assert "<html" not in polled.text
    assert "hx-get" not in (await browser.get("/review?polls=40", headers={"hx-request": "true"})).text


async def test_support_finds_a_card_by_its_last_characters_and_cannot_decide(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.SUPPORT)
    found = await browser.get(f"/cards?id={waiting.card_id[-8:].lower()}")
    assert found.headers["location"] == f"/cards/{waiting.card_id}"
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert "/decision" not in page
    assert "/photos/" not in page
    assert (await browser.get("/cards?id=ZZZZZZZZ")).status_code == 404


async def test_unknown_payouts_stand_on_top(house: House) -> None:
    cards = {
        state: await house.cards.waiting() for state in (PayoutState.UNKNOWN, PayoutState.PAID, PayoutState.REFUSED)
    }
    for state, waiting in cards.items():
        await house.cards.payout(waiting, state)
    browser = await house.as_(Role.FINANCE)
    page = (await browser.get("/payouts")).text
    assert _order(page, *cards.values())[0] == cards[PayoutState.UNKNOWN].card_id
    paid = (await browser.get("/payouts?state=paid")).text
    assert _order(paid, *cards.values()) == [cards[PayoutState.PAID].card_id]


async def test_the_trail_proves_each_change_and_shows_one_that_was_altered(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.COMPLIANCE)
    unplaced = (await browser.get(f"/trail/{waiting.card_id}")).text
    assert "Waiting for its place" in unplaced
    async with house.database.transaction() as session:
        await evidence.sequence(session, house.keyring, 10_000)
    proved = (await browser.get(f"/trail/{waiting.card_id}")).text
    assert "Verified" in proved
    assert "Broken" not in proved
    async with house.database.transaction() as session:
        await session.execute(
            text("SET LOCAL session_replication_role = replica")
        )  # What keeps leaves as they are, off.
        forged = text(
            "UPDATE evidence_leaf SET body = jsonb_set(body, '{what}', '\"review.forged\"') WHERE card_id = :card"
        )
        await session.execute(forged, {"card": waiting.card_id})
    assert "Broken" in (await browser.get(f"/trail/{waiting.card_id}")).text


async def test_an_unknown_card_is_not_found(house: House) -> None:
    browser = await house.as_(Role.COMPLIANCE)
    for path in ("/cards/01NOSUCHCARD00000000000000", "/trail/01NOSUCHCARD00000000000000"):
        assert (await browser.get(path)).status_code == 404
