"""Money that was recorded in error is taken back by two people: one asks with a reason, another agrees, or either leaves it as it is.

What differs between payments of buyers, exchanges and payments on claims is data: `Posted` says how it stands in the books, `Kind`
what else `Reversals` needs. Payments on claims, whose claim is locked and opened again, take the single steps.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories import ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.taken_back import TakenBack
from domain.errors.finance import ReceiptOver, ReceiptReconciled
from domain.errors.general import NotFound
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from services.finance.rail_switches import required_reason
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.people.acting import standing
from services.people.permissions import require

# What a statement says of it otherwise than by the whole amount: a person has decided, or the rules have posted a difference.
_RECONCILED = text("""
SELECT true FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id JOIN expectation x ON x.entry_id = e.id
LEFT JOIN statement_line o ON o.entry_id = x.entry_id
WHERE t.key = :key AND (coalesce(x.line_id, x.break_id) IS NOT NULL OR o.amount_minor <> x.amount_minor) LIMIT 1
""")
Row = TypeVar("Row", bound=TakenBack)


@dataclass(frozen=True)
class Posted:
    """How such a record stands in the books: `cause:id` is its cause and the key of its posting."""

    cause: str
    proposal: Proposal
    page: str  # On which it waits for a second person.

    def key(self, row: TakenBack) -> str:
        """Return the key of its posting."""
        return self.key_of(row.id)

    def key_of(self, row_id: str) -> str:
        """Return the key of the posting of the record of this id."""
        return f"{self.cause}:{row_id}"


@dataclass(frozen=True)
class Kind(Generic[Row]):
    """What differs between records that `Reversals` takes back.

    `require_unused` refuses what cannot go back because its money was used since; the caller holds the lock of positions.
    """

    table: type[Row]
    posted: Posted
    counts: Callable[[Row], bool]  # Whether it was posted at all.
    require_unused: Callable[[AsyncSession, Row], Awaitable[None]]
    facts: Callable[[Row], dict[str, str]]


async def require_free(session: AsyncSession, posted: Posted, row: TakenBack, person: str) -> bool:
    """Return whether a person may ask to take it back; False where they have asked already.

    Refuses ReceiptOver where it was taken back or a colleague has asked, and ReceiptReconciled.
    """
    if row.reversed_at is not None:
        raise ReceiptOver()
    if row.reverse_asked_at is not None:
        if row.reverse_asked_by == person:
            return False
        raise ReceiptOver()
    await _require_unreconciled(session, posted, row)
    return True


def ask(row: TakenBack, who: ActingReviewer, reason: str, now: datetime) -> None:
    """Write down that a person asks to take it back."""
    row.reverse_asked_by, row.reverse_askers = who.person, sorted(who.circle)
    row.reverse_reason, row.reverse_asked_at = reason, now


async def take_back(
    session: AsyncSession, posted: Posted, row: TakenBack, who: ActingReviewer, now: datetime, step: str
) -> None:
    """Reverse the posting as of today, as this step. The caller holds the lock of matching: no statement is matched with it meanwhile.

    Refuses ReceiptOver where nobody asks for it, OwnWork to who asked and those who act for them, and ReceiptReconciled.
    """
    _require_asked(row)
    await require_apart(session, who, row.reverse_askers, now)
    await _require_unreconciled(session, posted, row)
    row.reversed_by, row.reversed_at = who.person, now
    key = posted.key(row)
    await ledger.reverse(session, f"{key}:reversed", key, step, happened_on=business_day(now))


async def keep(session: AsyncSession, posted: Posted, row: TakenBack, person: str) -> None:
    """Leave it as it is, and notify who asked. Refuses ReceiptOver where nobody asks for it."""
    _require_asked(row)
    await notify_declined(session, row.reverse_asked_by, person, posted.proposal, posted.page)
    row.reverse_asked_by, row.reverse_askers, row.reverse_reason, row.reverse_asked_at = None, [], "", None


class Reversals(Generic[Row]):
    """Takes one kind of records back. `person` is a person's id, of finance."""

    def __init__(
        self, database: Database, kind: Kind[Row], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._kind = kind
        self._now = now

    async def ask(self, person: str, row_id: str, reason: str) -> None:
        """Ask to take it back. Asked for by them already, nothing changes.

        Refuses NotAllowed, NotFound, FieldInvalid (`reason`), ReceiptOver, ReceiptReconciled, and what the kind refuses where its
        money was used since.
        """
        said = required_reason(reason)
        async with self._database.transaction() as session:
            row = await self._locked(session, person, row_id)
            if not await require_free(session, self._kind.posted, row, person):
                return
            await self._kind.require_unused(session, row)
            ask(row, await standing(session, person, self._now()), said, self._now())
            self._keep_act(session, person, "ask_back", row, said)

    async def reverse(self, person: str, row_id: str) -> None:
        """Take it back as the second person. Done by them already, nothing changes.

        Refuses NotAllowed, NotFound, ReceiptOver, ReceiptReconciled, OwnWork, and what the kind refuses where its money was used since.
        """
        async with self._database.transaction() as session:
            await acquire(session, AdvisoryLock.MATCHING)
            row = await self._locked(session, person, row_id)
            if row.reversed_at is not None and row.reversed_by == person:
                return
            _require_asked(row)
            await self._kind.require_unused(session, row)
            who = await standing(session, person, self._now())
            await take_back(session, self._kind.posted, row, who, self._now(), "taken_back")
            self._keep_act(session, person, "back", row)

    async def keep(self, person: str, row_id: str) -> None:
        """Leave it as it is, as a second person or as who asked. Refuses NotAllowed, NotFound and ReceiptOver."""
        async with self._database.transaction() as session:
            row = await self._locked(session, person, row_id)
            await keep(session, self._kind.posted, row, person)
            self._keep_act(session, person, "keep", row)

    async def _locked(self, session: AsyncSession, person: str, row_id: str) -> Row:
        """The record, locked, and the lock of positions before it, as whatever moves a position takes them."""
        await require(session, person, Permission.RECORD_SALES)
        await acquire(session, AdvisoryLock.FX_POSITION)
        row = await session.get(self._kind.table, row_id[:26], with_for_update=True, populate_existing=True)
        if row is None:
            raise NotFound(**{self._kind.posted.cause: row_id[:26]})
        if not self._kind.counts(row):
            raise ReceiptOver()
        return row

    def _keep_act(self, session: AsyncSession, person: str, act: str, row: Row, reason: str = "") -> None:
        name = f"console:{self._kind.posted.cause}:{act}"
        session.add(by_person(person, name, row.id, reason=reason, facts=self._kind.facts(row)))


async def _require_unreconciled(session: AsyncSession, posted: Posted, row: TakenBack) -> None:
    if (await session.execute(_RECONCILED, {"key": posted.key(row)})).scalar_one_or_none():
        raise ReceiptReconciled()


def _require_asked(row: TakenBack) -> None:
    if row.reversed_at is not None or row.reverse_asked_at is None:
        raise ReceiptOver()
