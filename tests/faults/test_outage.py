"""An issuer is down: the cards that ask it appear as one cause, and the cause goes when they move on. Nothing is paid twice."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from bootstrap.store import database
from database.session import Database
from domain.cards.card import Outcome
from tests.whole import WHOLE, WholePlatform, jd_card, until

pytestmark = [WHOLE, pytest.mark.proof, pytest.mark.timeout(300)]
CARDS = 12
# Ten seconds on a machine of its own; tests share theirs.
SEEN_WITHIN_S = 60.0
_CAUSES = "SELECT provider, step, runs FROM stuck_cause WHERE error_class = 'gateway_unavailable'"


async def _causes(store: Database) -> list[tuple[str, str, int]]:
    async with store.transaction() as session:
        return [(row.provider, row.step, row.runs) for row in await session.execute(text(_CAUSES))]


async def test_an_outage_is_one_cause_and_is_gone_after_it(whole: WholePlatform) -> None:
    store, cards = database(whole.settings), list[str]()
    await whole.demo_is_calm()
    try:
        async with whole.control("issuer", error_rate=1.0):
            for _ in range(CARDS):
                cards.append(await whole.hand_in(jd_card()))

            async def all_seen() -> bool:
                return await _causes(store) == [("issuer:jd", "verification.ask_issuer", CARDS)]

            await until(all_seen, SEEN_WITHIN_S, lambda: "the cards are not one cause")
        for card in cards:
            assert (await whole.paid(card, 120)).outcome is Outcome.PAID
            assert len(await whole.transfers(card)) == 1

        async def none_left() -> bool:
            return await _causes(store) == []

        await until(none_left, 30, lambda: "the cause outlives its cards")
    finally:
        await store.dispose()
    assert await whole.violations() == []
