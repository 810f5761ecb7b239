"""The fields of a card as the card page shows them: opened only to be checked against the brand's rules, shown masked."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from database.reads.console import CardRecord
from database.tables.reading import ReadingRow
from database.tables.verification import AnswerRow
from domain.money import BASIS_POINTS_PER_ONE, Currency, Money
from domain.people import Permission
from domain.reading import SECRET_FIELDS, Box, FieldName, money_from
from domain.rules.brands import Brand, brand, masked
from domain.rules.limits import limits_in_force
from domain.sealing import KeyRing
from domain.verification import Party
from reviewer_ui.pages.card_view import box_of, crop_of
from reviewer_ui.sessions import Person

HIDDEN = "••••••"
SHOWN_FIELDS = (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE, FieldName.EXPIRY)


@dataclass(frozen=True)
class CheckView:
    """One rule of the brand about a field, by its key, and whether the field keeps it."""

    key: str
    holds: bool
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class FieldView:
    """One field: what stands on the card now and what was read, both masked where they are secret."""

    name: FieldName
    value: str | Money | date | None
    read: str | Money | date | None
    confidence_bp: int | None
    doubtful: bool
    photo_id: str | None
    crop: Box | None
    answers: tuple[tuple[Party, Money | date | str], ...]
    checks: tuple[CheckView, ...]
    revealable: bool


def fields(record: CardRecord, keyring: KeyRing, person: Person, clear: bool) -> tuple[FieldView, ...]:
    """Number, PIN, face value and expiry, each with its reading, the answers beside it, and its brand's rules."""
    kind = brand(record.card.brand)
    reading = next(iter(record.readings), None)
    values = {} if reading is None else _read_values(reading, keyring)
    names = [name for name in SHOWN_FIELDS if name is not FieldName.PIN or kind.pin is not None]
    return tuple(_field(name, record, keyring, kind, reading, values, person, clear) for name in names)


def _read_values(reading: ReadingRow, keyring: KeyRing) -> dict[str, str]:
    opened = keyring.open_text(reading.values_sealed, purpose="reading", aad=f"reading:{reading.id}:values")
    return {str(name): str(value) for name, value in json.loads(opened).items() if value is not None}


def _field(
    name: FieldName, record: CardRecord, keyring: KeyRing, kind: Brand, reading: ReadingRow | None,
    values: Mapping[str, str], person: Person, clear: bool,
) -> FieldView:  # fmt: skip
    found = next((one for one in (reading.fields if reading else ()) if one["name"] == name.value), None)
    photo = next((one for one in record.photos if reading is not None and one.id == reading.photo_id), None)
    box = box_of(found) if found and photo else None
    confidence = _confidence_bp(found) if found else None
    return FieldView(
        name=name,
        value=_on_card(name, record),
        read=_as_read(name, values.get(name.value)),
        confidence_bp=confidence,
        doubtful=confidence is not None and confidence < _confidence_min(),
        photo_id=photo.id if photo and box and clear else None,
        crop=crop_of(box, photo) if photo and box and clear else None,
        answers=_said_of(name, record),
        checks=_checks(name, record, keyring, kind),
        revealable=person.may(Permission.REVEAL) and _sealed(name, record) is not None,
    )


def _confidence_bp(found: Mapping[str, Any]) -> int:
    if "confidence_bp" in found:
        return int(found["confidence_bp"])
    return round(float(found["confidence"]) * BASIS_POINTS_PER_ONE)


def _confidence_min() -> int:
    return limits_in_force(datetime.now(UTC).date()).confidence_bp_min


def _sealed(name: FieldName, record: CardRecord) -> bytes | None:
    secrets = {FieldName.NUMBER: record.card.number_sealed, FieldName.PIN: record.card.pin_sealed}
    return secrets.get(name)


def _on_card(name: FieldName, record: CardRecord) -> str | Money | date | None:
    card = record.card
    if name is FieldName.NUMBER:
        return masked(card.number_tail) if card.number_tail else None
    if name is FieldName.PIN:
        return HIDDEN if card.pin_sealed else None
    if name is FieldName.FACE_VALUE:
        return None if card.face_value_minor is None else Money(card.face_value_minor, card.currency)
    return card.expires_on


def _as_read(name: FieldName, value: str | None) -> str | Money | date | None:
    if value is None:
        return None
    if name in SECRET_FIELDS:
        return masked(value) if name is FieldName.NUMBER else HIDDEN
    return money_from(value) if name is FieldName.FACE_VALUE else date.fromisoformat(value)


def _said_of(name: FieldName, record: CardRecord) -> tuple[tuple[Party, Money | date | str], ...]:
    said = ((answer.party, _said(name, answer, record.card.currency)) for answer in _fresh(record))
    return tuple((party, value) for party, value in dict(said).items() if value is not None)


def _fresh(record: CardRecord) -> list[AnswerRow]:
    """Answers to these very fields, oldest first, so that of one party the newest wins."""
    return [
        one
        for one in reversed(record.answers)
        if one.failure is None and one.fields_revision == record.card.fields_revision
    ]


def _said(name: FieldName, answer: AnswerRow, currency: Currency) -> Money | date | str | None:
    if name is FieldName.FACE_VALUE and answer.balance_minor is not None:
        return Money(answer.balance_minor, answer.currency or currency)
    if name is FieldName.EXPIRY:
        return answer.expires_on
    if name is FieldName.PIN and answer.details.get("pin") in ("right", "wrong"):
        return str(answer.details["pin"])
    return answer.status.value if name is FieldName.NUMBER else None


def _checks(name: FieldName, record: CardRecord, keyring: KeyRing, kind: Brand) -> tuple[CheckView, ...]:
    sealed = _sealed(name, record)
    if sealed is not None:
        plain = keyring.open_text(sealed, purpose="card", aad=f"card:{record.card.id}:{name.value}")
        return _number_checks(plain, kind) if name is FieldName.NUMBER else (_pin_check(plain, kind),)
    card = record.card
    if name is FieldName.FACE_VALUE and card.face_value_minor is not None:
        least, most = kind.face_minor
        return (CheckView("console.check.face_value", least <= card.face_value_minor <= most),)
    if name is FieldName.EXPIRY and card.expires_on is not None:
        return (CheckView("console.check.expiry", card.expires_on >= datetime.now(UTC).date()),)
    return ()


def _number_checks(number: str, kind: Brand) -> tuple[CheckView, ...]:
    pattern = CheckView("console.check.number_pattern", kind.matches_pattern(number), {"length": len(number)})
    if kind.check.value == "none":
        return (pattern,)
    return (pattern, CheckView("console.check.check_digit", kind.check_holds(number)))


def _pin_check(pin: str, kind: Brand) -> CheckView:
    holds = re.fullmatch(kind.pin or "", pin) is not None
    return CheckView("console.check.pin_pattern", holds, {"length": len(pin)})
