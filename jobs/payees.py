"""Corrected payees are sent to the cards that wait for one, again and again until each has heard of it."""

from __future__ import annotations

import structlog

from database.repositories.loop_faults import apart
from database.session import Database
from domain.errors.general import TemporarilyUnavailable
from services.finance.payees import LOOP, Correction, Payees
from workflows.client import CardClient

AT_ONCE = 10
_log = structlog.get_logger("payees")


class CorrectionSender:
    """Have cards paid again once another payee is in the database."""

    def __init__(self, database: Database, payees: Payees, desk: CardClient) -> None:
        self._database = database
        self._payees = payees
        self._desk = desk

    async def tell(self) -> int:
        """Send up to ten corrections and return how many were taken. Raises DatabaseUnavailable."""
        return sum([await self._tell(one) for one in await self._payees.untold(AT_ONCE)])

    async def _tell(self, one: Correction) -> bool:
        """Send one; a card whose workflow does not wait for it yet, a moment after its row, is tried again in a second."""
        try:
            async with apart(self._database, LOOP, one.card_id):
                await self._desk.correct_payee(one.card_id, one.correction_id)
                return True
        except TemporarilyUnavailable:
            _log.warning("correction waits", card=one.card_id)  # Sent again at a later look.
        return False
