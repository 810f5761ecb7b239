"""What people do with repairs: draft, preview, submit, agree, refuse, suspend, resume, cancel, and repair what failed again.

Each act is one transaction on the locked row. Pressed twice it changes nothing; pressed too late it is refused with the
state that the repair has by now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories.audit import by_person
from database.session import Database
from database.tables.ops.repairs import RepairItemRow, RepairRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.ops import NothingToRepair, OwnRepair, RepairChanged, RepairOptionsWrong, TooManyRuns
from domain.identifiers import new_id
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import MOVES, OVER, PREPARING, ItemState, RepairKind, RepairState, Suspended
from domain.people.roles import Permission
from domain.places import business_day
from domain.policies.flaws import DocumentWrong
from domain.review.four_eyes import apart
from domain.rules.repairs import RepairRules, repairs_in_force
from domain.work.reason_codes import ReasonedAct
from services.ops.repairs.previewing import judge_items
from services.ops.repairs.sources import Chosen, described, write_failed, write_items
from services.ops.repairs.telling import RepairNews, second_people, tell_repair
from services.people.acting import handled_by, standing
from services.people.permissions import require
from services.work.reason_codes import require_reason
from services.work.secret_scan import require_no_number

NOTE_LENGTH_MAX = 500
BASIS_POINTS_MAX = 10_000
_CLAIM = """
UPDATE repair_item AS item SET
    live = other.repair_id IS NULL,
    state = CASE WHEN other.repair_id IS NULL THEN item.state ELSE 'excluded' END,
    excluded = CASE WHEN other.repair_id IS NULL THEN item.excluded ELSE 'other_repair' END,
    found = CASE WHEN other.repair_id IS NULL THEN item.found
                 ELSE jsonb_build_object('why', jsonb_build_object('repair', other.repair_id)) END
