"""When a machine may buy a card by itself: the assessment that sends the rest to a person, as one pure function."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from domain.cards import CardStatus, CardType
from domain.money import BASIS_POINTS_PER_ONE, Money
from domain.review import ReviewReason
from domain.rules.brands import Brand, Check
from domain.rules.limits import Limits

ALWAYS_REVIEWED = frozenset({CardType.DINING, CardType.REGIONAL})
NEIGHBOUR_DISTANCE_MAX = 3


@dataclass(frozen=True)
class CardClaims:
    """What card and seller say. `lowest_confidence_bp` is of fields that were read and not confirmed since;
    `typed_differs`: the seller typed something else than was clearly read."""

    card_type: CardType
    face_value: Money | None
    expires_on: date | None
    lowest_confidence_bp: int = BASIS_POINTS_PER_ONE
    typed_differs: bool = False
    number_valid: bool = True
    neighbours: int = 0  # Cards of other owners, within a day, whose number is at most three steps away.


@dataclass(frozen=True)
class PartyAnswer:
    """What the last answer about these fields says; its `balance` may be less than the face value, never more."""

    status: CardStatus
    balance: Money | None = None
    expires_on: date | None = None
    pin_wrong: bool = False
    silent: bool = False  # The outlet gave no answer in time.


def reasons_of(
    claims: CardClaims, answer: PartyAnswer, value: Money | None, limits: Limits
) -> tuple[ReviewReason, ...]:
    """Every reason why a person must look, in the order of the enum; none when a machine may buy.

    `value` is the quote in CNY, None when nothing could be valued yet.
    """
    found = {
        ReviewReason.CARD_TYPE: claims.card_type in ALWAYS_REVIEWED,
        ReviewReason.LOW_CONFIDENCE: claims.lowest_confidence_bp < limits.confidence_bp_min,
        ReviewReason.CONFLICTING_ANSWERS: claims.typed_differs or conflicts(claims, answer),
        ReviewReason.HIGH_VALUE: value is not None and not limits.machine_may_buy(claims.card_type, value),
        ReviewReason.FORGED_NUMBER: not claims.number_valid or claims.neighbours > limits.neighbours_max,
        ReviewReason.ISSUER_UNKNOWN: answer.status is CardStatus.UNKNOWN and not answer.silent,
        ReviewReason.WRONG_PIN: answer.pin_wrong,
        ReviewReason.OUTLET_SILENT: answer.silent,
    }
    return tuple(reason for reason, holds in found.items() if holds)


def conflicts(claims: CardClaims, answer: PartyAnswer) -> bool:
    """Whether the answer contradicts card or seller. Part of the value spent is no contradiction."""
    return _expiry_conflicts(claims, answer) or _balance_conflicts(claims, answer)


def neighbours_of(brand: Brand, number: str) -> Iterator[str]:
    """The numbers up to three steps before and after this one, each with its own right check character.

    A run of such numbers from several owners is how forged series show themselves.
    """
    checked = 0 if brand.check is Check.NONE else 1
    body = number[: len(number) - checked]
    start = len(body) - len(body.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    prefix, serial = body[:start], body[start:]
    base = 10 if serial.isdigit() else 36
    for step in range(-NEIGHBOUR_DISTANCE_MAX, NEIGHBOUR_DISTANCE_MAX + 1):
        stepped = int(serial, base) + step if serial else -1
        if step and 0 <= stepped < base ** len(serial):
            neighbour = prefix + _written(stepped, base, len(serial))
            yield neighbour + _check_character(brand.check, neighbour)


def _expiry_conflicts(claims: CardClaims, answer: PartyAnswer) -> bool:
    known = claims.expires_on is not None and answer.expires_on is not None
    return known and claims.expires_on != answer.expires_on


def _balance_conflicts(claims: CardClaims, answer: PartyAnswer) -> bool:
    if claims.face_value is None or answer.balance is None:
        return False
    if claims.face_value.currency is not answer.balance.currency:
        return True
    differs = answer.balance.amount_minor - claims.face_value.amount_minor
    # An untouched card holds its face value; a partly used one holds less; none ever holds more.
    return differs > 0 or (differs < 0 and answer.status is CardStatus.ACTIVE)


def _written(number: int, base: int, width: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    written = ""
    for _ in range(width):
        number, digit = divmod(number, base)
        written = digits[digit] + written
    return written


def _check_character(check: Check, body: str) -> str:
    if check is Check.LUHN:
        return str(luhn.calc_check_digit(body))
    return str(mod_37_36.calc_check_digit(body)) if check is Check.ISO7064_MOD37_36 else ""
