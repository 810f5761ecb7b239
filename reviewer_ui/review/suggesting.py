"""What the machine goes by when it suggests a decision, taken from the card's record; secrets are opened here and stay here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime

from database.reads.cards.card_page import CardRecord
from database.reads.cards.latest_readings import by_look
from database.tables.cards import AnswerRow
from domain.cards.card import CardStatus, CardType
from domain.cards.reading import FieldName, confidence_bp, money_from
from domain.cards.review import ReviewOutcome, ReviewReason
from domain.cards.verification import Answer
from domain.money import Money
from domain.places import business_day
from domain.review.suggestion import FieldSeen, Suggestion, SuggestionInput, suggest
from domain.rules.assessment import CardClaims, conflicts, heard
from domain.rules.brands import Brand, brand, tidy_number
from domain.rules.limits import limits_in_force
from domain.rules.reading import reading_in_force
from domain.work.task import CameBack
from reviewer_ui.review.card_readings import OpenCard
from services.cards.readings_of_card import ReadAs, of_card

# Cards of an online shop: no till or outlet could look at them.
WITHOUT_STORE = frozenset({CardType.ECOMMERCE, CardType.CROSSBORDER})
ENTERED = (FieldName.NUMBER, FieldName.PIN, FieldName.FACE_VALUE, FieldName.EXPIRY)


@dataclass(frozen=True)
class Suggested:
    """A suggestion with the values, as the form writes them, of the fields that it corrects."""

    suggestion: Suggestion
    values: dict[FieldName, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class _Read:
    """A field of one reading, as text; secret."""

    name: FieldName
    value: str = field(repr=False)
    confidence_bp: int
    confirmed: bool


def suggested(card: OpenCard) -> Suggested:
    """Compute what the system would decide about this card now; the same record always gives the same."""
    record = card.record
    kind, moment = brand(record.card.brand), datetime.now(UTC)
    today = kind.today(moment)
    standing = {name: value for name, value in card.on_card.items() if value is not None}
    read = list(_all_read(card))
    names = [name for name in ENTERED if name is not FieldName.PIN or kind.pin is not None]
    offered = {name: found for name in names if (found := _offered(name, standing, read, kind, today)) is not None}
    fitting = {name for name in names if name not in standing or _is_good(name, standing[name], kind, today)}
    own = reading_in_force(business_day(moment))
    seen = tuple(
        replace(
            _seen(name, standing, read, offered), fits=name in fitting, limit_bp=own.own_bp(record.card.brand, name)
        )
        for name in names
    )
    number = standing.get(FieldName.NUMBER)
    proposal = suggest(
        _sight(record, seen, None if number is None else kind.is_valid(number)), _confidence_min(business_day(moment))
    )
    return Suggested(proposal, {name: _as_typed(name, offered[name].value) for name in proposal.corrections})


def _sight(record: CardRecord, seen: tuple[FieldSeen, ...], number_valid: bool | None) -> SuggestionInput:
    card, task = record.card, record.task
    fresh = [_answer(row, record) for row in reversed(record.answers) if _is_fresh(row, record)]
    answer = heard(fresh)
    claims = CardClaims(card.card_type, None if card.face_value_minor is None else Money(card.face_value_minor, card.currency), card.expires_on)  # fmt: skip
    known = answer.status is not CardStatus.UNKNOWN
    pin_right = any(one.details.get("pin") == "right" for one in fresh)
    return SuggestionInput(
        reasons=frozenset(ReviewReason(one) for one in (task.reasons if task else ())),
        fields=seen,
        number_valid=number_valid,
        answered=known,
        has_store=card.card_type not in WITHOUT_STORE,
        conflict=known and conflicts(claims, answer),
        pin_said="wrong" if answer.pin_wrong else "right" if pin_right else "",
        has_pin=brand(card.brand).pin is not None,
        entry_needed=card.card_type is CardType.REGIONAL and not record.fields_entered,
        worth_known=bool(record.quote and record.quote.amount_minor) or card.face_value_minor is not None,
        store_asked=_store_asked(record),
    )


def _seen(
    name: FieldName, standing: dict[FieldName, str], read: list[_Read], offered: dict[FieldName, _Read]
) -> FieldSeen:
    same = [one for one in read if one.name is name and one.value == standing.get(name)]
    unsettled = bool(same) and not any(one.confirmed for one in same)
    return FieldSeen(
        name=name,
        present=name in standing,
        confidence_bp=max(one.confidence_bp for one in same) if unsettled else None,
        candidate_bp=offered[name].confidence_bp if name in offered else None,
    )


def _offered(
    name: FieldName, standing: dict[FieldName, str], read: list[_Read], kind: Brand, today: date
) -> _Read | None:
    """The surest other value of the photo that the brand could have issued."""
    others = [one for one in read if one.name is name and one.value != standing.get(name)]
    good = [one for one in others if _is_good(name, one.value, kind, today)]
    return max(good, key=lambda one: one.confidence_bp, default=None)


def _is_good(name: FieldName, value: str, kind: Brand, today: date) -> bool:
    match name:
        case FieldName.NUMBER:
            return kind.is_valid(value)
        case FieldName.PIN:
            return kind.pin is not None and re.fullmatch(kind.pin, value) is not None
        case FieldName.FACE_VALUE:
            face, (least, most) = money_from(value), kind.face_minor
            return face.currency is kind.currency and least <= face.amount_minor <= most
        case _:
            return date.fromisoformat(value) >= today


def _all_read(card: OpenCard) -> Iterator[_Read]:
    """What was read of this card in the current photos; other cards in them are left out."""
    record = card.record
    current = {photo.id for photo in record.photos if photo.current}
    readings = [row for row in record.readings if row.photo_id in current]
    own = of_card(by_look(readings), card.numbers(readings), brand(record.card.brand), card.on_card[FieldName.NUMBER])
    for row in own:
        yield from _read(card.fields_of(row), entered=record.card.card_type is CardType.REGIONAL)


def _read(fields: Iterable[ReadAs], *, entered: bool) -> Iterator[_Read]:
    for name, value, kept in fields:
        secret = name in (FieldName.NUMBER, FieldName.PIN)
        confirmed = kept.get("use") == "confirmed" and not entered
        yield _Read(name, tidy_number(value) if secret else value, confidence_bp(kept), confirmed)


def _is_fresh(row: AnswerRow, record: CardRecord) -> bool:
    return row.failure is None and row.fields_revision == record.card.fields_revision


def _answer(row: AnswerRow, record: CardRecord) -> Answer:
    currency = row.currency or record.card.currency
    balance = None if row.balance_minor is None else Money(row.balance_minor, currency)
    return Answer(row.party, row.operation, row.request_id, row.status, balance, row.expires_on, 0, 0, row.details)


def _store_asked(record: CardRecord) -> bool:
    handed = any(one.outcome is ReviewOutcome.HAND_TO_STORE and one.applied_at for one in record.decisions)
    return handed or (record.task is not None and record.task.came_back is CameBack.STORE_ANSWERED)


def _as_typed(name: FieldName, value: str) -> str:
    return money_from(value).decimal_text() if name is FieldName.FACE_VALUE else value


def _confidence_min(today: date) -> int:
    return limits_in_force(today).confidence_bp_min
