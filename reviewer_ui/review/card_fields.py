"""The fields of a card as the card page shows them: opened only to be checked against the brand's rules, shown masked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from database.reads.cards.card_page import CardRecord
from database.sealed import doubts_of
from database.tables.cards import AnswerRow
from domain.cards.card import CardStatus
from domain.cards.reading import SECRET_FIELDS, Box, Doubt, FieldName, Reason, confidence_bp, money_from
from domain.cards.verification import Party
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.brands import Brand, brand, masked, tidy_number
from domain.rules.number_check import NumberCheck, checked
from domain.rules.reading import sure_from_bp
from domain.sealing import KeyRing
from reviewer_ui.review.card_readings import FieldRead, OpenCard, Seen, fields_read
from reviewer_ui.review.card_view import box_of, crop_of
from reviewer_ui.sessions import Person
from services.cards.corrections import same_value

HIDDEN = "••••••"
SHOWN_FIELDS = (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE, FieldName.EXPIRY)


@dataclass(frozen=True)
class CheckView:
    """One rule of the brand about a field, by its key, and whether the field keeps it."""

    key: str
    holds: bool
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class SaidView:
    """A party's answer about a field; `agrees` is False when it differs from the recorded value."""

    party: Party
    value: Money | date | str
    agrees: bool


@dataclass(frozen=True)
class OtherView:
    """Another value that the `photo`th photo surely shows, masked where it is secret."""

    photo: int
    value: str | Money | date | None
    confidence_bp: int


@dataclass(frozen=True)
class FieldView:
    """One field: the recorded value, and the value read where it counts, both masked where they are secret.

    `differs`: the value read differs from the recorded one, for secrets too, whose difference masks may hide.
    `limit_bp` is the confidence below which the value read is doubtful. `number` tells the number beside its brand's rule, place by place.
    """

    name: FieldName
    value: str | Money | date | None
    read: str | Money | date | None
    differs: bool
    confidence_bp: int | None
    doubtful: bool
    limit_bp: int
    reasons: tuple[Reason, ...]  # What speaks against the value that was read.
    alternatives: int  # Other values that the same print could mean.
    doubts: tuple[int, ...]  # Places (from 1) at which the reader saw more than one character.
    others: tuple[OtherView, ...]
    photo_id: str | None
    crop: Box | None
    answers: tuple[SaidView, ...]
    checks: tuple[CheckView, ...]
    number: NumberCheck | None
    revealable: bool


@dataclass(frozen=True)
class _Opened:
    """A card's fields in the clear, for the time in which its page is made: `on_card` as a reading writes them, and what was `read`."""

    record: CardRecord
    kind: Brand
    on_card: Mapping[FieldName, str | None] = field(repr=False)
    read: Mapping[FieldName, FieldRead]

    def value_read(self, name: FieldName) -> str | None:
        """Return the value read where it counts: secret."""
        return self.read[name].seen.value if name in self.read else None


def fields(card: OpenCard, person: Person, clear: bool, hidden: Collection[FieldName] = ()) -> tuple[FieldView, ...]:
    """Number, PIN, face value and expiry, each with its reading, the answers beside it, and its brand's rules; no crop of `hidden` ones."""
    opened = _open(card)
    names = [name for name in SHOWN_FIELDS if name is not FieldName.PIN or opened.kind.pin is not None]
    return tuple(_field(name, opened, person, clear and name not in hidden) for name in names)


def _open(card: OpenCard) -> _Opened:
    return _Opened(card.record, brand(card.record.card.brand), card.on_card, fields_read(card))


def _field(name: FieldName, opened: _Opened, person: Person, clear: bool) -> FieldView:
    read = opened.read.get(name)
    kept: Mapping[str, Any] = read.seen.kept if read else {}
    photo = read.seen.photo if read and clear else None
    box = box_of(kept) if photo else None
    confidence = confidence_bp(kept) if read else None
    on_card, limit = opened.on_card[name], _sure_from(opened, name)
    return FieldView(
        name=name,
        value=_shown(name, on_card),
        read=_shown(name, read.seen.value) if read else None,
        differs=on_card is not None and read is not None and not same_value(name, on_card, read.seen.value),
        confidence_bp=confidence,
        doubtful=confidence is not None and confidence < limit,
        limit_bp=limit,
        reasons=tuple(Reason(one) for one in kept.get("reasons", ())),
        alternatives=kept.get("alternatives", 0),
        doubts=tuple(kept.get("doubts", ())),
        others=tuple(_other(one) for one in (read.others if read else ())),
        photo_id=photo.id if photo and box else None,
        crop=crop_of(box, photo) if photo and box else None,
        answers=_said_of(name, opened.record),
        checks=_checks(name, opened),
        number=_number(opened) if name is FieldName.NUMBER else None,
        revealable=person.may(Permission.REVEAL) and name in SECRET_FIELDS and on_card is not None,
    )


