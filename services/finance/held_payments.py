"""Check waiting payments until they may continue; a person releases those that need a check."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.audit import by_person
from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.session import Database
from database.tables.finance.routing import PayoutWaitRow
from domain.errors.finance import NothingToRelease, OtherPayeeAsked
from domain.errors.general import FieldInvalid, NotFound
from domain.finance.order_kinds import Journey
from domain.finance.routing import LOOKED_AT, WaitReason
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.sealing import KeyRing
from services.finance.order_kinds import kind_by_key
from services.finance.routing import why_waiting
from services.finance.waiting import goes_on, hold
from services.finance.whose import require_no_maker, stranger_to
from services.people.permissions import require

LOOP = "payout_waits"
# A workflow that was signalled asks the issuer again before it comes to its order.
SIGNALLED_AGAIN = timedelta(minutes=2)
REASON_MAX = 500


@dataclass(frozen=True)
class Ready:
    """A payment whose reasons to wait are over: its workflow is signalled."""

    key: str
    journey: Journey


class PayoutWaits:
    """Looks at payments that wait. `person` is a person's id."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def ready(self, limit: int) -> tuple[Ready, ...]:
        """Return up to `limit` payments that may continue and were not signalled lately, the longest waiting first.

        What still waits gets its present reasons; what has ended otherwise waits no more. Raises DatabaseUnavailable.
        """
        now, found = self._now(), []
        unsignalled = or_(PayoutWaitRow.signalled_at.is_(None), PayoutWaitRow.signalled_at < now - SIGNALLED_AGAIN)
        waiting = (
            select(PayoutWaitRow.key)
            .where(PayoutWaitRow.ended_at.is_(None), unsignalled, ~left_out(LOOP, PayoutWaitRow.key, now))
            .order_by(PayoutWaitRow.since, PayoutWaitRow.key)
            .limit(limit)
        )
        async with self._database.reading() as session:
            keys = list((await session.execute(waiting)).scalars())
        for key in keys:
            async with apart(self._database, LOOP, key):
                if (one := await self._looked_at(key)) is not None:
                    found.append(one)
        return tuple(found)

    async def signalled(self, key: str) -> None:
        """Note that the workflow of this payment was signalled."""
        statement = update(PayoutWaitRow).where(PayoutWaitRow.key == key).values(signalled_at=self._now())
        async with self._database.statement() as connection:
            await connection.execute(statement)

    async def release(self, person: str, key: str, reason: str) -> None:
        """Let a payment go that a person has to look at first; done already by them, nothing changes.

        Refuses NotAllowed, NotFound, FieldInvalid (`reason`), NothingToRelease where no person is waited for,
        OtherPayeeAsked where one asked for another payee instead, and OwnWork to a person who is linked to who is paid, or
        decided what is paid.
        """
        said = reason.strip()
        if not said or len(said) > REASON_MAX:
            raise FieldInvalid(field="reason", why="missing" if not said else "too_long")
        async with self._database.transaction() as session:
            await require(session, person, Permission.RELEASE_PAYMENTS)
            row = await locked_wait(session, key)
            if row.released_by == person:
                return
            if row.asked_at is not None and row.ended_at is None:
                raise OtherPayeeAsked()
            if row.ended_at is not None or row.released_at is not None or not LOOKED_AT & reasons_of(row):
                raise NothingToRelease()
            await require_uninvolved(session, self._keyring, person, row, self._now())
            row.released_at, row.released_by, row.released_reason = self._now(), person, said
            row.signalled_at = None
            facts = {"reasons": list(row.reasons)}
            session.add(by_person(person, "console:payout:release", row.key, reason=said, facts=facts))

    async def _looked_at(self, key: str) -> Ready | None:
        now = self._now()
        async with self._database.transaction() as session:
            payment = await kind_by_key(key).payment(session, self._keyring, key, now)
            if payment is None:
                await goes_on(session, key, now)
                return None
            kept = await session.get_one(PayoutWaitRow, key, with_for_update=True, populate_existing=True)
            asked = kept.asked_at is not None and kept.payee_index == payment.payee_index
            if kept.ended_at is not None or asked:  # People stopped it.
                return None
            wait = await why_waiting(session, self._keyring, payment, now)
            if wait is None:
                return Ready(key, await kind_by_key(key).journey(session, key))
            await hold(session, payment, wait, now)
        return None


async def locked_wait(session: AsyncSession, key: str) -> PayoutWaitRow:
    """Return the wait of this key, locked after its card. Refuse NotFound."""
    known = await session.get(PayoutWaitRow, key[:80])
    if known is None:
        raise NotFound(payout=key[:80])
    if known.card_id is not None:
        await cards.load_for_update(session, known.card_id)
    return await session.get_one(PayoutWaitRow, known.key, with_for_update=True, populate_existing=True)


async def require_uninvolved(
    session: AsyncSession, keyring: KeyRing, person: str, row: PayoutWaitRow, now: datetime
) -> ActingReviewer:
    """Return the standing of a person. Refuse OwnWork to one on the payee's side, or who decided what is paid."""
    whose = await kind_by_key(row.key).whose(session, row.key)
    who = await stranger_to(session, keyring, person, whose, now)
    require_no_maker(who, whose.makers)
    return who


def reasons_of(row: PayoutWaitRow) -> frozenset[WaitReason]:
    """Return why the payment waits."""
    return frozenset(WaitReason(one) for one in row.reasons)
