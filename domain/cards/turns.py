"""When a seller is notified of a card by a short message: it is their turn, their money is late, or the card has ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from domain.cards.card import Outcome, Stage, WaitingFor

REMIND_BEFORE_MAX = timedelta(hours=2)
REMIND_SHARE = 4  # A quarter of the time is left when the reminder leaves, where that is less.
REMIND_FROM = timedelta(minutes=20)  # A shorter offer needs none: the message about it has just arrived.


class SellerMessage(StrEnum):
    """A message to a seller; its words are `message.<value>` of the catalogue."""

    FIELDS_ASKED = "fields_asked"  # They check what was read.
    ITEM_ASKED = "item_asked"  # A reviewer asks for one item again.
    QUOTE_READY = "quote_ready"
    QUOTE_EXPIRING = "quote_expiring"  # The offer ends soon and is not answered.
    PAID = "paid"
    PAYMENT_DELAYED = "payment_delayed"
    PAYEE_ASKED = "payee_asked"  # The gateway refused their payee.
    CONFIRM_ASKED = "confirm_asked"  # They confirm the transfer in the provider's app.
    CONFIRM_EXPIRING = "confirm_expiring"  # The time for that ends soon.
    REJECTED = "rejected"
    CANCELLED = "cancelled"  # We ended it, whatever they had answered.


@dataclass(frozen=True)
class Turn:
    """A message and when it leaves; `once` messages are sent once for a card, however often it comes to that."""

    message: SellerMessage
    at: datetime
    once: bool


_ASKS = {
    WaitingFor.SELLER_FIELDS: SellerMessage.FIELDS_ASKED,
    WaitingFor.SELLER_ITEM: SellerMessage.ITEM_ASKED,
    WaitingFor.SELLER_OFFER: SellerMessage.QUOTE_READY,
    WaitingFor.SELLER_PAYEE: SellerMessage.PAYEE_ASKED,
    WaitingFor.SELLER_CONFIRM: SellerMessage.CONFIRM_ASKED,
}
_REMINDS = {
    WaitingFor.SELLER_OFFER: SellerMessage.QUOTE_EXPIRING,
    WaitingFor.SELLER_CONFIRM: SellerMessage.CONFIRM_EXPIRING,
}
_ENDS = {
    Outcome.PAID: SellerMessage.PAID,
    Outcome.REJECTED: SellerMessage.REJECTED,
    Outcome.CANCELLED: SellerMessage.CANCELLED,
}
_LATE = frozenset({WaitingFor.GATEWAY, WaitingFor.ISSUER, WaitingFor.RAIL, WaitingFor.FINANCE})


def turns(
    stage: Stage, waiting_for: WaitingFor, outcome: Outcome | None, until: datetime | None, now: datetime
) -> tuple[Turn, ...]:
    """Return the messages that a card's seller gets when it has moved there; at most two."""
    if outcome is not None:
        return (Turn(_ENDS[outcome], now, once=True),) if outcome in _ENDS else ()
    if stage is Stage.PAYOUT and waiting_for in _LATE:
        return (Turn(SellerMessage.PAYMENT_DELAYED, now, once=True),)
    if waiting_for not in _ASKS:
        return ()
    asked = Turn(_ASKS[waiting_for], now, once=False)
    reminder = remind_at(until, now) if waiting_for in _REMINDS and until is not None else None
    return (asked,) if reminder is None else (asked, Turn(_REMINDS[waiting_for], reminder, once=False))


def remind_at(until: datetime, now: datetime) -> datetime | None:
    """Return when a seller is reminded of what ends at `until`; None for what ends within minutes."""
    left = until - now
    return None if left < REMIND_FROM else until - min(REMIND_BEFORE_MAX, left / REMIND_SHARE)
