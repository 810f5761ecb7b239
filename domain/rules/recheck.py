"""Whether an accepted quote may still be paid, by what the issuer says right before payment. Pure."""

from __future__ import annotations

from domain.cards.card import CardStatus, EndReason
from domain.cards.verification import CONSEQUENCES, HOLDS, Consequence, Held
from domain.rules.assessment import PartyAnswer


def still_buyable(before: PartyAnswer, after: PartyAnswer, quoted_minor: int) -> EndReason | None:
    """Return why the card must not be paid any more, or None when the quote still holds.

    `before` is what the quote was made by, `quoted_minor` the worth that it pays for, in the card's own currency.
    """
    consequence, reason = CONSEQUENCES[after.status]
    if consequence is Consequence.REJECT:
        return reason
    if after.balance is None:
        known_before = before.balance is not None or before.status is not CardStatus.UNKNOWN
        return EndReason.CHANGED if after.status is CardStatus.UNKNOWN and known_before else None
    if not after.balance.amount_minor:
        return EndReason.NOTHING_LEFT
    less = after.balance.amount_minor < quoted_minor
    newly_contradicts = after.contradicts_itself and not before.contradicts_itself
    return EndReason.CHANGED if less or newly_contradicts else None


def still_held(held: Held, held_minor: int | None, quoted_minor: int) -> EndReason | None:
    """Return why a card that was to be secured must not be paid, or None when it is held with all that the quote pays for.

    `held_minor` is what the issuer holds for us, in the card's own currency.
    """
    enough = held_minor is not None and held_minor >= quoted_minor
    return None if held in HOLDS and enough else EndReason.CHANGED
