"""Every act on policy documents: draft, ask for a second person, publish, refuse, withdraw. Nothing is deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories.audit import by_person
from database.repositories.notices import tell
from database.session import Database
from database.tables.people import AuditRow
from database.tables.policies import PolicyDocumentRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotIndependent
from domain.errors.policies import OwnPolicy, PolicyDraftChanged
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission, permissions_of
from domain.places import business_day
from domain.policies.book import PolicyBook
from domain.policies.difference import differences
from domain.policies.document import PolicyDocument, PolicyKind
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.policies.state import PolicyNews, PolicyState
from domain.review.four_eyes import apart
from services.notices.recipients import compliance, with_roles
from services.people.acting import handled_by, standing
from services.people.permissions import require
from services.policies.reading import published
from services.work.secret_scan import require_no_number

WHY_LENGTH_MAX = 500
DAYS_AHEAD_MAX = 366
OPEN = (PolicyState.DRAFT, PolicyState.WAITING)


@dataclass(frozen=True)
class Proposal:
    """The proposed next version. `revision` is that of the draft they saw, 0 where there was none."""

    document: Mapping[str, Any]
    why: str
    effective_from: date | None  # None: from the day of publishing.
    revision: int


@dataclass(frozen=True)
class KindState:
    """One kind: the version that holds today, the open draft, and every saved version, the newest first."""

    kind: PolicyKind
    in_force: PolicyDocument
    open: PolicyDocumentRow | None
    versions: tuple[PolicyDocumentRow, ...]

    def row_of(self, number: int) -> PolicyDocumentRow | None:
        """Return the saved version of that number; None for a built-in one."""
        return next((row for row in self.versions if row.version == number), None)


class PolicyDocuments:
    """The acts on one installation's policy documents. `by` is a person's id."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def state(self, kind: PolicyKind) -> KindState:
        """Return the state of a kind in the database at this moment."""
        async with self._database.transaction() as session:
            return await self._state(session, kind)

    async def save(self, by: str, kind: PolicyKind, proposal: Proposal) -> int:
        """Save a draft, or the open draft again, and return the version's number. It decides nothing.

        Raises DocumentWrong. Refuses NotAllowed, FieldInvalid (`note`, `effective_from`), SecretInWords and
        PolicyDraftChanged. A version that waited for a second person is a draft again.
        """
        why = _reason(proposal.why)
        async with self._database.transaction() as session:
            state = await self._locked(session, by, kind, Permission.SET_POLICIES)
            begins = self._begins(proposal.effective_from)
            document = _changed(kind, proposal.document, state.in_force)
            row = state.open
            if proposal.revision != (0 if row is None else row.revision):
                raise PolicyDraftChanged()
            if row is None:
                number = 1 + max((one.version for one in state.versions), default=kind.first_number - 1)
                row = PolicyDocumentRow(
                    kind=kind.code, version=number, who=by, why=why, effective_from=begins, revision=0, based_on=""
                )  # fmt: skip
                session.add(row)
            row.document, row.why, row.effective_from = document, why, begins
            row.based_on, row.makers = state.in_force.version, sorted({*row.makers, by})
            row.state, row.revision, row.saved_at = PolicyState.DRAFT, row.revision + 1, self._now()
            row.asked_by = row.asked_at = None
            session.add(_audit(by, "save", row))
            return row.version

    async def ask(self, by: str, kind: PolicyKind, revision: int) -> None:
        """Put the draft before a second person. Refuses NotAllowed, NotFound without a draft, PolicyDraftChanged."""
        async with self._database.transaction() as session:
            row = _seen(await self._locked(session, by, kind, Permission.SET_POLICIES), revision, PolicyState.DRAFT)
            if not kind.two_people:
                raise NotFound(policy=kind.code)
            row.state, row.asked_by, row.asked_at = PolicyState.WAITING, by, self._now()
            row.makers = sorted({*row.makers, by})
            session.add(_audit(by, "ask", row))
            able = await with_roles(session, None, lambda held: Permission.CONFIRM_POLICIES in permissions_of(held))
            await _tell(session, set(able) - set(row.makers), row, by, PolicyNews.ASKED)

    async def publish(self, by: str, kind: PolicyKind, revision: int) -> None:
        """Publish the version: it holds from its day on, today at the earliest.

        Raises DocumentWrong. Refuses NotAllowed, NotFound, PolicyDraftChanged; where two people must: OwnPolicy to its
        makers, and NotIndependent to people who do not count as a second person beside them.
        """
        permission = Permission.CONFIRM_POLICIES if kind.two_people else Permission.SET_POLICIES
        async with self._database.transaction() as session:
            state = await self._locked(session, by, kind, permission)
            row = _seen(state, revision, PolicyState.WAITING if kind.two_people else PolicyState.DRAFT)
            if kind.two_people:
                await self._require_second_person(session, by, row)
            _changed(kind, row.document, state.in_force)
            row.effective_from = max(row.effective_from, business_day(self._now()))
            row.state, row.published_by, row.published_at = PolicyState.PUBLISHED, by, self._now()
            session.add(_audit(by, "publish", row))
            recipients = {*row.makers, *await compliance(session, but=by)}
            await _tell(session, recipients - {by}, row, by, PolicyNews.PUBLISHED)

    async def refuse(self, by: str, kind: PolicyKind, revision: int) -> None:
        """Refuse a version that waits. Refuses NotAllowed, NotFound, PolicyDraftChanged."""
        async with self._database.transaction() as session:
            state = await self._locked(session, by, kind, Permission.CONFIRM_POLICIES)
            row = _seen(state, revision, PolicyState.WAITING)
            self._close(session, row, by, PolicyState.REFUSED, "refuse")
            await _tell(session, set(row.makers) - {by}, row, by, PolicyNews.REFUSED)

    async def withdraw(self, by: str, kind: PolicyKind, revision: int) -> None:
        """Withdraw the open draft, also one that waits. Refuses NotAllowed, NotFound, PolicyDraftChanged."""
        async with self._database.transaction() as session:
            state = await self._locked(session, by, kind, Permission.SET_POLICIES)
            self._close(session, _seen(state, revision, *OPEN), by, PolicyState.WITHDRAWN, "withdraw")

    async def _locked(
        self, session: AsyncSession, by: str, kind: PolicyKind, permission: Permission
    ) -> KindState:  # fmt: skip
        await require(session, by, permission)
        await acquire(session, AdvisoryLock.POLICIES)
        return await self._state(session, kind)

    async def _state(self, session: AsyncSession, kind: PolicyKind) -> KindState:
        wanted = (
            select(PolicyDocumentRow)
            .where(PolicyDocumentRow.kind == kind.code)
            .order_by(PolicyDocumentRow.version.desc())
        )
        rows = tuple((await session.execute(wanted)).scalars())
        book = PolicyBook()
        book.fill(kind.code, await published(session, kind))
        in_force = book.in_force(kind, business_day(self._now()))
        return KindState(kind, in_force, next((row for row in rows if row.state in OPEN), None), rows)

    async def _require_second_person(self, session: AsyncSession, by: str, row: PolicyDocumentRow) -> None:
        if by in row.makers:
            raise OwnPolicy()
        who = await standing(session, by, self._now())
        handled = await handled_by(session, row.makers, self._now())
        if not apart(frozenset(row.makers), who.hands, handled):
            raise NotIndependent()

    def _begins(self, wanted: date | None) -> date:
        today = business_day(self._now())
        if wanted is None or wanted == today:
            return today
        if not 0 < (wanted - today).days <= DAYS_AHEAD_MAX:
            raise FieldInvalid(field="effective_from", why="not_from_today", days=DAYS_AHEAD_MAX)
        return wanted

    def _close(self, session: AsyncSession, row: PolicyDocumentRow, by: str, state: PolicyState, act: str) -> None:
        row.state, row.closed_by, row.closed_at = state, by, self._now()
        session.add(_audit(by, act, row))


