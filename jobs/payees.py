"""Corrected payees are sent to the cards that wait for one, again and again until each has heard of it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from database.repositories.loop_faults import apart
from database.session import Database
from domain.errors.cards import NotExpectedNow
from domain.errors.general import TemporarilyUnavailable
from services.finance.payees import LOOP, Correction, Payees
from workflows.client import CardClient

AT_ONCE = 10
# A card's row waits for a payee a moment before its workflow does, e.g. when a payment came back.
EARLY_TRIES, EARLY_S = 5, 1.0
_log = structlog.get_logger("payees")


class CorrectionSender:
    """Has cards paid again once another payee stands in the database."""

    def __init__(self, database: Database, payees: Payees, desk: CardClient) -> None:
        self._database = database
        self._payees = payees
        self._desk = desk

    async def tell(self) -> int:
        """Send up to ten corrections and return how many were taken. Raises DatabaseUnavailable."""
        return sum([await self._tell(one) for one in await self._payees.untold(AT_ONCE)])

    async def _tell(self, one: Correction) -> bool:
        try:
            async with apart(self._database, LOOP, one.card_id):
                await self._heard(one)
                return True
        except TemporarilyUnavailable:
            _log.warning("correction waits", card=one.card_id)  # Sent again at a later look.
        return False

    async def _heard(self, one: Correction) -> None:
        for _ in range(EARLY_TRIES):
            with suppress(NotExpectedNow):
                await self._desk.correct_payee(one.card_id, one.correction_id)
                return
            await asyncio.sleep(EARLY_S)
        await self._desk.correct_payee(one.card_id, one.correction_id)
