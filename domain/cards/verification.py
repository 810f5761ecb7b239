"""What the outside world says of a card, and what follows from it: the consequence of each status, in one table."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from domain.cards.card import CardStatus, CardType, EndReason
from domain.money import Money


class Party(StrEnum):
    """Who was asked."""

    ISSUER = "issuer"
    POS = "pos"  # The store's point-of-sale system.
    OUTLET = "outlet"  # A partner outlet, answered by a person there.
    FX = "fx"  # Rate and channel licence.


@dataclass(frozen=True)
class Answer:
    """One party's answer about one card; carries no number and no PIN."""

    party: Party
    operation: str
    request_id: str
    status: CardStatus
    balance: Money | None
    expires_on: date | None
    cost_fen: int
    latency_ms: int
    details: dict[str, str] = field(default_factory=dict)  # e.g. `pin: wrong`, `consumption: 2 records`


class Consequence(StrEnum):
    """What a status means for the card's journey."""

    PROCEED = "proceed"  # It can be priced.
    REVIEW = "review"  # A person must look.
    REJECT = "reject"  # It is not bought.


CONSEQUENCES: dict[CardStatus, tuple[Consequence, EndReason | None]] = {
    CardStatus.ACTIVE: (Consequence.PROCEED, None),
    CardStatus.PARTLY_USED: (Consequence.PROCEED, None),  # Priced on what is left; the seller sees it in the quote.
    CardStatus.NOT_ACTIVATED: (Consequence.REJECT, EndReason.NOT_ACTIVATED),
    CardStatus.LOST: (Consequence.REJECT, EndReason.LOST),
    CardStatus.FROZEN: (Consequence.REJECT, EndReason.FROZEN),
    CardStatus.EXPIRED: (Consequence.REJECT, EndReason.EXPIRED),
    CardStatus.UNKNOWN: (Consequence.REVIEW, None),
}


# The types whose issuer knows the balance; a person has looked at the others, and a till or outlet knows no more.
CONFIRMED_BEFORE_PAYMENT = frozenset({CardType.SUPERMARKET, CardType.ECOMMERCE, CardType.CROSSBORDER})


class Secures(StrEnum):
    """What the issuer of a brand does on request, so that the card cannot be spent after it is paid for."""

    REDEEM = "redeem"  # Moves the whole balance to us; cannot be undone.
    LOCK = "lock"  # Bars every purchase with the card until we release it.
    NONE = "none"  # Neither: the seller can still spend the card after the payment.


class Held(StrEnum):
    """What became of one request to redeem or lock a card; no usable answer at all means that it is not known yet."""

    REDEEMED = "redeemed"  # The balance is ours.
    LOCKED = "locked"  # The card cannot be spent.
    REFUSED = "refused"  # The card could not be secured, and nothing was done.
    RELEASED = "released"  # It was locked and is no more, or the request was withdrawn before it had an effect.
    NOT_FOUND = "not_found"  # The issuer has never received the request.


HOLDS = frozenset({Held.REDEEMED, Held.LOCKED})


class DynamicCodeResult(StrEnum):
    """What the issuer says of a one-time code."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"


@dataclass(frozen=True)
class LockedRate:
    """A foreign-exchange rate held for one offer: `rate` (a decimal as text) units of CNY for one of `currency`."""

    lock_id: str
    currency: str
    rate: str
    expires_at: str  # ISO 8601, UTC


@dataclass(frozen=True)
class ChannelLicence:
    """Whether the cross-border channel is licensed today."""

    channel: str
    licensed: bool
    valid_until: str | None  # ISO 8601 date