def _other(seen: Seen) -> OtherView:
    return OtherView(seen.number, _shown(seen.name, seen.value), confidence_bp(seen.kept))


def _sure_from(opened: _Opened, name: FieldName) -> int:
    return sure_from_bp(opened.record.card.brand, name, business_day(datetime.now(UTC)))


def _shown(name: FieldName, value: str | None) -> str | Money | date | None:
    if value is None:
        return None
    if name in SECRET_FIELDS:
        return masked(value) if name is FieldName.NUMBER else HIDDEN
    return money_from(value) if name is FieldName.FACE_VALUE else date.fromisoformat(value)


def _number(opened: _Opened) -> NumberCheck | None:
    """Return the card's number, or the one read while none is recorded, with only its last four characters in the clear."""
    on_card, read = opened.on_card[FieldName.NUMBER], opened.value_read(FieldName.NUMBER)
    read = None if read is None else tidy_number(read)
    number = on_card or read
    return None if number is None else checked(opened.kind, number, clear=False, other=read if on_card else None)


def in_clear(card: OpenCard) -> tuple[NumberCheck, ...]:
    """Check the number on the card with every character shown, and, where photos show others, those beside it.

    Only right after the number was revealed, with a reason in the audit log.
    """
    opened = _open(card)
    on_card, read = opened.on_card[FieldName.NUMBER], opened.read.get(FieldName.NUMBER)
    if on_card is None:
        return ()
    values = [tidy_number(one.value) for one in (read.seen, *read.others)] if read else []
    pairs = [(on_card, values[0] if values else None), *((one, on_card) for one in values if one != on_card)]
    return tuple(checked(opened.kind, one, clear=True, other=other) for one, other in pairs)


def doubts_in_clear(card: OpenCard, keyring: KeyRing, name: FieldName) -> tuple[Doubt, ...]:
    """Return the places at which the reading that counts saw more than one character. Only right after the field was revealed."""
    read = _open(card).read.get(name)
    return () if read is None else doubts_of(keyring, read.seen.reading, name)


# The questions whose answers speak of the card itself: not of codes, rates, licences, or of a party's silence.
SPEAKS_OF_CARD = frozenset({"inquire", "consumption", "check", "confirm"})


def _said_of(name: FieldName, record: CardRecord) -> tuple[SaidView, ...]:
    said: dict[Party, Money | date | str] = {}
    for answer in _fresh(record):
        value = _said(name, answer, record.card.currency) if answer.operation in SPEAKS_OF_CARD else None
        if value is not None:  # Silence, and what was not asked, neither agree nor differ.
            said[answer.party] = value
    return tuple(SaidView(party, value, _agrees(name, value, record)) for party, value in said.items())


def _agrees(name: FieldName, value: Money | date | str, record: CardRecord) -> bool:
    card = record.card
    if name is FieldName.NUMBER:
        return value == CardStatus.ACTIVE.value
    if name is FieldName.PIN:
        return value == "right"
    if name is FieldName.EXPIRY:
        return card.expires_on is None or value == card.expires_on
    return card.face_value_minor is None or value == Money(card.face_value_minor, card.currency)


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


def _checks(name: FieldName, opened: _Opened) -> tuple[CheckView, ...]:
    """Check PIN, face value and expiry against the brand's rules; the number is checked place by place elsewhere."""
    card, kind, pin = opened.record.card, opened.kind, opened.on_card[FieldName.PIN]
    if name is FieldName.PIN and pin is not None:
        holds = re.fullmatch(kind.pin or "", pin) is not None
        return (CheckView("console.check.pin_pattern", holds, {"length": len(pin)}),)
    if name is FieldName.FACE_VALUE and card.face_value_minor is not None:
        least, most = kind.face_minor
        return (CheckView("console.check.face_value", least <= card.face_value_minor <= most),)
    if name is FieldName.EXPIRY and card.expires_on is not None:
        return (CheckView("console.check.expiry", card.expires_on >= kind.today(datetime.now(UTC))),)
    return ()
