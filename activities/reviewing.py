"""What reviewers themselves do: take a task, give it back, decide it, and see a secret for a stated reason."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from activities.corrections import Corrections, checked_fields, require_complete, require_payable
from database.repositories import cards
from database.session import Database
from database.tables.intake import CardRow
from database.tables.people import AuditRow, PersonRow
from database.tables.pricing import QuoteRow
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from domain.cards import CardType
from domain.identifiers import new_id
from domain.people import Permission, Role, permissions_of
from domain.reading import SECRET_FIELDS, FieldName
from domain.refusals import (
    CardNumberInvalid,
    FieldInvalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TaskDecided,
    TaskHeldByAnother,
    TaskNotHeld,
)
from domain.review import AskedItem, RejectReason, ReviewOutcome
from domain.rules.limits import limits_in_force
from domain.sealing import KeyRing

APPROVALS = frozenset({ReviewOutcome.APPROVE, ReviewOutcome.APPROVE_CORRECTED})
NOTE_LENGTH_MAX = 2000


@dataclass(frozen=True)
class Lease:
    """A task in somebody's hand until `until`."""

    task_id: str
    card_id: str
    until: datetime


@dataclass(frozen=True)
class Queued:
    """One task of the queue as a list shows it."""

    task_id: str
    card_id: str
    card_type: CardType
    brand: str
    value_minor: int
    reasons: tuple[str, ...]
    due_at: datetime
    escalated: bool
    holder: str | None  # person.id, while the lease lasts.


