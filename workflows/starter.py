"""From a submission that is safely stored to cards that run: at once where Temporal answers, later by the starter loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from domain.errors.general import TemporarilyUnavailable
from services.cards.intake import STARTER, Intake
from workflows.client import CardClient

PATIENCE_S = 4.0  # A submitter waits no longer for a Temporal that is down; their cards are stored already.
_log = structlog.get_logger("starter")


async def start_cards(intake: Intake, desk: CardClient, card_ids: Sequence[str]) -> int:
    """Starts the journeys of these cards and returns how many; the rest stays on `Intake.not_started`.

    A card that cannot be started is set aside with its reason and delays no other. Raises DatabaseUnavailable.
    """
    looked_at = started = 0
    try:
        async with asyncio.timeout(PATIENCE_S):
            for card_id in card_ids:
                started += await _start(intake, desk, card_id)
                looked_at += 1
    except (TemporarilyUnavailable, TimeoutError):
        # Nothing is lost: the cards are stored, and the starter loop comes back for them.
        _log.warning("cards wait for their start", waiting=len(card_ids) - looked_at)
    return started


async def _start(intake: Intake, desk: CardClient, card_id: str) -> bool:
    """Whether the card runs now. Raises TemporarilyUnavailable, which is no fault of this card."""
    async with intake.apart(STARTER, card_id):
        await desk.start(await intake.card_to_buy(card_id))
        await intake.mark_started(card_id)
        return True
    return False
