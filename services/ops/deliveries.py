"""Have what a receiver has not got delivered now, in place of waiting for the next try of each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import text

from database.reads.ops.deliveries import GIVEN_UP_SHOWN
from database.repositories.audit import by_person
from database.repositories.outbox import LEASE, PER_LANE
from database.session import Database
from domain.people.roles import Permission
from domain.work.reason_codes import ReasonedAct
from services.people.permissions import require
from services.work.reason_codes import require_reason

ACT = "console:deliveries:again"
# A row that is due within a lease may be under way at this moment: it is left alone.
_AGAIN = """
UPDATE outbox SET due_at = CAST(:now AS timestamptz), attempts = 0, given_up_at = NULL
WHERE (CASE WHEN kind = ANY(:together) THEN kind ELSE destination END) = :receiver AND delivered_at IS NULL
  AND (
    given_up_at IS NULL AND last_failure IS NOT NULL AND due_at > CAST(:now AS timestamptz) + CAST(:lease AS interval)
    OR :given_up AND given_up_at > CAST(:shown_from AS timestamptz)
  )
"""


class Deliveries:
    """`by` is a person's id."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def again(self, by: str, receiver: str, reason_code: str, *, given_up: bool) -> int:
        """Make a receiver's failed deliveries due now, with `given_up` also those that are not tried any more.

        Return how many. Each keeps its delivery id, by which receivers know it again. Refuses NotAllowed, ReasonUnknown.
        """
        now = self._now()
        async with self._database.transaction() as session:
            await require(session, by, Permission.REPAIR)
            await require_reason(session, ReasonedAct.REPAIR, reason_code)
            values = {
                "now": now, "together": list(PER_LANE), "receiver": receiver, "given_up": given_up, "shown_from": now - GIVEN_UP_SHOWN,
                "lease": LEASE,
            }  # fmt: skip
            count = int((await session.execute(text(_AGAIN), values)).rowcount)  # type: ignore[attr-defined]  # An UPDATE's.
            if count:
                facts = {"deliveries": count, "given_up": given_up}
                session.add(by_person(by, ACT, receiver, reason=reason_code, facts=facts))
        return count
