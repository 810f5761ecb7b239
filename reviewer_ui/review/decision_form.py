"""The decision form read: what was pressed and typed becomes a decision, or is refused before anything is written."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypeVar

from database.reads.cards.card_page import CardRecord
from domain.cards.card import CardType
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.errors.general import FieldInvalid
from domain.errors.review import SuggestionChanged
from domain.rules.brands import brand
from reviewer_ui.review.draft import Draft
from reviewer_ui.review.suggesting import Suggested
from reviewer_ui.review.typed import day_of, money_of
from services.cards.corrections import Corrections

ACCEPT = "accept"
Chosen = TypeVar("Chosen")


def accepted(draft: Draft, found: Suggested, mark: str) -> Draft:
    """Return the draft with what was suggested in it. Refuses SuggestionChanged when that is not what the page showed."""
    suggestion = found.suggestion
    if suggestion.outcome is None or suggestion.mark != mark:
        raise SuggestionChanged()
    if draft.typed:
        raise FieldInvalid(field="outcome", why="typed_not_used")
    given = {
        "outcome": suggestion.outcome.value,
        "reason_code": suggestion.reason_code,
        "asked_item": suggestion.asked_item.value if suggestion.asked_item else "",
        **{name.value: text for name, text in found.values.items()},
    }
    return Draft(**{**asdict(draft), **given})


def as_decision(draft: Draft, record: CardRecord) -> dict[str, Any]:
    """Return the draft as arguments of `record_decision`. Refuses FieldInvalid, and fields that break the brand's rules."""
    outcome = _one_of(ReviewOutcome, draft.outcome, "outcome")
    entry_needed = record.card.card_type is CardType.REGIONAL and not record.fields_entered
    if outcome is ReviewOutcome.APPROVE and entry_needed:
        raise FieldInvalid(field="number", why="entry_needed")
    if outcome is ReviewOutcome.APPROVE and draft.typed:
        raise FieldInvalid(field="outcome", why="typed_not_used")
    rejected = outcome is ReviewOutcome.REJECT and not draft.reason_code
    return {
        "outcome": outcome,
        "reason_code": draft.reason_code,
        "reject_reason": _one_of(RejectReason, draft.reject_reason, "reject_reason") if rejected else None,
        "asked_item": _one_of(AskedItem, draft.asked_item, "asked_item")
        if outcome is ReviewOutcome.ASK_AGAIN
        else None,
        "corrected": _corrected(draft, record, entry_needed) if outcome is ReviewOutcome.APPROVE_CORRECTED else None,
        "note": draft.note.strip(),
    }


def _corrected(draft: Draft, record: CardRecord, needed: bool) -> Corrections:
    """The fields as entered, checked by the brand's rules; an empty one leaves the card's own as it is."""
    kind = brand(record.card.brand)
    if needed and not (draft.number.strip() and draft.face_value.strip()):
        raise FieldInvalid(field="number" if not draft.number.strip() else "face_value", why="entry_needed")
    if not draft.typed:
        raise FieldInvalid(field="number", why="nothing_corrected")
    return Corrections(
        number=kind.require_number(draft.number) if draft.number.strip() else None,
        pin=kind.require_pin(draft.pin) if draft.pin.strip() or needed else None,
        face_value=kind.require_face_value(money_of(draft.face_value, kind)) if draft.face_value.strip() else None,
        expiry=day_of(draft.expiry) if draft.expiry.strip() else None,
    )


def _one_of(kind: type[Chosen], given: str, name: str) -> Chosen:
    found = next((member for member in kind if member == given), None)  # type: ignore[attr-defined]
    if found is None:
        raise FieldInvalid(field=name, why="missing")
    return found  # type: ignore[no-any-return]
