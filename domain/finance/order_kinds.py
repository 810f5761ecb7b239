"""What a payment order is for, by its key."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.identifiers import is_goodwill_key, is_settlement_key


class OrderCode(StrEnum):
    """What a payment order pays for."""

    CARD = "card"  # A card that was bought.
    GOODWILL = "goodwill"  # A payment that two people of support agreed to.
    SETTLEMENT = "settlement"  # A counterparty's statement.


def code_of(key: str) -> OrderCode:
    """Return what the order of a key is for; a card where its key says nothing else."""
    if is_goodwill_key(key):
        return OrderCode.GOODWILL
    return OrderCode.SETTLEMENT if is_settlement_key(key) else OrderCode.CARD


@dataclass(frozen=True)
class Journey:
    """The workflow that carries an order: by the card, the goodwill payment, or the run (`subject`).

    A run's workflow is named by its `counterparty_id` and `period`; both are empty for any other order.
    """

    code: OrderCode
    key: str
    subject: str
    counterparty_id: str = ""
    period: str = ""