class Reviewing:
    """Services of the console. `person` is always a person's id; what they may do is judged here again."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def queue(self, person: str, limit: int = 50) -> tuple[Queued, ...]:
        """Open tasks, escalated first, then due soonest. Refuses NotAllowed."""
        task: Any = ReviewTaskRow
        order = (task.escalated.desc(), task.due_at, task.id)
        statement = select(ReviewTaskRow).where(task.closed_at.is_(None)).order_by(*order).limit(limit)
        async with self._database.transaction() as session:
            await _require(session, person, Permission.SEE_QUEUE)
            return tuple(self._queued(row) for row in (await session.execute(statement)).scalars())

    async def take(self, person: str, task_id: str | None) -> Lease | None:
        """The named task, or the next one this person may decide; None when the queue has none for them.

        A lease in hand is renewed. Refuses TaskHeldByAnother (`holder`, `until`), TaskDecided, NotFound, NotAllowed.
        """
        async with self._database.transaction() as session:
            allowed = await _require(session, person, Permission.DECIDE)
            senior = Permission.DECIDE_ESCALATED in allowed
            taken = (await session.execute(self._taking(person, task_id, senior))).scalar_one_or_none()
            if taken is None and task_id is not None:
                raise await self._why_not(session, task_id, senior)
        return None if taken is None else Lease(taken.id, taken.card_id, taken.leased_until)

    async def release(self, person: str, task_id: str) -> None:
        """Gives a task back; nothing happens to one that is not in this person's hand."""
        task: Any = ReviewTaskRow
        held = (task.id == task_id, task.leased_by == person, task.closed_at.is_(None))
        async with self._database.transaction() as session:
            await session.execute(update(ReviewTaskRow).where(*held).values(leased_by=None, leased_until=None))

    async def record_decision(
        self,
        person: str,
        task_id: str,
        outcome: ReviewOutcome,
        reject_reason: RejectReason | None = None,
        asked_item: AskedItem | None = None,
        corrected: Corrections | None = None,
        note: str = "",
    ) -> str:
        """Writes a decision down and returns its id; the card's workflow is told that id and applies it.

        The same decision sent twice by the same person gets the same id. Refuses NotAllowed, TaskNotHeld,
        TaskHeldByAnother, TaskDecided, FieldInvalid, and fields that break the brand's rules.
        """
        async with self._database.transaction() as session:
            await _require(session, person, Permission.DECIDE)
            task = await session.get(ReviewTaskRow, task_id, with_for_update=True)
            if task is None:
                raise NotFound(task=task_id[:64])
            known = await _decision_on(session, task_id)
            if known is not None:
                return self._repeated(known, person, outcome)
            self._require_held(task, person)
            card = await cards.load(session, task.card_id)
            given = checked_fields(card.brand, corrected or Corrections())
            _require_sense(outcome, reject_reason, asked_item, given, note)
            if outcome in APPROVALS:
                await _require_buyable(session, card, given)
            decision = self._decision(task, person, outcome, reject_reason, asked_item, given, note)
            session.add(decision)
            session.add(_audit(person, f"console:task:{outcome.value}", task_id, note))
        return decision.id

    async def reveal(self, person: str, card_id: str, field: str, reason: str) -> str:
        """A card's number or PIN in the clear, with the reason kept for ever. Refuses NotAllowed, FieldInvalid, NotFound."""
        if not reason.strip():
            raise FieldInvalid(field="reason", why="missing")
        if field not in SECRET_FIELDS:
            raise FieldInvalid(field="field", why="not_a_secret")
        async with self._database.transaction() as session:
            await _require(session, person, Permission.REVEAL)
            card = await cards.load(session, card_id)
            opener = cards.open_number if field == FieldName.NUMBER else cards.open_pin
            secret = opener(self._keyring, card)
            if secret is None:
                raise NotFound(field=field)
            session.add(_audit(person, f"console:card:reveal_{field}", card_id, reason))
        return secret

    def _taking(self, person: str, task_id: str | None, senior: bool) -> Any:
        """One statement, which passes over what others hold and what others are taking at this moment.

        The lease in hand comes first, then escalated tasks, then the others: three walks of the queue's own order.
        """
        task: Any = ReviewTaskRow
        if task_id is not None:
            walks = [self._first(person, task.id == task_id, senior)]
        else:
            mine = (task.leased_by == person) & (task.leased_until > self._now())
            wanted = [mine, task.escalated, ~task.escalated] if senior else [mine, ~task.escalated]
            walks = [self._first(person, which, senior) for which in wanted]
        until = self._now() + timedelta(seconds=limits_in_force(self._now().date()).review_lease_s)
        return (
            update(ReviewTaskRow)
            .where(task.id == (func.coalesce(*walks) if len(walks) > 1 else walks[0]))
            .values(leased_by=person, leased_until=until)
            .returning(ReviewTaskRow)
            .execution_options(synchronize_session=False)
        )

    def _first(self, person: str, which: Any, senior: bool) -> Any:
        task: Any = ReviewTaskRow
        free = task.leased_until.is_(None) | (task.leased_until <= self._now()) | (task.leased_by == person)
        undecided = ~select(_c(ReviewDecisionRow).id).where(_is(ReviewDecisionRow.task_id, task.id)).exists()
        found = select(task.id).where(task.closed_at.is_(None), which, free, undecided)
        if not senior:
            found = found.where(~task.escalated)
        return found.order_by(task.due_at, task.id).limit(1).with_for_update(skip_locked=True).scalar_subquery()

    async def _why_not(self, session: AsyncSession, task_id: str, senior: bool) -> Exception:
        task = await session.get(ReviewTaskRow, task_id)
        if task is None:
            return NotFound(task=task_id[:64])
        decision = await _decision_on(session, task_id)
        if task.closed_at is not None or decision is not None:
            return TaskDecided(by=decision.person_id if decision else "")
        if task.escalated and not senior:
            return NotAllowed(permission=Permission.DECIDE_ESCALATED.value)
        return _held_by_another(task)

    def _require_held(self, task: ReviewTaskRow, person: str) -> None:
        if task.closed_at is not None:
            raise TaskDecided(by="")
        lasting = task.leased_until is not None and task.leased_until > self._now()
        if task.leased_by != person and lasting:
            raise _held_by_another(task)
        if task.leased_by != person or not lasting:
            raise TaskNotHeld()

    def _repeated(self, known: ReviewDecisionRow, person: str, outcome: ReviewOutcome) -> str:
        """A browser that sends its form twice gets the first answer; anybody else is told who was first."""
        if known.person_id == person and known.outcome is outcome:
            return known.id
        raise TaskDecided(by=known.person_id)

    def _decision(
        self,
        task: ReviewTaskRow,
        person: str,
        outcome: ReviewOutcome,
        reject_reason: RejectReason | None,
        asked_item: AskedItem | None,
        given: Corrections,
        note: str,
    ) -> ReviewDecisionRow:
        decision_id = new_id()
        aad = f"decision:{decision_id}:fields"
        sealed = None if given.is_empty else self._keyring.seal_text(given.to_json(), purpose="decision", aad=aad)
        return ReviewDecisionRow(
            id=decision_id,
            task_id=task.id,
            card_id=task.card_id,
            person_id=person,
            outcome=outcome,
            reject_reason=reject_reason,
            asked_item=asked_item,
            corrected_sealed=sealed,
            note=note,
        )

    def _corrected(self, decision: ReviewDecisionRow) -> Corrections:
        if decision.corrected_sealed is None:
            return Corrections()
        aad = f"decision:{decision.id}:fields"
        return Corrections.from_json(self._keyring.open_text(decision.corrected_sealed, purpose="decision", aad=aad))

    def _queued(self, row: ReviewTaskRow) -> Queued:
        held = row.leased_until is not None and row.leased_until > self._now()
        return Queued(
            task_id=row.id,
            card_id=row.card_id,
            card_type=row.card_type,
            brand=row.brand,
            value_minor=row.value_minor,
            reasons=tuple(row.reasons),
            due_at=row.due_at,
            escalated=row.escalated,
            holder=row.leased_by if held else None,
        )


