"""What a reviewer types into the card's fields, judged while they type: the brand's rules, and what the photo surely shows."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

from database.tables.columns import now
from domain.cards.reading import FieldName
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.money import Money
from domain.rules.brands import Brand, brand, tidy_number
from domain.rules.number_check import NumberCheck, checked
from domain.sealing import KeyRing
from reviewer_ui.review.card_readings import OpenCard
from reviewer_ui.review.draft import Draft
from services.cards.corrections import Corrections, against_readings, mark_of
from web import forms


@dataclass(frozen=True)
class TypedView:
    """One typed field. `number` is held beside its rule; `refusal` says what is wrong with another field, None for nothing.

    `read_bp` is how surely the photo shows something else, None where it does not; `mark` confirms the typed value all the same.
    """

    name: FieldName
    number: NumberCheck | None = field(repr=False)
    refusal: Refusal | None
    read_bp: int | None = None
    mark: str = ""
    confirmed: bool = False


def typed_view(
    opened: OpenCard, keyring: KeyRing, draft: Draft, confirmed: Collection[str], *, compare: bool
) -> tuple[TypedView, ...]:
    """Return the checks of each typed field. `compare`: check against the reading too, for the holder of the task."""
    record, kind, card = opened.record, brand(opened.record.card.brand), opened.record.card
    given, refusals = _given(kind, draft)
    written = given.written()
    current = {photo.id for photo in record.photos if photo.current}
    readings = [row for row in record.readings if row.photo_id in current]
    on_card = given.number or opened.on_card[FieldName.NUMBER]
    differing = against_readings(readings, opened.fields_of, card.brand, written, on_card) if compare else {}
    views = []
    for name in FieldName:
        if name not in written and name not in refusals:
            continue
        number = checked(kind, tidy_number(draft.number), clear=True) if name is FieldName.NUMBER else None
        mark = mark_of(keyring, card.id, name, written[name]) if name in differing else ""
        views.append(
            TypedView(name, number, refusals.get(name), differing.get(name), mark, bool(mark) and mark in confirmed)
        )
    return tuple(views)


def money_of(text: str, kind: Brand) -> Money:
    """Return the amount in the brand's currency. Refuses FieldInvalid."""
    return forms.money_of(FieldName.FACE_VALUE.value, text, kind.currency, "not_an_amount")


def day_of(text: str) -> date:
    """Return the day of an ISO 8601 text. Refuses FieldInvalid."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise FieldInvalid(field=FieldName.EXPIRY.value, why="not_a_date") from None


def _given(kind: Brand, draft: Draft) -> tuple[Corrections, dict[FieldName, Refusal]]:
    """The fields that the brand could have, and what is wrong with the others."""
    good: dict[str, object] = {}
    refusals: dict[FieldName, Refusal] = {}
    readers = {
        FieldName.NUMBER: (draft.number, kind.require_number),
        FieldName.PIN: (draft.pin, kind.require_pin),
        FieldName.FACE_VALUE: (draft.face_value, lambda text: kind.require_face_value(money_of(text, kind))),
        FieldName.EXPIRY: (draft.expiry, lambda text: kind.require_unexpired(day_of(text), now())),
    }
    for name, (text, read) in readers.items():
        if not text.strip():
            continue
        try:
            good[name.value] = read(text)
        except Refusal as refusal:
            refusals[name] = refusal
    return Corrections(**good), refusals  # type: ignore[arg-type]  # By field, each as its reader gives it.
