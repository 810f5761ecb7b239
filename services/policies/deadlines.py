"""Manage the deadline policies on a page of their own: read them, dry-run them on open tasks, and publish the next version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.reads.work.sla import intervals, replanned
from database.repositories.audit import by_person
from database.session import Database
from database.tables.people import PersonRow
from database.tables.policies import PolicyDocumentRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.policies import PoliciesChanged
from domain.places import business_day
from domain.policies.document import version_name
from domain.policies.state import PolicyState
from domain.rules.deadlines import BUILT_IN_VERSION, KIND, built_in, built_in_document
from domain.work.deadline_document import parse
from domain.work.deadlines import Policies, Stretch
from services.work import sla
from services.work.secret_scan import require_no_number

PREVIEWED_MAX = 2000  # The soonest due; more would keep the page waiting.
LARGEST = 10
NOTE_LENGTH_MAX = 500
HISTORY_MAX = 50


@dataclass(frozen=True)
class Version:
    """One saved version; the built-in one has no moment."""

    number: int
    made_by: str
    note: str
    at: datetime | None


@dataclass(frozen=True)
class Kept:
    """The version in force: its document as JSON, and read."""

    version: Version
    document: dict[str, Any]
    policies: Policies


@dataclass(frozen=True)
class Moved:
    """An open task whose deadline a document would move."""

    card_id: str
    task_id: str
    before: datetime
    after: datetime


@dataclass(frozen=True)
class Preview:
    """What a document would change: of the `looked_at` tasks due soonest, out of `waiting` open ones; the largest moves first."""

    looked_at: int
    waiting: int
    moved: int
    late: int  # Of them, so many would be late at once.
    largest: tuple[Moved, ...]

    @property
    def complete(self) -> bool:
        """Whether every open task was looked at, so that the numbers are those of saving."""
        return self.looked_at == self.waiting


class DeadlineSetup:
    """Every act on the policies. Raises DocumentWrong for a document that cannot be used."""

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        previewed: int = PREVIEWED_MAX,
    ) -> None:
        self._database = database
        self._now = now
        self._previewed = previewed

    async def current(self) -> Kept:
        """The version in force."""
        async with self._database.transaction() as session:
            row = await sla.version_in_force(session)
        if row is None:
            document = built_in_document()
            return Kept(
                Version(BUILT_IN_VERSION, "built-in", "", None), document, parse(document, BUILT_IN_VERSION)
            )  # fmt: skip
        return Kept(_version(row), row.document, parse(row.document, row.version))

    async def history(self) -> tuple[Version, ...]:
        """The last fifty versions, the newest first, and the one that came with the product."""
        async with self._database.transaction() as session:
            rows = (await session.execute(_newest_first().limit(HISTORY_MAX))).scalars().all()
        return (*(_version(row) for row in rows), Version(BUILT_IN_VERSION, "built-in", "", None))

    async def document_of(self, number: int) -> dict[str, Any]:
        """The document of one version. Refuses NotFound."""
        if number == BUILT_IN_VERSION:
            return built_in_document()
        async with self._database.transaction() as session:
            row = await session.get(PolicyDocumentRow, (KIND.code, number)) if 0 < number < 2**31 else None
        if row is None:
            raise NotFound(version=number)
        return row.document

    async def names(self, people: set[str]) -> dict[str, str]:
        """The names of people by id; who is no person has none."""
        wanted = select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(people))
        async with self._database.transaction() as session:
            return {row.id: row.name for row in await session.execute(wanted)}

    async def preview(self, document: object) -> Preview:
        """Tries a document on the open tasks; writes nothing."""
        async with self._database.transaction() as session:
            tried = parse(document, await sla.newest_version(session) + 1).completed(built_in())
            open_tasks = (
                select(WorkItemRow).where(WorkItemRow.closed_at.is_(None)).order_by(WorkItemRow.due_at, WorkItemRow.id)
            )
            tasks = (await session.execute(open_tasks.limit(self._previewed))).scalars().all()
            clocks = await intervals(session, tasks)
            waiting = select(func.count()).select_from(WorkItemRow).where(WorkItemRow.closed_at.is_(None))
            counted = (await session.execute(waiting)).scalar_one()
        return self._compared(tried, list(tasks), clocks, max(counted, len(tasks)))

    async def save(self, person: str, document: dict[str, Any], note: str, based_on: int) -> int:
        """Saves a document as the next version and returns its number; open tasks are replanned soon after.

        Refuses FieldInvalid without a note, SecretInWords, and PoliciesChanged when another version than `based_on` is in force,
        or a draft of the next one is open on the page of policies.
        """
        note = note.strip()
        if not note or len(note) > NOTE_LENGTH_MAX:
            raise FieldInvalid(field="note", why="too_long" if note else "missing")
        require_no_number(note)
        async with self._database.transaction() as session:
            await acquire(session, AdvisoryLock.POLICIES)
            newest = await sla.newest_version(session)
            if newest != based_on:
                raise PoliciesChanged(version=newest)
            saved = await _next_version(session)
            parse(document, saved)
            session.add(
                PolicyDocumentRow(
                    kind=KIND.code, version=saved, state=PolicyState.PUBLISHED, document=document, who=person, why=note,
                    makers=[person], based_on=version_name(KIND.code, newest), saved_at=self._now(),
                    effective_from=business_day(datetime.now(UTC)), published_by=person, published_at=self._now(),
                )
            )  # fmt: skip
            act, facts = "console:deadlines:save", {"version": saved}
            session.add(by_person(person, act, "deadlines", reason=note, facts=facts))
        return saved

    def _compared(
        self, tried: Policies, tasks: list[WorkItemRow], clocks: dict[str, list[Stretch]], waiting: int
    ) -> Preview:
        now = self._now()
        plans = [(task, replanned(tried, task, clocks[task.id], now)) for task in tasks]
        moved = [Moved(task.card_id or "", task.id, task.due_at, plan.due_at) for task, plan in plans]
        moved = [one for one in moved if one.before != one.after]
        late = sum(1 for one in moved if one.after < now <= one.before)
        moved.sort(key=lambda one: abs(one.after - one.before), reverse=True)
        return Preview(len(tasks), waiting, len(moved), late, tuple(moved[:LARGEST]))


async def _next_version(session: AsyncSession) -> int:
    """The number of the next version. Refuses PoliciesChanged while a draft of it is open: two would follow one another."""
    rows = (
        await session.execute(
            select(PolicyDocumentRow.version, PolicyDocumentRow.state).where(PolicyDocumentRow.kind == KIND.code)
        )
    ).all()
    drafts = [row.version for row in rows if row.state in (PolicyState.DRAFT, PolicyState.WAITING)]
    if drafts:
        raise PoliciesChanged(version=drafts[0])
    return max((row.version for row in rows), default=BUILT_IN_VERSION) + 1


def _newest_first() -> Any:
    published = (PolicyDocumentRow.kind == KIND.code, PolicyDocumentRow.state == PolicyState.PUBLISHED)
    return select(PolicyDocumentRow).where(*published).order_by(PolicyDocumentRow.version.desc())


def _version(row: PolicyDocumentRow) -> Version:
    return Version(row.version, row.who, row.why, row.published_at)
