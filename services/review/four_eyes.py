"""Second review: another person applies a staged decision, returns it to its maker, or rejects it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.cards import Change
from database.repositories.notices import tell
from database.tables.people import PersonRow
from database.tables.review import ReviewCheckRow, ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.review import ReviewOutcome
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.review import BlindOutcomeDiffers, CheckMissing, NothingToCheck
from domain.errors.work import OwnWork, TaskDecided
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.review.four_eyes import apart
from domain.work.deadlines import ClockOwner
from domain.work.kinds import REVIEW
from domain.work.reason_codes import ReasonedAct
from domain.work.task import CameBack, CheckVerdict, TaskPhase
from services.cards.corrections import corrections_in
from services.people.acting import handled_by
from services.people.permissions import require
from services.review.decision_form import as_form
from services.review.decision_rules import NOTE_LENGTH_MAX
from services.review.fitness import require_fit
from services.review.staging import worth_at_most
from services.work import drafts, sla
from services.work.desk import Desk
from services.work.leases import audited, end_lease, require_held
from services.work.ordering import placed, sent_back
from services.work.reason_codes import require_reason
from services.work.secret_scan import require_no_secret

_REASONED = {CheckVerdict.RETURN: ReasonedAct.RETURN, CheckVerdict.REFUSE: ReasonedAct.REFUSE}
_VOID = {CheckVerdict.RETURN: "returned", CheckVerdict.REFUSE: "refused"}


class Checks:
    """The second person's side of a staged decision. Its checker holds the task's lease; whose work it is, is judged at this moment."""

    def __init__(self, desk: Desk) -> None:
        self._database = desk.database
        self._keyring = desk.keyring
        self._now = desk.now
        self._cursors = desk.cursors

    async def look_blind(self, person: str, task_id: str, outcome: ReviewOutcome) -> bool:
        """Record what the checker would decide, before they see what was decided; returns whether both agree.

        The first answer counts. Refuses what `check` refuses.
        """
        async with self._database.transaction() as session:
            task, decision, _ = await self._held(session, person, task_id)
            if task.blind_by != person or task.blind_outcome is None:
                task.blind_by, task.blind_outcome = person, outcome
                session.add(audited(person, "look_blind", task_id, outcome=outcome.value))
            return task.blind_outcome is decision.outcome

    async def check(
        self, person: str, task_id: str, verdict: CheckVerdict, reason_code: str = "", note: str = ""
    ) -> str:
        """Applies, returns or refuses the staged decision and returns its id; an applied one leaves for its card at once.

        Refuses NotAllowed, NotFound, NothingToCheck, TaskDecided, TaskNotHeld, TaskHeldByAnother, NotEligible, ReasonUnknown
        for a return or refusal without one, BlindOutcomeDiffers, FieldInvalid, SecretInWords; and OwnWork when the checker, or anyone
        they act for, is the maker or one the maker acted for, or the same person recently created both accounts.
        """
        if len(note) > NOTE_LENGTH_MAX:
            raise FieldInvalid(field="note", why="too_long")
        async with self._database.transaction() as session:
            task, decision, who = await self._held(session, person, task_id)
            typed, card = corrections_in(decision, self._keyring), await cards.load(session, task.card)
            require_no_secret(self._keyring, card, note, typed=(typed.number, typed.pin))
            if verdict in _REASONED:
                await require_reason(session, _REASONED[verdict], reason_code)
            else:
                reason_code = ""
                _require_seen(task, decision, person)
            session.add(_row(task, decision, who, verdict, reason_code, note.strip(), self._now()))
            session.add(audited(person, verdict.value, task_id, reason_code, maker=task.maker_id or ""))
            await self._done(session, task, decision, who, verdict, reason_code)
        self._cursors.forget()
        return decision.id

    async def _held(
        self, session: AsyncSession, person: str, task_id: str
    ) -> tuple[WorkItemRow, ReviewDecisionRow, ActingReviewer]:
        await require(session, person, Permission.CHECK)
        task = await session.get(WorkItemRow, task_id, with_for_update=True)
        if task is None or task.kind != REVIEW:
            raise NotFound(task=task_id[:64])
        if task.closed_at is not None or task.decided:
            raise TaskDecided(by=task.leased_by or "")
        if task.phase is not TaskPhase.CHECK or task.staged_id is None:
            raise NothingToCheck()
        decision = await session.get_one(ReviewDecisionRow, task.staged_id)
        card = await cards.load(session, task.card)
        worth = worth_at_most(card, task, corrections_in(decision, self._keyring))
        who = await require_fit(session, self._keyring, person, task, self._now(), worth)
        if not apart(frozenset(task.maker_circle), who.hands):
            raise OwnWork()
        require_held(task, person, self._now())
        return task, decision, who

    async def _done(
        self, session: AsyncSession, task: WorkItemRow, decision: ReviewDecisionRow, who: ActingReviewer,
        verdict: CheckVerdict, reason_code: str,
    ) -> None:  # fmt: skip
        now, maker = self._now(), decision.person_id or ""
        if verdict is CheckVerdict.APPLY:
            task.decided, decision.effective_at = True, now
        else:
            decision.void_at, decision.void_why = now, _VOID[verdict]
            circle = task.maker_circle
            free(task)
            if verdict is CheckVerdict.RETURN:
                await self._return(session, task, decision, reason_code, now)
            else:
                await _void(session, task, {*circle, *who.hands}, reason_code, now)
            kind = NoticeKind.RETURNED if verdict is CheckVerdict.RETURN else NoticeKind.REFUSED
            await tell(
                session,
                [maker],
                kind,
                f"check:{decision.id}",
                card_id=task.card,
                task_id=task.id,
                reason=reason_code,
            )
        facts = {"task": task.id, "reason": reason_code}
        change = Change(
            Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, f"review.check_{verdict.value}", facts,
            actor=f"person:{who.person}",
        )  # fmt: skip
        await cards.record(session, task.card, change)

    async def _return(
        self, session: AsyncSession, task: WorkItemRow, decision: ReviewDecisionRow, reason_code: str, now: datetime
    ) -> None:
        """Back to the maker with all that they had entered; to the queue when they no longer work here."""
        maker = await session.get_one(PersonRow, decision.person_id)
        if maker.active:
            task.assigned_to, task.assigned_at = maker.id, now
            await drafts.save(session, self._keyring, task.id, maker.id, as_form(decision, self._keyring))
        sent_back(task, CameBack.RETURNED, reason_code, now)
        await sla.pass_to(session, task, ClockOwner.REVIEWER, now)


async def require_checked(session: AsyncSession, decision: ReviewDecisionRow) -> None:
    """Refuse CheckMissing for a decision that needs a second review and reaches its card without one."""
    if not decision.needs_check:
        return
    made = frozenset({decision.person_id or "", *decision.acting_for})
    wanted = select(ReviewCheckRow).where(
        ReviewCheckRow.decision_id == decision.id, ReviewCheckRow.verdict == CheckVerdict.APPLY
    )
    for check in (await session.execute(wanted)).scalars():
        checked = frozenset({check.person_id, *check.acting_for})
        if apart(made, checked, await handled_by(session, made | checked, check.at)):
            return
    raise CheckMissing(decision=decision.id)


async def _void(session: AsyncSession, task: WorkItemRow, barred: set[str], reason_code: str, now: datetime) -> None:
    """Void the decision; a senior who acted on neither side decides again."""
    task.barred = sorted({*task.barred, *barred})
    task.escalated, task.escalation_reason, task.replan = True, reason_code, True
    sent_back(task, CameBack.REFUSED, reason_code, now)
    placed(task, now)
    await sla.pass_to(session, task, ClockOwner.SENIOR, now)


def free(task: WorkItemRow) -> None:
    """Release the task and return it to the queue."""
    task.phase, task.staged_id, task.maker_id, task.maker_circle, task.blind = TaskPhase.REVIEW, None, None, [], False
    task.blind_outcome = task.blind_by = None
    end_lease(task)
    task.assigned_to = task.assigned_at = None


def _require_seen(task: WorkItemRow, decision: ReviewDecisionRow, person: str) -> None:
    """In blind mode only an outcome that the checker came to alone is applied."""
    if not task.blind:
        return
    if task.blind_by != person or task.blind_outcome is None:
        raise FieldInvalid(field="outcome", why="missing")
    if task.blind_outcome is not decision.outcome:
        raise BlindOutcomeDiffers()


def _row(
    task: WorkItemRow, decision: ReviewDecisionRow, who: ActingReviewer, verdict: CheckVerdict, reason: str, note: str,
    now: datetime,
) -> ReviewCheckRow:  # fmt: skip
    return ReviewCheckRow(
        id=new_id(), decision_id=decision.id, task_id=task.id, person_id=who.person,
        acting_for=sorted(who.circle - {who.person}), verdict=verdict,
        blind_outcome=task.blind_outcome if task.blind_by == who.person else None,
        reason_code=reason, note=note, at=now,
    )  # fmt: skip
