"""Close the rows of a card whose run is ended from outside: nothing is left that is open here and not in Temporal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from database.session import Database
from domain.cards.card import EndReason
from domain.errors.cards import NotCancellable
from services.cards.cancelling import Ending, end_card


class Terminations:
    """Ends cards without their workflows."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def close(self, card_id: str, repair_id: str, by: str) -> None:
        """End the card's rows as terminated by `by` (person:<id>); closed once however often it is asked for.

        Refuses NotCancellable (`why`) once a payment was ordered, and for a card that has ended otherwise.
        """
        ending = Ending(EndReason.TERMINATED, by, repair_id)
        async with self._database.transaction() as session:
            if (why := await end_card(session, card_id, ending, self._now())) is not None:
                raise NotCancellable(why=why.value)
