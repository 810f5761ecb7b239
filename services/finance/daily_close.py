"""Closing a day of a source: statement and books agree, or every difference is named; with much open, two people close it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.reads.finance import suspense
from database.reads.finance.day_closes import WITHDRAWN
from database.repositories import day_figures
from database.repositories.audit import by_person
from database.repositories.day_figures import DayFigures
from database.session import Database
from database.tables.finance.statements import ReconciledDayRow
from domain.errors.finance import DayAsked, DayClosed, DayNotAsked, DayNotReady
from domain.errors.general import FieldInvalid
from domain.finance.breaks import NOTE_MAX
from domain.finance.statements import StatementSource
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.reconciliation import ReconciliationRules, reconciliation_in_force
from services.finance.breaks import require_apart
from services.finance.second_person import Proposal, notify_declined
from services.people.acting import standing
from services.people.permissions import require


class DailyClose:
    """Closes days of sources. `person` is a person's id; their rights are checked here."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def close(self, person: str, source: StatementSource, day: date, note: str = "") -> bool:
        """Close the day, or ask a second person to; return whether it is closed. Asked for by them before, nothing changes.

        Refuse NotAllowed, FieldInvalid (`note`), DayClosed, DayAsked, and DayNotReady (`why`, `day`): the day is not
        over, a statement is missing, or an earlier day is open.
        """
        if len(note) > NOTE_MAX:
            raise FieldInvalid(field="note", why="too_long")
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            await acquire(session, AdvisoryLock.MATCHING)
            now, rules = self._now(), self._rules()
            row = await session.get(ReconciledDayRow, (source, day))
            if row is not None and row.asked_by == person:
                return row.closed_at is not None
            if row is not None:
                raise (DayAsked if row.closed_at is None else DayClosed)(day=day.isoformat())
            figures = await self._ready(session, source, day, rules, now)
            row = ReconciledDayRow(
                source=source, day=day, asked_by=person, askers=sorted((await standing(session, person, now)).circle),
                asked_at=now, note=note.strip(), statement_minor=figures.statement_minor or 0,
                books_minor=figures.books_minor, breaks=figures.breaks, open_minor=figures.open_minor,
                unexplained_minor=figures.unexplained_minor or 0, policy_version=rules.version,
                suspense_minor=await _in_suspense(session, source),
            )  # fmt: skip
            if not needs_second(figures, rules):
                row.closed_at = now
            session.add(row)
            act = "ask" if row.closed_at is None else "close"
            session.add(
                by_person(person, f"console:day:{act}", f"{source.value}:{day}", facts={"breaks": str(row.breaks)})
            )
            return row.closed_at is not None

    async def agree(self, person: str, source: StatementSource, day: date) -> None:
        """Close a day as the second person, with what is open now. Closed by them before, nothing changes.

        Refuse NotAllowed, DayNotAsked, DayClosed, DayNotReady, and OwnWork to who is no independent second person.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            await acquire(session, AdvisoryLock.MATCHING)
            row = await session.get(ReconciledDayRow, (source, day), with_for_update=True)
            if row is None:
                raise DayNotAsked(day=day.isoformat())
            if row.closed_at is not None:
                if row.agreed_by == person:
                    return
                raise DayClosed(day=day.isoformat())
            now, rules = self._now(), self._rules()
            await require_apart(session, frozenset(row.askers), person, now)
            figures = await self._ready(session, source, day, rules, now)
            row.statement_minor, row.books_minor = figures.statement_minor or 0, figures.books_minor
            row.breaks, row.open_minor = figures.breaks, figures.open_minor
            row.unexplained_minor = figures.unexplained_minor or 0
            row.suspense_minor = await _in_suspense(session, source)
            row.agreed_by, row.closed_at = person, now
            session.add(by_person(person, "console:day:agree", f"{source.value}:{day}", facts={}))

    async def withdraw(self, person: str, source: StatementSource, day: date) -> None:
        """Discard a request to close a day; the page says who did. Refuse NotAllowed, DayNotAsked and DayClosed."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            row = await session.get(ReconciledDayRow, (source, day), with_for_update=True)
            if row is None:
                raise DayNotAsked(day=day.isoformat())
            if row.closed_at is not None:
                raise DayClosed(day=day.isoformat())
            await session.delete(row)
            facts = {"asked_by": row.asked_by, "note": row.note}
            session.add(by_person(person, WITHDRAWN, f"{source.value}:{day}", facts=facts))
            page = f"/reconciliation/days/{source.value}/{day}"
            await notify_declined(session, row.asked_by, person, Proposal.DAY, page)

    async def _ready(
        self, session: AsyncSession, source: StatementSource, day: date, rules: ReconciliationRules, now: datetime
    ) -> DayFigures:
        """The figures of a day that can be closed. Refuses DayNotReady."""
        if day >= business_day(now):
            raise DayNotReady(why="not_over", day=day.isoformat())
        figures = await day_figures.figures(session, source, day, rules.sources[source], now)
        if not figures.complete:
            raise DayNotReady(why="statement", day=day.isoformat())
        before = day - timedelta(days=1)
        if figures.first_day is not None and before >= figures.first_day:
            earlier = select(ReconciledDayRow.closed_at).where(
                ReconciledDayRow.source == source, ReconciledDayRow.day == before
            )
            if (await session.execute(earlier)).scalar_one_or_none() is None:
                raise DayNotReady(why="earlier", day=before.isoformat())
        return figures

    def _rules(self) -> ReconciliationRules:
        return reconciliation_in_force(business_day(self._now()))


async def _in_suspense(session: AsyncSession, source: StatementSource) -> int:
    """Return what is in suspense now, minor units of CNY; issuers have no such account."""
    return 0 if source.rail is None else (await suspense.sum_of(session, source.rail)).total.amount_minor


def needs_second(figures: DayFigures, rules: ReconciliationRules) -> bool:
    """Return whether a second person must agree to the close: so much is open, or in another currency, or a difference that nothing explains."""
    much = figures.open_minor > rules.close_alone_max_minor or bool(figures.foreign_breaks)
    return much or bool(figures.unexplained_minor)
