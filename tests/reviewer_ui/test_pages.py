"""Looking a card up, payouts and trail."""

from __future__ import annotations

import re

from sqlalchemy import text

from database.repositories import evidence
from domain.finance.payout import PayoutState
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting
from web.demo_links import DemoLinks


def _order(page: str, *cards: Waiting) -> list[str]:
    """The ids of these cards as they stand on a page."""
    wanted = {card.card_id for card in cards}
    return [found for found in re.findall(r'href="/cards/([0-9A-Z]{26})[?"]', page) if found in wanted]


async def test_support_finds_a_card_by_its_last_characters_and_cannot_decide(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.SUPPORT)
    found = await browser.get(f"/cards?id={waiting.card_id[-8:].lower()}")
    assert found.headers["location"] == f"/cards/{waiting.card_id}"
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert "/decision" not in page
    assert "/photos/" not in page
    assert (await browser.get("/cards?id=ZZZZZZZZ")).status_code == 404


async def test_unknown_payouts_are_listed_first(house: House) -> None:
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


async def test_evidence_trail_proves_changes_and_reveals_tampering(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.COMPLIANCE)
    unplaced = (await browser.get(f"/trail/{waiting.card_id}")).text
    assert "Pending" in unplaced
    async with house.database.transaction() as session:
        await evidence.sequence(session, house.keyring, 10_000)
    proved = (await browser.get(f"/trail/{waiting.card_id}")).text
    assert "Verified" in proved
    assert "Invalid" not in proved
    async with house.database.transaction() as session:
        await session.execute(
            text("SET LOCAL session_replication_role = replica")
        )  # What keeps leaves as they are, off.
        forged = text(
            "UPDATE evidence_leaf SET body = jsonb_set(body, '{what}', '\"review.forged\"') WHERE card_id = :card"
        )
        await session.execute(forged, {"card": waiting.card_id})
    assert "Invalid" in (await browser.get(f"/trail/{waiting.card_id}")).text


async def test_an_unknown_card_is_not_found(house: House) -> None:
    browser = await house.as_(Role.COMPLIANCE)
    for path in ("/cards/01NOSUCHCARD00000000000000", "/trail/01NOSUCHCARD00000000000000"):
        assert (await browser.get(path)).status_code == 404


async def test_only_a_demo_links_to_its_other_apps(house: House) -> None:
    browser = await house.as_(Role.SUPPORT)
    links = DemoLinks(
        "http://api.demo", "http://console.demo", {"messages": "http://sms.demo", "issuer": "http://i.demo"}
    )
    assert "/welcome" not in (await browser.get("/")).text
    house.app.state.demo_links = links
    page = (await browser.get("/")).text
    wanted = ["http://api.demo/", "http://api.demo/docs", "http://api.demo/welcome", "http://sms.demo", "http://i.demo"]
    assert [one for one in wanted if f'href="{one}"' not in page] == []
    assert 'href="http://api.demo/welcome"' in (await house.browser().get("/sign-in")).text
