"""What reviewers themselves do with a task in hand: decide it, and see a secret for a stated reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from activities.corrections import Corrections, checked_fields, require_complete, require_payable
from activities.review_queue import ReviewQueue, decision_on, require
from database.repositories import cards
from database.tables.columns import now
from database.tables.intake import CardRow
from database.tables.people import AuditRow
from database.tables.pricing import QuoteRow
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from domain.identifiers import new_id
from domain.people import Permission
from domain.reading import SECRET_FIELDS, FieldName
from domain.refusals import (
    CardNumberInvalid,
    FieldInvalid,
    NotFound,
    TaskDecided,
    TooManyTries,
)
from domain.review import AskedItem, RejectReason, ReviewOutcome

APPROVALS = frozenset({ReviewOutcome.APPROVE, ReviewOutcome.APPROVE_CORRECTED})
NOTE_LENGTH_MAX = 2000
REVEAL = "console:card:reveal_"
REVEALS_MAX, REVEALS_WITHIN = 60, timedelta(hours=1)  # A reviewer decides about forty cards an hour.


class Reviewing(ReviewQueue):
    """Deciding and seeing, beside what the queue gives."""

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
            await require(session, person, Permission.DECIDE)
            task = await session.get(ReviewTaskRow, task_id, with_for_update=True)
            if task is None:
                raise NotFound(task=task_id[:64])
            known = await decision_on(session, task_id)
            if known is not None:
                return self._repeated(known, person, outcome)
            if task.escalated:
                await require(session, person, Permission.DECIDE_ESCALATED)
            self.require_held(task, person)
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
        """A card's number or PIN in the clear, with the reason kept for ever.

        Refuses NotAllowed, FieldInvalid, NotFound, and TooManyTries to whoever has seen sixty within the hour.
        """
        if not reason.strip():
            raise FieldInvalid(field="reason", why="missing")
        if field not in SECRET_FIELDS:
            raise FieldInvalid(field="field", why="not_a_secret")
        async with self._database.transaction() as session:
            await require(session, person, Permission.REVEAL)
            await _require_reveals_left(session, person)
            card = await cards.load(session, card_id)
            opener = cards.open_number if field == FieldName.NUMBER else cards.open_pin
            secret = opener(self._keyring, card)
            if secret is None:
                raise NotFound(field=field)
            session.add(_audit(person, f"{REVEAL}{field}", card_id, reason))
        return secret

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


async def _require_reveals_left(session: AsyncSession, person: str) -> None:
    """Counted in the audit record itself, so that no process and no restart forgets one."""
    columns: Any = AuditRow
    since = now() - REVEALS_WITHIN
    seen = select(func.count()).where(
        columns.actor == f"person:{person}", columns.act.startswith(REVEAL), columns.at > since
    )
    if ((await session.execute(seen)).scalar_one()) >= REVEALS_MAX:
        raise TooManyTries(retry_after_s=int(REVEALS_WITHIN.total_seconds()))


def _audit(person: str, act: str, subject: str, reason: str) -> AuditRow:
    return AuditRow(actor=f"person:{person}", act=act, subject=subject, reason=reason)
