"""A demo's first start has a goodwill payment that waits for its second person, for a card that was really bought."""

from __future__ import annotations

import pytest

from tests.whole import WHOLE, WholePlatform, until

pytestmark = [WHOLE, pytest.mark.timeout(320)]
WAITING = """
SELECT g.state, p.state AS paid, t.category FROM goodwill g
JOIN payout p ON p.key = g.paid_key JOIN ticket t ON t.id = g.ticket_id
"""


async def test_an_agent_proposed_goodwill_for_a_card_that_was_paid(whole: WholePlatform) -> None:
    found: list[tuple[str, ...]] = []

    async def waits() -> bool:
        found[:] = [tuple(row) for row in await whole.rows(WAITING)]
        return found == [("proposed", "paid", "payout_late")]

    await until(waits, 120, lambda: (found, whole.said()[-2000:]))
    assert await whole.violations() == []
