"""When a machine may buy a card automatically: the assessment that sends the rest to a person, as one pure function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from domain.cards.card import CardStatus, CardType
from domain.cards.review import ReviewReason
from domain.cards.verification import Answer, Party
from domain.money import BASIS_POINTS_PER_ONE, Money
from domain.rules.brand_document import Check
from domain.rules.brands import Brand
from domain.rules.limits import Limits

ALWAYS_REVIEWED = frozenset({CardType.DINING, CardType.REGIONAL})
NEIGHBOUR_DISTANCE_MAX = 3
# The operations whose answers speak of the card's worth; the others speak of codes, rates and licences.
OF_WORTH = frozenset({"inquire", "check", "confirm", "silence"})
# What an answer itself gives reason for; the rest is judged with the price.
OF_ANSWERS = frozenset(
    {
        ReviewReason.CONFLICTING_ANSWERS,
        ReviewReason.ISSUER_UNKNOWN,
        ReviewReason.WRONG_PIN,
        ReviewReason.OUTLET_SILENT,
    }
)


@dataclass(frozen=True)
class CardClaims:
    """What card and seller say. `lowest_confidence_bp` is of fields that were read and not confirmed since, without those
    whose brand has a limit of its own: `below_own_limit` says that one of them is below it. `typed_differs`: the seller
    typed something else than was clearly read."""

    card_type: CardType
    face_value: Money | None
    expires_on: date | None
    lowest_confidence_bp: int = BASIS_POINTS_PER_ONE
    below_own_limit: bool = False
    typed_differs: bool = False
    number_valid: bool = True
    rejected_before: int = 0  # Cards with this very number that a person rejected for cause.
    neighbours: int = 0  # Cards of other owners, within a day, whose number is at most three steps away.


@dataclass(frozen=True)
class PartyAnswer:
    """What the last answer about these fields says; its `balance` may be less than the face value, never more."""

    status: CardStatus
    balance: Money | None = None
    expires_on: date | None = None
    pin_wrong: bool = False
    silent: bool = False  # The outlet gave no answer in time.
    contradicts_itself: bool = False  # Two answers of one party name different balances.


def reasons_of(
    claims: CardClaims, answer: PartyAnswer, value: Money | None, limits: Limits
) -> tuple[ReviewReason, ...]:
    """Every reason why a person must look, in the order of the enum; none when a machine may buy.

    `value` is the quote in CNY, None when nothing could be valued yet.
    """
    found = {
        ReviewReason.CARD_TYPE: claims.card_type in ALWAYS_REVIEWED,
        ReviewReason.LOW_CONFIDENCE: claims.below_own_limit or claims.lowest_confidence_bp < limits.confidence_bp_min,
        ReviewReason.CONFLICTING_ANSWERS: claims.typed_differs or conflicts(claims, answer),
        ReviewReason.HIGH_VALUE: value is not None and not limits.machine_may_buy(claims.card_type, value),
        ReviewReason.FORGED_NUMBER: not claims.number_valid or claims.neighbours > limits.neighbours_max,
        ReviewReason.ISSUER_UNKNOWN: answer.status is CardStatus.UNKNOWN and not (answer.silent or answer.pin_wrong),
        ReviewReason.WRONG_PIN: answer.pin_wrong,
        ReviewReason.REJECTED_BEFORE: claims.rejected_before > 0,
        ReviewReason.OUTLET_SILENT: answer.silent,
    }
    return tuple(reason for reason, holds in found.items() if holds)


def conflicts(claims: CardClaims, answer: PartyAnswer) -> bool:
    """Return whether the answer contradicts card or seller. Part of the value spent is no contradiction."""
    return answer.contradicts_itself or _expiry_conflicts(claims, answer) or _balance_conflicts(claims, answer)


def heard(answers: Sequence[Answer]) -> PartyAnswer:
    """Combine all answers about the same fields, oldest first; the latest inquiry counts.

    Purchases make an active card a partly used one. No answer at all is an unknown card.
    """
    purchases = next((one for one in reversed(answers) if one.operation == "consumption"), None)
    status_of = next((one for one in reversed(answers) if one.operation in OF_WORTH), None)
    if status_of is None:
        return PartyAnswer(CardStatus.UNKNOWN)
    spent = purchases is not None and purchases.details.get("records", "0") != "0"
    status = CardStatus.PARTLY_USED if spent and status_of.status is CardStatus.ACTIVE else status_of.status
    balances = {one.balance for one in (status_of, purchases) if one is not None and one.balance is not None}
    return PartyAnswer(
        status=status,
        balance=status_of.balance,
        expires_on=status_of.expires_on,
        pin_wrong=status_of.details.get("pin") == "wrong",
        silent=status_of.operation == "silence" and status_of.party is Party.OUTLET,
        contradicts_itself=len(balances) > 1,
    )


def neighbours_of(brand: Brand, number: str) -> Iterator[str]:
    """Yield the numbers up to three steps before and after this one, each with its own right check character.

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
