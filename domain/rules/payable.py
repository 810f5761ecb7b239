"""Judge what our own rows must prove before money is sent: a workflow's history alone is no proof."""

from __future__ import annotations

from dataclasses import dataclass

from domain.cards.card import CardStatus, CardType
from domain.cards.review import ReviewReason
from domain.cards.verification import CONFIRMED_BEFORE_PAYMENT, CONSEQUENCES, Consequence

# A person who approved the card without the issuer's word has approved it without the issuer's code, too.
WITHOUT_ISSUER = frozenset({ReviewReason.ISSUER_UNKNOWN, ReviewReason.WRONG_PIN})


@dataclass(frozen=True)
class PaymentProof:
    """What our rows say of a card whose seller is about to be paid.

    `open_reasons` are those of the quote's review reasons that no applied approval covers; `approved` are the covered
    ones of all its tasks.
    """

    card_type: CardType
    brands_type: CardType  # The type of the card's brand.
    ended: bool
    accepted: bool  # The quote is this card's, and its seller accepted it.
    quoted_as_it_is: bool  # The quote was made for the fields that the card has now.
    status: CardStatus  # What its parties say about these fields.
    open_reasons: frozenset[str]
    approved: frozenset[str]
    code_proved: bool  # The seller entered the issuer's one-time code.
    rate_locked: bool
    confirmed: bool  # The issuer confirmed the card for this quote after it was accepted.
    secured: bool = (
        True  # Its issuer holds it for us, offers no such thing, or was never asked because it knows no such card.
    )


def why_not_payable(card: PaymentProof) -> str | None:
    """Return the first thing that is missing, as a word for the log, or None when the seller may be paid."""
    missing = {
        "ended": card.ended,
        "not_accepted": not card.accepted,
        "card_type": card.card_type is not card.brands_type,
        "fields_changed": not card.quoted_as_it_is,
        "not_reviewed": bool(card.open_reasons),
        "not_verified": CONSEQUENCES[card.status][0] is not Consequence.PROCEED and not card.approved,
        "code": _wants_code(card) and not card.code_proved,
        "rate": card.card_type is CardType.CROSSBORDER and not card.rate_locked,
        "not_confirmed": _wants_confirmation(card) and not card.confirmed,
        "not_secured": card.card_type in CONFIRMED_BEFORE_PAYMENT and not card.secured,
    }
    return next((word for word, holds in missing.items() if holds), None)


def _wants_code(card: PaymentProof) -> bool:
    return card.card_type is CardType.SUPERMARKET and not card.approved & WITHOUT_ISSUER


def _wants_confirmation(card: PaymentProof) -> bool:
    return card.card_type in CONFIRMED_BEFORE_PAYMENT and card.status is not CardStatus.UNKNOWN
