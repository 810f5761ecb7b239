"""Decide a claimed task, and undo the decision until it takes effect."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import decision_on
from database.repositories import cards
from database.sealed import DECISION_FIELDS
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.errors.general import NotFound
from domain.errors.review import TooLateToUndo
from domain.errors.work import TaskDecided
from domain.identifiers import new_id
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.review.four_eyes import CheckPolicy
from domain.rules.limits import limits_in_force
from domain.work.deadlines import ClockOwner
from domain.work.kinds import REVIEW
from domain.work.task import CameBack, TaskPhase
from services.cards.corrections import Corrections, checked_fields, require_confirmed
from services.people.permissions import require
from services.review.decision_form import as_form
from services.review.decision_rules import Verdict, require_sense
from services.review.fitness import require_fit
from services.review.staging import FourEyes, worth_at_most
from services.work import drafts, sla
from services.work.desk import Desk
from services.work.leases import audited, require_held
from services.work.ordering import sent_back
from services.work.secret_scan import require_no_secret

UNDONE = "undone"


@dataclass(frozen=True)
class Undone:
    """A decision that was taken back, and whose card is in its maker's hand again."""

    task_id: str
    card_id: str


class Decisions:
    """Deciding and undoing. `undo_s` overrides how long a decision can be undone."""

    def __init__(self, desk: Desk, undo_s: int | None = None, four_eyes: FourEyes | None = None) -> None:
        self._database = desk.database
        self._keyring = desk.keyring
        self._now = desk.now
        self.undo_s = undo_s
        self._four_eyes = four_eyes or FourEyes()

    @property
    def undo_window(self) -> timedelta:
        """How long a decision can be undone before it leaves."""
        on = business_day(self._now())
        return timedelta(seconds=limits_in_force(on).decision_undo_s if self.undo_s is None else self.undo_s)

    def check_policy(self) -> CheckPolicy:
        """Return the policy of four eyes in force today."""
        return self._four_eyes.policy(business_day(self._now()))

    async def record_decision(
        self, person: str, task_id: str, outcome: ReviewOutcome, reject_reason: RejectReason | None = None,
        asked_item: AskedItem | None = None, corrected: Corrections | None = None, note: str = "", *,
        reason_code: str = "", suggestion: str = "", confirmed: Collection[str] = (),
    ) -> str:  # fmt: skip
        """Write a decision and return its id; the card's workflow receives that id once the decision can no longer be undone.

        The same decision sent twice by the same person gets the same id. Refuses NotAllowed, TaskNotHeld, OwnWork,
        TaskHeldByAnother, TaskDecided, ReasonUnknown, FieldInvalid, SecretInWords (the note), and fields that break the brand's rules.
        `suggestion` is the outcome that the machine suggested at that moment; `confirmed` are the marks of
        values that the reviewer confirmed against a sure reading. Refuses ReadingDiffers for another that differs.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.DECIDE)
            task = await session.get(WorkItemRow, task_id, with_for_update=True)
            if task is None or task.kind != REVIEW:
                raise NotFound(task=task_id[:64])
            known = await decision_on(session, task_id)
            if known is not None:
                return self._repeated(known, person, outcome)
            require_held(task, person, self._now())
            who = await require_fit(session, self._keyring, person, task, self._now())
            card = await cards.load(session, task.card)
            given = checked_fields(card.brand, corrected or Corrections())
            differing = await require_confirmed(session, self._keyring, card, given, confirmed)
            require_no_secret(self._keyring, card, note, typed=(given.number, given.pin))
            if (worth := worth_at_most(card, task, given)) > task.value_minor:
                await require_fit(
                    session, self._keyring, person, task, self._now(), worth
                )  # A correction must not exceed the person's limit.
            verdict = Verdict(outcome, reason_code, reject_reason, asked_item, given, note, suggestion)
            rejection = await require_sense(session, card, verdict)
            decision = self._decision(task, who, verdict, rejection)
            session.add(decision)
            await session.flush()
            if not await self._four_eyes.stage(session, self._keyring, card, task, decision, given):
                task.decided = True  # It can no longer be claimed.
            await drafts.forget(session, task_id, person)
            facts = {"against_reading": ",".join(differing)} if differing else {}
            session.add(audited(person, outcome.value, task_id, note, **facts))
        return decision.id

    async def undo(self, person: str, decision_id: str) -> Undone:
        """Takes one's decision back: the task is in one's hand again, with what was decided as its draft.

        Refuse NotFound for a colleague's, and TooLateToUndo once it has been sent to the card.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.DECIDE)
            decision = await session.get(ReviewDecisionRow, decision_id[:64])
            if decision is None or decision.person_id != person:
                raise NotFound(decision=decision_id[:64])
            task = await session.get_one(WorkItemRow, decision.task_id, with_for_update=True)
            moment = self._now()
            checked = bool(decision.needs_check) and task.decided  # Whatever the clocks of two processes say.
            if task.closed_at is not None or checked or not await _voided(session, decision_id, moment):
                raise TooLateToUndo()
            await self._reopen(session, task, person, moment)
            await drafts.save(session, self._keyring, task.id, person, as_form(decision, self._keyring))
            session.add(audited(person, "undo", task.id))
        return Undone(task.id, task.card)

    def _repeated(self, known: ReviewDecisionRow, person: str, outcome: ReviewOutcome) -> str:
        """Return the first answer to a form that was sent twice; others learn who was first."""
        if known.person_id == person and known.outcome is outcome:
            return known.id
        raise TaskDecided(by=known.person_id or "")

    def _decision(
        self, task: WorkItemRow, who: ActingReviewer, given: Verdict, rejection: RejectReason | None
    ) -> ReviewDecisionRow:
        decision_id, moment = new_id(), self._now()
        return ReviewDecisionRow(
            id=decision_id,
            task_id=task.id,
            card_id=task.card,
            person_id=who.person,
            acting_for=sorted(who.circle - {who.person}),
            outcome=given.outcome,
            reason_code=given.reason_code or (rejection.value if rejection else ""),
            reject_reason=rejection,
            asked_item=given.asked_item,
            corrected_sealed=self._sealed(decision_id, given.corrected),
            note=given.note,
            suggestion=given.suggestion,
            opened_at=task.leased_at,
            made_at=moment,
            effective_at=moment + self.undo_window,
        )

    async def _reopen(self, session: AsyncSession, task: WorkItemRow, person: str, moment: datetime) -> None:
        """As it was before the decision: for a decider, in the same hand."""
        task.decided, task.phase, task.staged_id = False, TaskPhase.REVIEW, None
        task.maker_id, task.maker_circle, task.blind = None, [], False
        task.leased_by, task.leased_at = person, task.leased_at or moment
        task.leased_until = moment + timedelta(seconds=limits_in_force(business_day(moment)).review_lease_s)
        sent_back(task, CameBack.UNDONE, "", moment)
        await sla.pass_to(session, task, ClockOwner.REVIEWER, moment, person)

    def _sealed(self, decision_id: str, given: Corrections) -> bytes | None:
        return None if given.is_empty else DECISION_FIELDS.seal(self._keyring, decision_id, given.to_json())


async def _voided(session: AsyncSession, decision_id: str, moment: datetime) -> bool:
    """One statement against the one that sends it: whichever comes first, the other finds nothing to do."""
    undoable = (
        ReviewDecisionRow.id == decision_id,
        ReviewDecisionRow.void_at.is_(None),
        ReviewDecisionRow.sent_at.is_(None),
        ReviewDecisionRow.effective_at > moment,
    )
    voided = (
        update(ReviewDecisionRow)
        .where(*undoable)
        .values(void_at=moment, void_why=UNDONE)
        .returning(ReviewDecisionRow.id)
    )
    statement = voided.execution_options(synchronize_session=False)
    return (await session.execute(statement)).scalar_one_or_none() is not None
