"""The tabs of the card page: each is a link of its own, and shows what its name says to those who may see it."""

from __future__ import annotations

import re

import pytest

from domain.finance.payout import PayoutState
from domain.people.roles import Role
from reviewer_ui.keys import KEYS
from reviewer_ui.review.card_tabs import CardTab
from tests.reviewer_ui.conftest import House, post


@pytest.mark.parametrize("tab", list(CardTab), ids=lambda tab: tab.value)
async def test_every_tab_is_a_link(house: House, tab: CardTab) -> None:
    """Without any script: the address alone decides, and one tab is marked as the current one."""
    card = await house.cards.waiting()
    browser = await house.as_(Role.SENIOR)
    page = (await browser.get(f"/cards/{card.card_id}")).text
    address = f"/cards/{card.card_id}" + ("" if tab is CardTab.DECIDE else f"?tab={tab}")
    assert f'href="{address}"' in page
    opened = await browser.get(address)
    assert opened.status_code == 200
    assert re.findall(r'href="([^"]*)" aria-current="page">', opened.text)[-1] == address
    assert ('class="card-grid' in opened.text) == (tab is CardTab.DECIDE)


async def test_tabs_have_bracket_keys(house: House) -> None:
    """Letters are those of reasons: one pressed on a menu that did not open must not lead away from the card."""
    card = await house.cards.waiting()
    page = (await (await house.as_(Role.SENIOR)).get(f"/cards/{card.card_id}?tab=evidence")).text
    found = dict(re.findall(r'href="[^"]*tab=(\w+)" data-key="([^"]*)"', page))
    assert found == {"story": "[", "comments": "]"}
    assert set(found.values()) <= {key.name for key in KEYS}, "a person can change the keys"


async def test_unknown_tab_falls_back_to_the_first(house: House) -> None:
    card = await house.cards.waiting()
    assert 'class="card-grid' in (await (await house.as_(Role.SENIOR)).get(f"/cards/{card.card_id}?tab=nothing")).text


async def test_evidence_shows_every_answer_and_money_every_quote(house: House) -> None:
    card = await house.cards.waiting()
    browser = await house.as_(Role.SENIOR)
    evidence = (await browser.get(f"/cards/{card.card_id}?tab=evidence")).text
    assert "Store point of sale" in evidence.split('class="card-tab"')[1]
    money = (await browser.get(f"/cards/{card.card_id}?tab=money")).text.split('class="card-tab"')[1]
    assert "¥441.00" in money
    assert re.search(r"<tfoot>.*¥441.00", money, re.S)


async def test_payment_orders_are_shown_with_permission(house: House) -> None:
    card = await house.cards.waiting()
    await house.cards.payout(card, PayoutState.UNKNOWN)
    address = f"/cards/{card.card_id}?tab=money"
    finance = (await (await house.as_(Role.FINANCE)).get(address)).text.split('class="card-tab"')[1]
    support = (await (await house.as_(Role.SUPPORT)).get(address)).text.split('class="card-tab"')[1]
    assert "Being reconciled" in finance
    assert "Being reconciled" not in support
    assert "¥441.00" in support


async def test_comment_redirects_to_its_tab(house: House) -> None:
    card = await house.cards.waiting()
    browser = await house.as_(Role.SUPPORT)
    said = await post(browser, f"/cards/{card.card_id}/comments?tab=comments", words="the store called back")
    assert said.headers["location"] == f"/cards/{card.card_id}?tab=comments"
    for tab in ("comments", "story"):
        shown = (await browser.get(f"/cards/{card.card_id}?tab={tab}")).text.split('class="card-tab')[1]
        assert "the store called back" in shown
    refused = await post(browser, f"/cards/{card.card_id}/comments?tab=comments", words="x" * 2001)
    assert refused.status_code == 422
    assert 'class="card-tab' in refused.text, "what was refused stays on its tab"
