"""I7: every change of a card has its evidence, and the tree of evidence verifies."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants.base import Invariant, Look
from database.repositories import evidence


class EventsHaveEvidence(Invariant):
    """Events and leaves are written by one statement with one moment; a leaf may belong to no event, an event never to none."""

    code, name = "I7", "events_have_evidence"
    sql = """
SELECT 'event ' || e.id || ' of card ' || e.card_id || ' (' || e.what || ') has no leaf'
FROM card_event e WHERE NOT EXISTS (
    SELECT FROM evidence_leaf l WHERE l.card_id = e.card_id AND l.what = e.what AND l.at = e.at
      AND l.body ->> 'actor' = e.actor AND l.body -> 'facts' = e.facts)
UNION ALL
SELECT 'card ' || id || ' has no event' FROM card WHERE NOT EXISTS (SELECT FROM card_event WHERE card_id = card.id)
"""


class EvidenceIsPlaced(Invariant):
    """A leaf waits for its place in the tree for seconds, not for minutes."""

    code, name, often = "I7", "evidence_is_placed", True
    sql = """
SELECT 'leaf ' || id || ' has waited for its place since ' || at FROM evidence_leaf
WHERE tree_index IS NULL AND at < now() - CAST(:step_max AS interval) ORDER BY id LIMIT 20
"""

    def given(self, look: Look) -> dict[str, Any]:
        """Return how long a leaf may wait."""
        return {"step_max": look.step_max}


class TreeVerifies(Invariant):
    """Every leaf, subtree and signed head is calculated again from the bodies."""

    code, name = "I7", "tree_verifies"

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """List what does not verify with the public key."""
        return (await evidence.verify_all(session, look.public_key))[: look.most]


class HeadsContinue(Invariant):
    """The newest head continues the oldest one, by proofs made from the stored subtrees as an outsider would check them."""

    code, name = "I7", "heads_continue"

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """Compare the oldest head with the newest."""
        newest = await evidence.newest_head(session)
        if newest is None:
            return []
        oldest = (await session.execute(text("SELECT min(size) FROM evidence_tree_head"))).scalar_one()
        old = await evidence.head_of(session, oldest)
        path = await evidence.prove_consistency(session, old.size, newest.size)
        faults = [] if evidence.consistent(old, newest, path) else [newest]
        return [
            f"the head of {newest.size} leaves is no continuation of that of {old.size}"
            for newest in faults[: look.most]
        ]