def _seen(state: KindState, revision: int, *states: PolicyState) -> PolicyDocumentRow:
    """The open version, if it is the one that was on the page."""
    if state.open is None:
        raise NotFound(policy=state.kind.code)
    if state.open.revision != revision or state.open.state not in states:
        raise PolicyDraftChanged()
    return state.open


def _changed(kind: PolicyKind, document: Mapping[str, Any], in_force: PolicyDocument) -> dict[str, Any]:
    valid = kind.require_valid(document, in_force.document)
    if not any(differences(kind.schema, in_force.document, valid)):
        raise DocumentWrong([Flaw("$", FlawKind.UNCHANGED)])
    return valid


def _reason(typed: str) -> str:
    why = typed.strip()
    if not why or len(why) > WHY_LENGTH_MAX:
        raise FieldInvalid(field="note", why="too_long" if why else "missing")
    require_no_number(why)
    return why


async def _tell(session: AsyncSession, people: set[str], row: PolicyDocumentRow, by: str, news: PolicyNews) -> None:
    key = f"policy:{row.kind}:{row.version}:{row.revision}:{news}"
    await tell(session, people, NoticeKind.POLICY, key, policy=row.kind, by=by, step=news.value)


def _audit(by: str, act: str, row: PolicyDocumentRow) -> AuditRow:
    facts = {"version": row.version, "revision": row.revision, "based_on": row.based_on}
    return by_person(by, f"console:policy:{act}", f"policy:{row.kind}", reason=row.why, facts=facts)
