"""Blind reviews: a sampled card is decided again by a person who does not see the first decision; a senior settles a difference.

The card is already processed and does not change: blind reviews measure the quality of decisions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.lease import free_sql, lasts_sql
from database.locks import AdvisoryLock, acquire
from database.repositories import cards
from database.repositories.audit import by_person
from database.repositories.notices import tell
from database.session import Database
from database.tables.cards import SubmissionRow
from database.tables.people import AuditRow
from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import RejectReason, ReviewOutcome
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import NotEligible, OwnWork, TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.quality.agreement import SIDES
from domain.quality.sampling import SamplingPolicy
from domain.review.four_eyes import apart, lot_of
from domain.rules.checks import sampling_policy
from domain.sealing import KeyRing
from domain.work.deadlines import ClockOwner
from domain.work.eligibility import Ineligible
from domain.work.lease import holder_of
from services.people.acting import standing
from services.people.kinship import people_linked
from services.people.permissions import require
from services.review.decision_rules import NOTE_LENGTH_MAX
from services.review.informed_people import who_know
from services.work import sla
from services.work.leases import end_lease, held_by_another, lease_span
from services.work.ordering import placed
from services.work.secret_scan import require_no_secret

# One statement that passes over what others hold or are taking, and over the person's own work and their relatives'.
_TAKE = text(f"""
UPDATE blind_review SET leased_by = :person, leased_until = :until
WHERE id = (
    SELECT id FROM blind_review
    WHERE settled_at IS NULL AND second_at IS NULL AND (CAST(:id AS varchar) IS NULL OR id = :id)
      AND CASE WHEN task_id IS NULL THEN {free_sql("blind_review")} OR leased_by = :person
          ELSE EXISTS (
              SELECT FROM work_item asked WHERE asked.id = blind_review.task_id AND asked.closed_at IS NULL
              AND ({free_sql("asked")} OR asked.leased_by = :person)
              AND (asked.assigned_to IS NULL OR asked.assigned_to = :person)
              AND (asked.snoozed_until IS NULL OR asked.snoozed_until <= :now)) END
      AND NOT first_circle ?| CAST(:hands AS varchar[])
      AND NOT EXISTS (
          SELECT FROM card JOIN submission ON submission.id = card.submission_id
          JOIN person_relative ON person_relative.seller = submission.owner
          WHERE card.id = blind_review.card_id AND person_relative.person_id = ANY(CAST(:circle AS varchar[])))
      AND NOT EXISTS (
          SELECT FROM work_item
          WHERE work_item.card_id = blind_review.card_id AND work_item.linked ?| CAST(:circle AS varchar[]))
    ORDER BY leased_by = :person AND {lasts_sql("blind_review")} DESC NULLS LAST, escalation_id IS NULL, drawn_at, id
    LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, card_id, task_id
""")  # noqa: S608  # Only names of ours are put in.


@dataclass(frozen=True)
class BlindLease:
    """A blind review claimed until `until`."""

    review_id: str
    card_id: str
    until: datetime


async def draw(
    session: AsyncSession, keyring: KeyRing, task: WorkItemRow, decision: ReviewDecisionRow, now: datetime,
    policy: SamplingPolicy | None = None,
) -> None:  # fmt: skip
    """Puts an applied decision before a second reviewer where it is drawn and the day's cap is not reached.

    Called in the transaction that applies the decision; a decision by the deadline policy is not a person's judgement.
    """
    policy = policy or sampling_policy(business_day(now))
    lot = lot_of(keyring, task.card, policy.seed)
    if decision.person_id is None or not policy.draws(lot, task.type_of_card, decision.outcome):
        return
    await acquire(session, AdvisoryLock.QUALITY_SAMPLE)
    day = policy.day_of(now)
    sampled = (BlindReviewRow.drawn_on == day, BlindReviewRow.escalation_id.is_(None))
    drawn_today = select(func.count()).select_from(BlindReviewRow).where(*sampled)
    if (await session.execute(drawn_today)).scalar_one() >= policy.per_day_max:
        return
    session.add(
        BlindReviewRow(
            id=new_id(), decision_id=decision.id, card_id=task.card, brand=task.brand,
            first_person=decision.person_id, first_circle=await who_know(session, task.card, now, task.id), first_outcome=decision.outcome,
            drawn_on=day, drawn_at=now, policy_version=policy.version,
        )
    )  # fmt: skip


class BlindReviews:
    """What people do with second reviews. `person` is always a person's id; what they may do is judged here again."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def take(self, person: str, review_id: str | None = None) -> BlindLease | None:
        """Lease the named one, or the oldest that is not one's own work; None when there is none for them.

        Refuses NotAllowed; of a named one also NotFound, OwnWork, NotEligible (a relative's card), TaskDecided,
        TaskHeldByAnother.
        """
        now = self._now()
        until = now + lease_span(now)
        async with self._database.transaction() as session:
            await require(session, person, Permission.CHECK)
            who = await standing(session, person, now)
            given = {
                "person": person,
                "until": until,
                "now": now,
                "id": review_id,
                "circle": sorted(who.circle),
                "hands": sorted(who.hands),
            }
            taken = (await session.execute(_TAKE, given)).one_or_none()
            if taken is not None and taken.task_id is not None:
                await _item_taken(session, taken.task_id, person, until, now)
            if taken is None and review_id is not None:
                raise await _why_not(session, review_id, who)
        return None if taken is None else BlindLease(taken.id, taken.card_id, until)

    async def decide(
        self, person: str, review_id: str, outcome: ReviewOutcome, reason: RejectReason | None = None, note: str = ""
    ) -> bool:
        """Record what the second reviewer would have decided; returns whether both agree, which settles it.

        Refuses NotAllowed, NotFound, OwnWork, TaskDecided, TaskHeldByAnother, TaskNotHeld, FieldInvalid, SecretInWords.
        """
        _require_sense(outcome, reason, note)
        async with self._database.transaction() as session:
            await require(session, person, Permission.CHECK)
            row, who = await self._of(session, person, review_id)
            if row.second_at is not None or row.settled_at is not None:
                raise TaskDecided(by=row.second_person or "")
            item = await _item_of(session, row)
            _require_held(row if item is None else item, row, person, self._now())
            require_no_secret(self._keyring, await cards.load(session, row.card_id), note)
            row.second_person, row.second_circle, row.second_at = person, sorted(who.hands), self._now()
            row.second_outcome, row.second_reason, row.second_note = outcome, reason, note.strip()
            agreed = SIDES[outcome] is SIDES[row.first_outcome]
            if agreed:
                row.final_outcome, row.settled_at = row.first_outcome, self._now()
            elif item is not None:
                await _for_a_senior(session, item, row, self._now())
            session.add(_audited(person, "decide", row, outcome))
        return agreed

    async def settle(self, person: str, review_id: str, outcome: ReviewOutcome, note: str = "") -> None:
        """Settle a difference as a senior who acted on neither side; both reviewers are notified.

        Refuses NotAllowed, NotFound, OwnWork, TaskDecided, TaskNotHeld while there is no difference yet, FieldInvalid,
        SecretInWords.
        """
        _require_sense(outcome, RejectReason.OTHER if outcome is ReviewOutcome.REJECT else None, note)
        async with self._database.transaction() as session:
            await require(session, person, Permission.SETTLE)
            row = await self._difference(session, person, review_id)
            if row.settled_at is not None:
                raise TaskDecided(by=row.senior_person or row.second_person or "")
            if row.second_at is None:
                raise TaskNotHeld()
            require_no_secret(self._keyring, await cards.load(session, row.card_id), note)
            row.senior_person, row.senior_note, row.settled_at = person, note.strip(), self._now()
            row.final_outcome = outcome
            session.add(_audited(person, "settle", row, outcome))
            await _notify(session, row)

    async def look(self, person: str, review_id: str) -> None:
        """Check that a difference may be shown to this senior. Refuses NotAllowed, NotFound, OwnWork, NotEligible."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.SETTLE)
            await self._difference(session, person, review_id)

    async def _difference(self, session: AsyncSession, person: str, review_id: str) -> BlindReviewRow:
        row, who = await self._of(session, person, review_id)
        if not apart(frozenset(row.second_circle), who.hands):
            raise OwnWork()
        return row

    async def _of(self, session: AsyncSession, person: str, review_id: str) -> tuple[BlindReviewRow, ActingReviewer]:
        row = await session.get(BlindReviewRow, review_id[:64], with_for_update=True)
        if row is None:
            raise NotFound(review=review_id[:64])
        who = await standing(session, person, self._now())
        if not apart(frozenset(row.first_circle), who.hands):
            raise OwnWork()
        if (kept := await self._kept_from(session, row, who)) is not None:
            raise kept
        return row, who

    async def _kept_from(self, session: AsyncSession, row: BlindReviewRow, who: ActingReviewer) -> NotEligible | None:
        """Why the seller's card is none of theirs, judged at this moment."""
        if await _relatives_card(session, row, who):
            return NotEligible(why=[Ineligible.RELATIVE.value])
        now_linked = await people_linked(session, self._keyring, row.card_id, who.circle)
        if now_linked or await _linked(session, row, who):
            return NotEligible(why=[Ineligible.LINKED.value])
        return None


async def _why_not(session: AsyncSession, review_id: str, who: ActingReviewer) -> Exception:
    row = await session.get(BlindReviewRow, review_id[:64])
    if row is None:
        return NotFound(review=review_id[:64])
    if not apart(frozenset(row.first_circle), who.hands):
        return OwnWork()
    if row.second_at is not None or row.settled_at is not None:
        return TaskDecided(by=row.second_person or "")
    if await _relatives_card(session, row, who):
        return NotEligible(why=[Ineligible.RELATIVE.value])
    if await _linked(session, row, who):
        return NotEligible(why=[Ineligible.LINKED.value])
    return _held_by_another(row)


async def _relatives_card(session: AsyncSession, row: BlindReviewRow, who: ActingReviewer) -> bool:
    card = await cards.load(session, row.card_id)
    return (await session.get_one(SubmissionRow, card.submission_id)).owner in who.relatives


async def _linked(session: AsyncSession, row: BlindReviewRow, who: ActingReviewer) -> bool:
    """Return whether one of the circle was linked to the seller when the card's tasks were opened."""
    tasks = (await session.execute(select(WorkItemRow.linked).where(WorkItemRow.card_id == row.card_id))).scalars()
    return any(who.circle & set(linked) for linked in tasks)


async def _notify(session: AsyncSession, row: BlindReviewRow) -> None:
    """The senior's answer, to each of the two: the same side as theirs, or the other."""
    for person, outcome in ((row.first_person, row.first_outcome), (row.second_person, row.second_outcome)):
        if not person or outcome is None or row.final_outcome is None:
            continue
        upheld = SIDES[outcome] is SIDES[row.final_outcome]
        kind = NoticeKind.UPHELD if upheld else NoticeKind.OVERTURNED
        await tell(session, [person], kind, f"second:{row.id}", card_id=row.card_id, outcome=row.final_outcome.value)


def _require_sense(outcome: ReviewOutcome, reason: RejectReason | None, note: str) -> None:
    if outcome not in SIDES:
        raise FieldInvalid(field="outcome", why="not_expected")
    if (outcome is ReviewOutcome.REJECT) is (reason is None):
        raise FieldInvalid(field="reject_reason", why="missing" if reason is None else "not_expected")
    if len(note) > NOTE_LENGTH_MAX:
        raise FieldInvalid(field="note", why="too_long")


async def _item_of(session: AsyncSession, row: BlindReviewRow) -> WorkItemRow | None:
    """The work item of a review that support asked for, locked: its lease is the review's."""
    if row.task_id is None:
        return None
    return await session.get_one(WorkItemRow, row.task_id, with_for_update=True, populate_existing=True)


async def _item_taken(session: AsyncSession, task_id: str, person: str, until: datetime, now: datetime) -> None:
    """Lease the work item with its review; the clock does not name the blind reviewer."""
    item = await session.get_one(WorkItemRow, task_id, with_for_update=True, populate_existing=True)
    if holder_of(item, now) not in (None, person):
        raise held_by_another(item)
    if holder_of(item, now) is None:
        item.leased_at = now
    item.leased_by, item.leased_until = person, until


async def _for_a_senior(session: AsyncSession, item: WorkItemRow, row: BlindReviewRow, now: datetime) -> None:
    """The two differ: from now on it is the time of the seniors who acted on neither side."""
    end_lease(item)
    item.assigned_to = item.assigned_at = None
    item.escalated, item.barred = True, sorted({*item.barred, *row.second_circle})
    await sla.pass_to(session, item, ClockOwner.SENIOR, now)
    placed(item, now)


def _require_held(lease: BlindReviewRow | WorkItemRow, row: BlindReviewRow, person: str, now: datetime) -> None:
    holder = holder_of(lease, now)
    if holder is None:
        raise TaskNotHeld()
    if holder != person:
        raise _held_by_another(row)


def _held_by_another(row: BlindReviewRow) -> TaskHeldByAnother:
    until = row.leased_until or datetime.now(UTC) + timedelta(seconds=1)
    return TaskHeldByAnother(holder=row.leased_by or "", until=until.isoformat())


def _audited(person: str, act: str, row: BlindReviewRow, outcome: ReviewOutcome) -> AuditRow:
    facts = {"card": row.card_id, "outcome": outcome.value}
    return by_person(person, f"console:second_review:{act}", row.id, facts=facts)
