"""What a customer can choose when something is wrong, the likeliest trouble of the card first."""

from __future__ import annotations

from domain.cards.card import Outcome, Stage, WaitingFor
from domain.support.tickets import TicketCategory

OF_A_CARD = (
    TicketCategory.PAYOUT_LATE,
    TicketCategory.PAYMENT_UNKNOWN,
    TicketCategory.QUOTE_DISPUTE,
    TicketCategory.CARD_REJECTED,
    TicketCategory.CODE_TROUBLE,
    TicketCategory.OTHER,
)
WITHOUT_A_CARD = (
    TicketCategory.PAYOUT_LATE,
    TicketCategory.PAYMENT_UNKNOWN,
    TicketCategory.QUOTE_DISPUTE,
    TicketCategory.CARD_REJECTED,
    TicketCategory.CODE_TROUBLE,
    TicketCategory.ACCOUNT,
    TicketCategory.PRIVACY,
    TicketCategory.OTHER,
)
_BY_OUTCOME = {
    Outcome.PAID: TicketCategory.PAYMENT_UNKNOWN,
    Outcome.REJECTED: TicketCategory.CARD_REJECTED,
    Outcome.CANCELLED: TicketCategory.CARD_REJECTED,
    Outcome.PAYMENT_REFUSED: TicketCategory.PAYOUT_LATE,
    Outcome.DECLINED: TicketCategory.QUOTE_DISPUTE,
    Outcome.LAPSED: TicketCategory.QUOTE_DISPUTE,
}


def of_card(stage: Stage, waiting_for: WaitingFor, outcome: Outcome | None) -> tuple[TicketCategory, ...]:
    """Return what can be wrong with a card, the likeliest first."""
    likely = _likely(stage, waiting_for, outcome)
    return OF_A_CARD if likely is None else (likely, *(one for one in OF_A_CARD if one is not likely))


def _likely(stage: Stage, waiting_for: WaitingFor, outcome: Outcome | None) -> TicketCategory | None:
    if outcome is not None:
        return _BY_OUTCOME[outcome]
    if waiting_for is WaitingFor.SELLER_CODE:
        return TicketCategory.CODE_TROUBLE
    return TicketCategory.QUOTE_DISPUTE if stage is Stage.OFFER else None
