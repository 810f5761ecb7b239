"""Words that come after an order's outcome is certain and say the opposite: each is kept once, moves nothing, and a person looks.

A seller may have been paid twice then, or not at all.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories.audit import by_person
from database.repositories.orders import OrderRow
from database.session import Database
from database.tables.finance.rails import ContradictionRow
from domain.errors.general import NotFound
from domain.finance.payout import RETURNED, Heard, PayoutOutcome
from domain.people.roles import Permission
from services.finance.rail_switches import required_reason
from services.people.permissions import require
from services.work.secret_scan import require_no_number


def contradicts(row: OrderRow, said: PayoutOutcome, code: str | None) -> bool:
    """Tell whether a word is the opposite of the order's certain outcome; money that came back is none, nor its payment before."""
    if row.answered is None or said is PayoutOutcome.UNKNOWN or said is row.answered:
        return False
    return RETURNED not in (code, row.refusal_code)


async def keep(session: AsyncSession, row: OrderRow, said: PayoutOutcome, heard: Heard, at: datetime) -> None:
    """Keep who says the opposite of what the order stands as, once per order."""
    found = ContradictionRow(key=row.key, said=said, stands=row.answered or said, heard=heard, heard_at=at)
    await insert_once(session, found, "key")


class Contradictions:
    """What people found out about words that contradict an order. `person` is a person's id; nothing here moves money."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def clear(self, person: str, key: str, reason: str) -> None:
        """Keep what a person found out, once: the order is no more alarm. Cleared before, nothing changes.

        Refuses NotAllowed, FieldInvalid (`reason`), SecretInWords, and NotFound where nothing contradicts the order.
        """
        said = required_reason(reason)
        require_no_number(said)
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            row = await session.get(ContradictionRow, key[:80], with_for_update=True)
            if row is None:
                raise NotFound(payout=key[:80])
            if row.cleared_at is None:
                row.cleared_by, row.cleared_at, row.cleared_reason = person, self._now(), said
                session.add(by_person(person, "console:payout:clear", row.key, reason=said))
