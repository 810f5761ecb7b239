"""Reviewers see that a card's brand is no longer bought; the card itself continues."""

from __future__ import annotations

from domain.people.roles import Role
from tests.builders.catalogues import published, without
from tests.reviewer_ui.conftest import House


async def test_a_reviewer_sees_that_the_brand_is_no_longer_bought_and_why(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    assert "No longer bought" not in (await browser.get(f"/cards/{waiting.card_id}")).text
    with published(without("starbucks")):
        page = (await browser.get(f"/cards/{waiting.card_id}")).text
        assert 'title="The contract ended"' in page
        assert "No longer bought" in page
