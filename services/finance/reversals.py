"""Reverse a wrong decision by two people: one asks, another agrees; its posting is reversed and named, and its subject reopened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, date, datetime
from typing import Protocol

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories import ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.statements import ReconciledDayRow
from database.tables.finance.suspense import ReversalRow
from domain.errors.finance import MoreThanOwed, ReversalDayClosed, ReversalOver, ReversalWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.finance.chart import Sign, account_of
from domain.finance.reversals import REVERSED, ReversalOf, first_open, reversal_key
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.sealing import KeyRing
from services.finance.break_reversals import BreakDecision
from services.finance.claim_payments import UNDONE
from services.finance.rail_switches import required_reason
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.finance.suspense import ClearingDecision
from services.people.permissions import require
from services.work.secret_scan import require_no_number


class Decision(Protocol):
    """A decision that can be reversed, its row locked."""

    @property
    def source(self) -> StatementSource:
        """Whose days it belongs to."""
        ...

    @property
    def day(self) -> date:
        """The day that it counts for."""
        ...

    @property
    def posted_key(self) -> str:
        """What it posted; empty for nothing."""
        ...

    @property
    def of_claim(self) -> bool:
        """Whether it was a seller's payment on a claim: they read of its reversal as of one that was recorded in error."""
        ...

    @property
    def page(self) -> str:
        """Where it is seen."""
        ...

    async def who(self, session: AsyncSession, keyring: KeyRing, person: str, now: datetime) -> ActingReviewer:
        """Return the standing of a person who may take part. Refuse OwnWork to any other."""
        ...

    def decided(self) -> dict[str, str]:
        """Return the decision as its reversal keeps it."""
        ...

    async def undo(self, session: AsyncSession, reversal: ReversalRow, now: datetime) -> None:
        """Open its subject again; the reversal is agreed to."""
        ...


_LOCKED: Mapping[ReversalOf, Callable[[AsyncSession, str], Awaitable[Decision]]] = {
    ReversalOf.BREAK: BreakDecision.locked,
    ReversalOf.CLEARING: ClearingDecision.locked,
}


class Reversals:
    """Reverses decisions. `person` is a person's id; their rights are checked here."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def ask(
        self, person: str, of: ReversalOf, subject: str, reason: str, counts_for: date | None = None
    ) -> str:  # fmt: skip
        """Ask to reverse a decision; return the request's id. It counts for the first open day unless another is given.

        Refuse NotAllowed, NotFound, FieldInvalid (`reason`, `counts_for`), SecretInWords, NotReversible, ReversalWaits, OwnWork to people on the side of a claim's seller, and
        ReversalDayClosed for a day that is closed, or whose month is.
        """
        said = required_reason(reason)
        require_no_number(said)
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            await acquire(session, AdvisoryLock.MATCHING)
            found, now = await _LOCKED[of](session, subject), self._now()
            day = await open_day_of(session, found.source, found.day) if counts_for is None else counts_for
            await _require_open(session, found, day, business_day(now))
            askers = sorted((await found.who(session, self._keyring, person, now)).circle)
            row = ReversalRow(
                id=new_id(), of=of, subject=subject[:26], counts_for=day, reason=said, asked_by=person, askers=askers,
                asked_at=now,
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ReversalWaits() from None
            session.add(_audited(person, "ask", row))
        return row.id

    async def agree(self, person: str, reversal_id: str) -> str:
        """Reverse as the second person; return the page of what is open again. Agreed to already by them, nothing changes.

        Refuse NotAllowed, NotFound, ReversalOver, NotReversible, ReversalDayClosed where the day was closed meanwhile,
        MoreThanOwed, and OwnWork to who asked, acted for them or handled their account.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            await acquire(session, AdvisoryLock.MATCHING)
            row = await _request(session, reversal_id)
            if row.agreed_at is not None and row.agreed_by == person:
                return page_of(row)
            _require_waiting(row)
            now = self._now()
            found = await _LOCKED[row.of](session, row.subject)
            who = await found.who(session, self._keyring, person, now)
            await require_apart(session, who, row.askers, now)
            await _require_open(session, found, row.counts_for, business_day(now))
            row.decided = found.decided()
            if found.posted_key:
                row.posted_key = reversal_key(found.posted_key)
                await _require_signs(session, found.posted_key)
                step = UNDONE if found.of_claim else REVERSED
                await ledger.reverse(
                    session, row.posted_key, found.posted_key, step, happened_on=row.counts_for
                )  # fmt: skip
            row.agreed_by, row.agreed_at = person, now
            await session.flush()
            await found.undo(session, row, now)
            session.add(_audited(person, "agree", row))
            return found.page

    async def decline(self, person: str, reversal_id: str) -> str:
        """Discard a request, as a second person or its own; return the page. Refuse NotAllowed, NotFound, ReversalOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            row = await _request(session, reversal_id)
            _require_waiting(row)
            row.declined_by, row.declined_at = person, self._now()
            session.add(_audited(person, "decline", row))
            await notify_declined(session, row.asked_by, person, Proposal.REVERSAL, page_of(row))
            return page_of(row)


def page_of(row: ReversalRow) -> str:
    """Return the page on which a request is seen."""
    return f"/reconciliation/breaks/{row.subject}" if row.of is ReversalOf.BREAK else "/reconciliation/suspense"


async def open_day_of(session: AsyncSession, source: StatementSource, own: date) -> date:
    """Return the first day, from a decision's own on, that neither the daily close nor a closed month has ended."""
    closed = (ReconciledDayRow.source == source, ReconciledDayRow.closed_at.is_not(None))
    until = (await session.execute(select(func.max(ReconciledDayRow.day)).where(*closed))).scalar_one_or_none()
    return first_open(own, await ledger.closed_months(session, own), until)


async def _require_open(session: AsyncSession, found: Decision, day: date, today: date) -> None:
    if not found.day <= day <= today:
        raise FieldInvalid(field="counts_for", why="out_of_range")
    if day < (first := await open_day_of(session, found.source, found.day)):
        raise ReversalDayClosed(day=day.isoformat(), open=first.isoformat())


async def _require_signs(session: AsyncSession, posted_key: str) -> None:
    """Refuse MoreThanOwed where an account would get a sign that it may not have: what was posted there has left it since."""
    for (code, minor, currency), times in (await ledger.postings_of(session, posted_key)).items():
        before, posted = await ledger.balance(session, code, currency), Money(minor * times, currency)
        after, sign = (before - posted).amount_minor, account_of(code).of.sign
        if (sign is Sign.CREDIT and after > 0) or (sign is Sign.DEBIT and after < 0):
            raise MoreThanOwed(owed=str(before), amount=str(posted))


async def _request(session: AsyncSession, reversal_id: str) -> ReversalRow:
    row = await session.get(ReversalRow, reversal_id[:26], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(reversal=reversal_id[:26])
    return row


def _require_waiting(row: ReversalRow) -> None:
    if row.agreed_at is not None or row.declined_at is not None:
        raise ReversalOver()


def _audited(person: str, act: str, row: ReversalRow) -> object:
    facts = {"of": row.of.value, "counts_for": row.counts_for.isoformat(), "posted": row.posted_key}
    return by_person(person, f"console:reversal:{act}", row.subject, reason=row.reason, facts=facts)
