"""Refusals about sales, buyers' payments and rates."""

from __future__ import annotations

from domain.errors.base import Refusal


class CardNotForSale(Refusal):
    """The card cannot be sold so: an own sale needs a card that was bought and paid for, a brokered one a card whose seller has declined our quote."""

    code = "card_not_for_sale"
    http_status = 409


class CardClaimed(Refusal):
    """The card has an open claim against its seller (`state`) and is not in stock; it can be sold once the claim is declined or dropped."""

    code = "card_claimed"
    http_status = 409


class CardSold(Refusal):
    """The card was sold before (`sale`); take that sale back first if it came back."""

    code = "card_sold"
    http_status = 409


class CardReserved(Refusal):
    """A buyer's deposit is held for this card (`buyer`): the card is theirs until it is handed over, given up, or the time is over."""

    code = "card_reserved"
    http_status = 409


class ReservationOver(Refusal):
    """This deposit is held no more: the card was sold to its buyer, or it was given up or its time was over."""

    code = "reservation_over"
    http_status = 409


class SaleReturned(Refusal):
    """The sale was taken back before."""

    code = "sale_returned"
    http_status = 409


class ReturnWaits(Refusal):
    """A colleague asked for this sale to be taken back already: a second person agrees to it or leaves it as it is."""

    code = "return_waits"
    http_status = 409


class ReturnOver(Refusal):
    """The request to reverse this sale was rejected by a colleague."""

    code = "return_over"
    http_status = 409


class SellerPaid(Refusal):
    """The licensed provider has paid the seller of this brokered card, or is said to have: the sale cannot be taken back meanwhile."""

    code = "seller_paid"
    http_status = 409


class ProviderPaidOther(Refusal):
    """The seller of the card is to have another amount (`owed`); what differs is settled with the provider first."""

    code = "provider_paid_other"
    http_status = 409


class ProviderPaymentWaits(Refusal):
    """A payment of the provider was recorded for this sale before: a second person confirms or discards it."""

    code = "provider_payment_waits"
    http_status = 409


class ProviderPaymentOver(Refusal):
    """This payment of the provider was confirmed or discarded before."""

    code = "provider_payment_over"
    http_status = 409


class ReferenceTaken(Refusal):
    """The provider's reference belongs to another payment."""

    code = "reference_taken"
    http_status = 409


class PriceTooLow(Refusal):
    """What is charged to the seller of a brokered card is more than its price."""

    code = "price_too_low"


class BuyerOwesLess(Refusal):
    """The buyer owes less than this amount, or has less to their credit (`there` says how much)."""

    code = "buyer_owes_less"
    http_status = 409


class RateSettled(Refusal):
    """This month's position in the currency was valued before; what is learnt later counts for the next month."""

    code = "rate_settled"
    http_status = 409


class ForeignMoneyLess(Refusal):
    """The account keeps less foreign money than this (`there` says how much)."""

    code = "foreign_money_less"
    http_status = 409


class PositionMoved(Refusal):
    """The currency's position has changed since, so that this cannot be taken back: `open` would stay booked at `booked`."""

    code = "position_moved"
    http_status = 409


class ExchangeOver(Refusal):
    """This exchange was posted or discarded before."""

    code = "exchange_over"
    http_status = 409


class ProviderOwedLess(Refusal):
    """The provider is owed back less than this (`there` says how much)."""

    code = "provider_owed_less"
    http_status = 409


class SplitAccountLess(Refusal):
    """Less than this is ours on the provider's split account (`there` says how much): the rest is to be paid to sellers."""

    code = "split_account_less"
    http_status = 409


class WriteOffOver(Refusal):
    """This write-off was agreed to, or the debt was kept, before."""

    code = "write_off_over"
    http_status = 409