async def _require(session: AsyncSession, person: str, permission: Permission) -> frozenset[Permission]:
    """Everything the person may do. Refuses NotSignedIn when they no longer work here, NotAllowed without it."""
    row = await session.get(PersonRow, person)
    if row is None or not row.active:
        raise NotSignedIn()
    allowed = permissions_of(Role(role) for role in row.roles)
    if permission not in allowed:
        raise NotAllowed(permission=permission.value)
    return allowed


async def _decision_on(session: AsyncSession, task_id: str) -> ReviewDecisionRow | None:
    statement = select(ReviewDecisionRow).where(_is(ReviewDecisionRow.task_id, task_id))
    return (await session.execute(statement)).scalar_one_or_none()


async def _require_buyable(session: AsyncSession, card: CardRow, given: Corrections) -> None:
    """An approved card can be asked about and paid for: its number is known, and so is its worth."""
    quote: Any = QuoteRow
    latest = select(quote.amount_minor).where(quote.card_id == card.id).order_by(quote.created_at.desc()).limit(1)
    valued = (await session.execute(latest)).scalar_one_or_none() or 0
    if given.number is None and card.number_sealed is None:
        raise CardNumberInvalid(brand=card.brand, why="missing")
    require_complete(card, given)
    require_payable(card, given, valued)


def _require_sense(
    outcome: ReviewOutcome,
    reject_reason: RejectReason | None,
    asked_item: AskedItem | None,
    given: Corrections,
    note: str,
) -> None:
    """A rejection has a reason, a question an item, a correction its fields, and no other outcome has any."""
    if len(note) > NOTE_LENGTH_MAX:
        raise FieldInvalid(field="note", why="too_long")
    needed = {
        "reject_reason": (outcome is ReviewOutcome.REJECT, reject_reason is not None),
        "asked_item": (outcome is ReviewOutcome.ASK_AGAIN, asked_item is not None),
        "fields": (outcome is ReviewOutcome.APPROVE_CORRECTED, not given.is_empty),
    }
    for field, (wanted, present) in needed.items():
        if wanted is not present:
            raise FieldInvalid(field=field, why="missing" if wanted else "not_expected")
    if reject_reason is RejectReason.OTHER and not note.strip():
        raise FieldInvalid(field="note", why="missing")


def _held_by_another(task: ReviewTaskRow) -> TaskHeldByAnother:
    until = task.leased_until.isoformat() if task.leased_until else ""
    return TaskHeldByAnother(holder=task.leased_by or "", until=until)


def _audit(person: str, act: str, subject: str, reason: str) -> AuditRow:
    return AuditRow(actor=f"person:{person}", act=act, subject=subject, reason=reason)


def _is(column: Any, value: Any) -> Any:
    """`column == value` in SQL; the tables annotate their columns as the values they hold."""
    return column == value


def _c(table: Any) -> Any:
    """A table whose attributes are columns; SQLModel annotates them as the values they hold."""
    return table
