"""Deciding breaks: one person by the rules, two where the rules want it; nothing is adjusted without a posting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories import expectations, ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow
from database.tables.work import WorkItemRow
from domain.errors.finance import BreakChanged, BreakOver
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import OwnWork
from domain.finance.breaks import NOTE_MAX, BreakState, Choice
from domain.finance.postings.statements import ADJUSTED, adjusted_key
from domain.people.roles import Permission
from domain.places import business_day
from domain.review.four_eyes import apart
from domain.rules.reconciliation import ReconciliationRules, reconciliation_in_force
from domain.work.reason_codes import ReasonedAct
from services.finance.break_plans import Plan, planned
from services.finance.break_reversals import reversed_before
from services.finance.break_work import close_work
from services.finance.second_person import Proposal, notify_declined
from services.people.acting import handled_by, standing
from services.people.permissions import require
from services.work.assignment import require_able
from services.work.leases import end_lease, require_held
from services.work.ordering import placed
from services.work.reason_codes import require_reason


class Breaks:
    """Decisions on breaks. `person` is a person's id; their rights are checked here."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def preview(self, break_id: str, choice: Choice, *, proposed: bool = False) -> Plan:
        """Return what the choice would do, nothing written; `proposed`: of a decision that waits for a second person.

        Refuse NotFound, BreakOver and as `planned`.
        """
        async with self._database.transaction() as session:
            row = await session.get(BreakRow, break_id[:26])
            if row is None:
                raise NotFound(break_id=break_id[:26])
            if row.state is not (BreakState.PROPOSED if proposed else BreakState.OPEN):
                raise BreakOver(state=row.state.value)
            return await planned(session, row, choice, self._rules())

    async def decide(self, person: str, break_id: str, choice: Choice) -> Plan:
        """Close a break that the person holds, or propose so where a second person must agree; return what was planned.

        Refuse NotAllowed, NotFound, BreakOver, what `require_held` refuses, ReasonUnknown, FieldInvalid (`note`) and as
        `planned` does.
        """
        if len(choice.note) > NOTE_MAX:
            raise FieldInvalid(field="note", why="too_long")
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            row, task = await self._locked(session, break_id)
            if row.state is not BreakState.OPEN:
                raise BreakOver(state=row.state.value)
            now = self._now()
            require_held(task, person, now)
            await require_able(session, person, task, now)
            await require_reason(session, ReasonedAct.CLOSE_BREAK, choice.reason_code)
            rules = self._rules()
            plan = await planned(session, row, choice, rules)
            row.verb, row.reason_code, row.note = choice.verb, choice.reason_code, choice.note.strip()
            row.against, row.link, row.policy_version = choice.against, choice.link, rules.version
            row.decided_by, row.decided_at = person, now
            row.deciders = sorted((await standing(session, person, now)).circle)
            act = "propose" if plan.second else "close"
            session.add(_audited(person, act, row, plan))
            if plan.second:
                row.state = BreakState.PROPOSED
                end_lease(task)
                task.waiting = True
                placed(task, now)
            else:
                await self._apply(session, row, plan, now)
        return plan

    async def agree(self, person: str, break_id: str) -> None:
        """Carry a proposal out as the second person. Agreed to already by them, nothing changes.

        Refuse NotAllowed, NotFound, BreakOver, BreakChanged, and OwnWork to the first person, anyone they act for or who
        handled their account lately.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            row, _ = await self._locked(session, break_id)
            if row.state is not BreakState.PROPOSED or row.verb is None:
                if (row.state, row.checked_by) == (BreakState.CLOSED, person):
                    return
                raise BreakOver(state=row.state.value)
            now = self._now()
            await require_apart(session, frozenset(row.deciders), person, now)
            plan = await planned(
                session, row, Choice(row.verb, row.reason_code, row.against, row.link, row.note), self._rules()
            )
            row.checked_by = person
            session.add(_audited(person, "agree", row, plan))
            await self._apply(session, row, plan, now)

    async def decline(self, person: str, break_id: str) -> None:
        """Discard a proposal, as a second person or its own: the break is open again. Refuse NotAllowed, NotFound, BreakOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            row, task = await self._locked(session, break_id)
            if row.state is not BreakState.PROPOSED:
                raise BreakOver(state=row.state.value)
            facts = {"verb": "" if row.verb is None else row.verb.value}
            session.add(by_person(person, "console:break:decline", row.id, facts=facts))
            page = f"/reconciliation/breaks/{row.id}"
            await notify_declined(session, row.decided_by, person, Proposal.BREAK, page)
            row.state, row.verb, row.reason_code, row.note = BreakState.OPEN, None, "", ""
            row.against, row.link, row.decided_by, row.deciders, row.decided_at = None, "", None, [], None
            task.waiting = False
            placed(task, self._now())

    async def _apply(self, session: AsyncSession, row: BreakRow, plan: Plan, now: datetime) -> None:
        """Post, link, and close; the caller holds the lock of matching and the break's row. Refuses BreakChanged."""
        if plan.postings:
            key = adjusted_key(plan.cause, await reversed_before(session, plan.cause))
            await ledger.post(
                session, key, plan.card_id, ADJUSTED, plan.postings, happened_on=plan.day, cause=plan.cause
            )  # fmt: skip
            row.posted_key = key
        if plan.line_id is not None:
            linked = update(StatementLineRow).where(StatementLineRow.id == plan.line_id)
            values = {"state": plan.line_state, "entry_id": plan.entry_id}
            try:
                await session.execute(linked.values(values).execution_options(synchronize_session=False))
            except IntegrityError:
                raise BreakChanged() from None
        if plan.listed:
            members = update(ExpectationRow).where(ExpectationRow.entry_id.in_(plan.listed))
            await session.execute(members.values(line_id=plan.line_id).execution_options(synchronize_session=False))
        if plan.closes_entry is not None:
            ended = update(ExpectationRow).where(ExpectationRow.entry_id == plan.closes_entry)
            await session.execute(ended.values(break_id=row.id).execution_options(synchronize_session=False))
        await expectations.all_from_books(session, row.source)
        row.found_minor, row.difference_minor = row.difference_minor, plan.difference.amount_minor
        row.state, row.closed_at = BreakState.CLOSED, now
        if row.task_id is not None:
            await close_work(session, row.task_id, now)

    async def _locked(self, session: AsyncSession, break_id: str) -> tuple[BreakRow, WorkItemRow]:
        """The break with its work item, locked, and the lock of matching. Refuses NotFound."""
        await acquire(session, AdvisoryLock.MATCHING)
        row = await session.get(BreakRow, break_id[:26], with_for_update=True, populate_existing=True)
        if row is None or row.task_id is None:
            raise NotFound(break_id=break_id[:26])
        task = await session.get_one(WorkItemRow, row.task_id, with_for_update=True, populate_existing=True)
        return row, task

    def _rules(self) -> ReconciliationRules:
        return reconciliation_in_force(business_day(self._now()))


async def require_apart(session: AsyncSession, first: frozenset[str], person: str, now: datetime) -> None:
    """Refuse OwnWork unless the person is an independent second one."""
    circle = (await standing(session, person, now)).circle
    if not apart(first, circle, await handled_by(session, first | circle, now)):
        raise OwnWork()


def _audited(person: str, act: str, row: BreakRow, plan: Plan) -> object:
    facts = {"verb": plan.verb.value, "difference": str(plan.difference), "line": row.line_id or "", "link": row.link}
    return by_person(person, f"console:break:{act}", row.id, reason=row.reason_code, facts=facts)
