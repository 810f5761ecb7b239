"""What a checker is shown of a staged decision; in blind mode nothing of it before they have said what they would do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from database.reads.cards.card_page import CardRecord
from database.tables.review import ReviewDecisionRow
from domain.cards.reading import FieldName
from domain.cards.review import ReviewOutcome
from domain.money import Money
from domain.people.roles import Permission
from domain.review.four_eyes import CheckNeed
from domain.rules.brands import masked
from domain.sealing import KeyRing
from domain.work.task import TaskPhase
from reviewer_ui.review.deciding import HIDDEN
from reviewer_ui.sessions import Person
from services.cards.corrections import Corrections, corrections_in


@dataclass(frozen=True)
class MadeView:
    """The maker's outcome. `price` is what applying it pays, where that is known already."""

    outcome: ReviewOutcome
    detail: str | None  # Key of the reject reason's or asked item's word.
    corrected: tuple[tuple[FieldName, str | Money | date], ...]  # Masked where they are secret.
    note: str
    by: str
    at: datetime
    price: Money | None


@dataclass(frozen=True)
class CheckView:
    """The bar of the second look; `made` is None until a blind checker has answered."""

    need: CheckNeed
    blind: bool
    own: ReviewOutcome | None  # What the blind checker would do.
    made: MadeView | None

    @property
    def agrees(self) -> bool:
        """Whether the outcome may be applied by this checker."""
        return self.made is not None and (not self.blind or self.own is self.made.outcome)


def check_view(record: CardRecord, keyring: KeyRing, person: Person) -> CheckView | None:
    """Return the bar for the holder of a task that awaits second review; None for all others."""
    task, made = record.task, record.standing_decision
    if task is None or made is None or task.phase is not TaskPhase.CHECK or task.leased_by != person.id:
        return None
    if task.decided or not person.may(Permission.CHECK):
        return None
    own = task.blind_outcome if task.blind_by == person.id else None
    hidden = task.blind and own is None
    return CheckView(CheckNeed(made.needs_check), task.blind, own, None if hidden else _made(record, made, keyring))


def _made(record: CardRecord, made: ReviewDecisionRow, keyring: KeyRing) -> MadeView:
    detail = f"reject_reason.{made.reject_reason.value}" if made.reject_reason else None
    quote = record.quote
    return MadeView(
        outcome=made.outcome,
        detail=f"asked_item.{made.asked_item.value}" if made.asked_item else detail,
        corrected=tuple(_masked(corrections_in(made, keyring))),
        note=made.note,
        by=record.names.get(made.person_id or "", ""),
        at=made.made_at,
        price=Money(quote.amount_minor, quote.currency) if quote and made.outcome is ReviewOutcome.APPROVE else None,
    )


def _masked(given: Corrections) -> list[tuple[FieldName, str | Money | date]]:
    shown = {
        FieldName.NUMBER: None if given.number is None else masked(given.number),
        FieldName.PIN: None if given.pin is None else HIDDEN,
        FieldName.FACE_VALUE: given.face_value,
        FieldName.EXPIRY: given.expiry,
    }
    return [(name, value) for name, value in shown.items() if value is not None]
