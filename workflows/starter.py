"""From a submission that is safely stored to cards that run: at once where Temporal answers, later by the starter loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from activities.intake import Intake
from domain.refusals import Refusal, TemporarilyUnavailable
from domain.sealing import SealBroken
from workflows.desk import CardDesk

PATIENCE_S = 4.0  # A submitter waits no longer for a Temporal that is down; their cards are stored already.
_log = structlog.get_logger("starter")


async def start_cards(intake: Intake, desk: CardDesk, card_ids: Sequence[str]) -> int:
    """Starts the journeys of these cards and returns how many; the rest stays on `Intake.not_started`.

    A card that cannot be started is named in the log and holds up no other. Raises DatabaseUnavailable.
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


async def _start(intake: Intake, desk: CardDesk, card_id: str) -> bool:
    """Whether the card runs now. Raises TemporarilyUnavailable, which is no fault of this card."""
    try:
        await desk.start(await intake.card_to_buy(card_id))
        await intake.mark_started(card_id)
    except TemporarilyUnavailable:
        raise
    except (Refusal, SealBroken) as refused:
        # Somebody must mend the card's row, its brand or the key ring; the others go on meanwhile.
        _log.error("card cannot be started", card=card_id, kind=type(refused).__name__)
        return False
    return True