FROM repair_item AS mine
LEFT JOIN repair_item AS other ON other.workflow_id = mine.workflow_id AND other.live
WHERE mine.repair_id = :repair_id AND mine.state = 'waiting' AND item.repair_id = mine.repair_id AND item.place = mine.place
"""
_RELEASE = """
UPDATE repair_item SET live = false, state = CASE WHEN state = 'waiting' THEN 'left' ELSE state END
WHERE repair_id = :repair_id AND (live OR state = 'waiting')
"""


@dataclass(frozen=True)
class RepairPlan:
    """What shall be done, why and how carefully; None where the rules in force say it."""

    kind: RepairKind
    reason_code: str
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    canary: int | None = None  # So many runs first; 0: all alike.
    rate_per_s: int | None = None
    failures_bp: int | None = None  # It stops automatically above this share of failures, in basis points.


class Repairs:
    """The acts on one installation's repairs. `by` is a person's id."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def draft(self, by: str, plan: RepairPlan, chosen: Chosen) -> str:
        """Write a repair with its items and return its id. Nothing is judged yet.

        Refuses NotAllowed, ReasonUnknown, RepairOptionsWrong, FieldInvalid, SecretInWords, TooManyRuns, NothingToRepair
        when nothing was chosen.
        """
        async with self._database.transaction() as session:
            row = await self._drafted(session, by, plan)
            row.source = dict(described(chosen))
            session.add(row)
            await session.flush()
            most = self._rules().runs_max
            if (count := await write_items(session, row.id, chosen, most)) > most:
                raise TooManyRuns(most=most)
            self._require_any(count)
            session.add(_audit(by, "draft", row, runs=count))
        return row.id

    async def change(self, by: str, repair_id: str, plan: RepairPlan) -> None:
        """Give a repair that is not submitted another plan; it must be previewed again. Refuses like `draft`, RepairChanged."""
        async with self._database.transaction() as session:
            fresh = await self._drafted(session, by, plan)
            row = await self._locked(session, by, repair_id, Permission.REPAIR)
            _require_state(row, *PREPARING)
            for name in (
                "kind",
                "options",
                "reason_code",
                "note",
                "canary",
                "rate_per_s",
                "failures_bp",
                "rules_version",
            ):
                setattr(row, name, getattr(fresh, name))
            row.makers = sorted({*row.makers, *fresh.makers})
            row.state = RepairState.DRAFT
            session.add(_audit(by, "change", row))

    async def preview(self, by: str, repair_id: str) -> None:
        """Judge every item by our rows: what would change, or why it is left out. Refuses NotAllowed, NotFound, RepairChanged."""
        async with self._database.transaction() as session:
            row = await self._locked(session, by, repair_id, Permission.REPAIR)
            _require_state(row, *PREPARING)
            await judge_items(session, row, self._now())
            row.state, row.previewed_at = RepairState.PREVIEWED, self._now()

    async def submit(self, by: str, repair_id: str) -> RepairState:
        """Start the repair, or put it before a second person; return which. What was judged is judged again before each act.

        Refuses NotAllowed, NotFound, NothingToRepair, RepairChanged.
        """
        async with self._database.transaction() as session:
            row = await self._locked(session, by, repair_id, Permission.REPAIR)
            if row.submitted_by == by and row.state not in PREPARING | {RepairState.CANCELLED}:
                return row.state
            _require_state(row, RepairState.PREVIEWED)
            await acquire(session, AdvisoryLock.REPAIRS)
            await session.execute(text(_CLAIM), {"repair_id": row.id})
            count = await _count(session, row.id, ItemState.WAITING)
            self._require_any(count)
            row.two_people = KINDS[row.kind].always_two or count > self._rules().alone_max
            row.submitted_by, row.submitted_at = by, self._now()
            row.makers = sorted({*row.makers, *(await standing(session, by, self._now())).circle})
            self._move(row, RepairState.WAITING if row.two_people else RepairState.RUNNING)
            session.add(_audit(by, "submit", row, runs=count))
            if row.state is RepairState.WAITING:
                await tell_repair(session, await second_people(session, row), row, RepairNews.ASKED, by=by, runs=count)
            return row.state

    async def agree(self, by: str, repair_id: str) -> None:
        """Agree as the second person, and the repair runs. Refuses NotAllowed, NotFound, OwnRepair, RepairChanged."""
        async with self._database.transaction() as session:
            row = await self._locked(session, by, repair_id, Permission.CONFIRM_REPAIR)
            if row.decided_by == by and row.state is not RepairState.CANCELLED:
                return
            _require_state(row, RepairState.WAITING)
            if (also := KINDS[row.kind].agreeing) is not None:
                await require(session, by, also)
            circle, makers = (await standing(session, by, self._now())).circle, frozenset(row.makers)
            if not apart(makers, circle, await handled_by(session, makers | circle, self._now())):
                raise OwnRepair()
            row.decided_by, row.decided_at = by, self._now()
            self._move(row, RepairState.RUNNING)
            session.add(_audit(by, "agree", row))
            await tell_repair(session, {row.submitted_by or row.drafted_by}, row, RepairNews.AGREED, by=by)

    async def refuse(self, by: str, repair_id: str) -> None:
        """Refuse as the second person, and nothing is done. Refuses NotAllowed, NotFound, RepairChanged."""
        async with self._database.transaction() as session:
            row = await self._locked(session, by, repair_id, Permission.CONFIRM_REPAIR)
            if row.decided_by == by and row.state is RepairState.CANCELLED:
                return
            _require_state(row, RepairState.WAITING)
            row.decided_by, row.decided_at = by, self._now()
            await self._cancel(session, row)
            session.add(_audit(by, "refuse", row))
            await tell_repair(session, {row.submitted_by or row.drafted_by}, row, RepairNews.REFUSED, by=by)

    async def suspend(self, by: str, repair_id: str) -> None:
        """Stop after the runs that are being acted on. Refuses NotAllowed, NotFound, RepairChanged."""
        async with self._database.transaction() as session:
            row = await self._locked(session, by, repair_id, Permission.REPAIR)
            if row.state is RepairState.SUSPENDED:
                return
            _require_state(row, RepairState.RUNNING)
            row.suspended_why, row.suspended_at = Suspended.BY_PERSON, self._now()
            self._move(row, RepairState.SUSPENDED)
            session.add(_audit(by, "suspend", row))

    async def resume(self, by: str, repair_id: str) -> None:
        """Resume the repair where it stopped; earlier failures no longer stop it. Refuses NotAllowed, NotFound, RepairChanged."""
        async with self._database.transaction() as session:
            row = await self._locked(session, by, repair_id, Permission.REPAIR)
            if row.state is RepairState.RUNNING:
                return
            _require_state(row, RepairState.SUSPENDED)
            row.forgiven = await _count(session, row.id, ItemState.FAILED, ItemState.FAILED_AGAIN)
            row.canary_passed = row.canary_passed or row.suspended_why is Suspended.CANARY
            row.suspended_why = row.suspended_at = None
            self._move(row, RepairState.RUNNING)
            session.add(_audit(by, "resume", row, forgiven=row.forgiven))

    async def cancel(self, by: str, repair_id: str) -> None:
        """End a repair: what was done stays, the rest is left. Refuses NotAllowed, NotFound, RepairChanged."""
        async with self._database.transaction() as session:
            row = await self._locked(session, by, repair_id, Permission.REPAIR)
            if row.state is RepairState.CANCELLED:
                return
            _require_state(row, *(state for state in MOVES if state not in OVER))
            await self._cancel(session, row)
            session.add(_audit(by, "cancel", row))

    async def retry_failed(self, by: str, repair_id: str) -> str:
        """Draft a repair of what an ended one did not cure, with the same plan; return its id, the same one when asked again.

        Refuses NotAllowed, NotFound, NothingToRepair, and RepairChanged while it has not ended.
        """
        async with self._database.transaction() as session:
            old = await self._locked(session, by, repair_id, Permission.REPAIR)
            _require_state(old, *OVER)
            unsubmitted = (RepairRow.retries == old.id, RepairRow.state.in_(PREPARING))
            found = (await session.execute(select(RepairRow.id).where(*unsubmitted).limit(1))).scalar_one_or_none()
            if found is not None:
                return found
            plan = RepairPlan(
                old.kind, old.reason_code, old.options, old.note, old.canary, old.rate_per_s, old.failures_bp
            )
            row = await self._drafted(session, by, plan)
            row.retries, row.source = old.id, {"retries": old.id}
            session.add(row)
            await session.flush()
            self._require_any(count := await write_failed(session, row.id, old.id))
            session.add(_audit(by, "draft", row, runs=count, retries=old.id))
        return row.id

    async def _drafted(self, session: AsyncSession, by: str, plan: RepairPlan) -> RepairRow:
        """The row of a plan, checked."""
        await require(session, by, Permission.REPAIR)
        await require_reason(session, ReasonedAct.REPAIR, plan.reason_code)
        declared = KINDS.get(plan.kind)
        if declared is None:
            raise FieldInvalid(field="kind", why="unknown")
        try:
            options = declared.options_of(plan.options)
        except DocumentWrong as wrong:
            raise RepairOptionsWrong(field=wrong.flaws[0].path, why=wrong.flaws[0].kind.value) from None
        note = plan.note.strip()
        if len(note) > NOTE_LENGTH_MAX:
            raise FieldInvalid(field="note", why="too_long")
        require_no_number(note)
        rules = self._rules()
        circle = (await standing(session, by, self._now())).circle
        return RepairRow(
            id=new_id(), kind=plan.kind, options=options, reason_code=plan.reason_code, note=note, drafted_by=by,
            makers=sorted({by, *circle}), drafted_at=self._now(), rules_version=rules.version,
            canary=_within("canary", plan.canary, rules.canary, 0, rules.runs_max),
            rate_per_s=_within("rate_per_s", plan.rate_per_s, rules.rate_per_s, 1, rules.rate_per_s_max),
            failures_bp=_within("failures_bp", plan.failures_bp, rules.failures_bp, 0, BASIS_POINTS_MAX),
        )  # fmt: skip

    async def _locked(self, session: AsyncSession, by: str, repair_id: str, permission: Permission) -> RepairRow:
        await require(session, by, permission)
        row = await session.get(RepairRow, repair_id, with_for_update=True)
        if row is None:
            raise NotFound(repair=repair_id[:26])
        return row

    def _move(self, row: RepairRow, state: RepairState) -> None:
        """Set the state of the repair and notify its workflow."""
        _require_state(row, *(before for before, following in MOVES.items() if state in following))
        row.state, row.revision = state, row.revision + 1

    async def _cancel(self, session: AsyncSession, row: RepairRow) -> None:
        self._move(row, RepairState.CANCELLED)
        row.ended_at = self._now()
        await session.execute(text(_RELEASE), {"repair_id": row.id})

    def _rules(self) -> RepairRules:
        return repairs_in_force(business_day(self._now()))

    @staticmethod
    def _require_any(count: int) -> None:
        if not count:
            raise NothingToRepair()


def _require_state(row: RepairRow, *states: RepairState) -> None:
    if row.state not in states:
        raise RepairChanged(state=row.state.value)


def _within(name: str, wanted: int | None, usual: int, least: int, most: int) -> int:
    value = usual if wanted is None else wanted
    if not least <= value <= most:
        raise RepairOptionsWrong(field=name, why="out_of_range")
    return value


async def _count(session: AsyncSession, repair_id: str, *states: ItemState) -> int:
    counted = select(func.count()).where(RepairItemRow.repair_id == repair_id, RepairItemRow.state.in_(states))
    return int((await session.execute(counted)).scalar_one())


def _audit(by: str, act: str, row: RepairRow, **facts: Any) -> Any:
    given = {"kind": row.kind.value, "options": row.options, "state": row.state.value} | facts
    return by_person(by, f"console:repair:{act}", row.id, reason=row.reason_code, facts=given)
