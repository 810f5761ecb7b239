"""The card itself: its types, the stages of its journey, whom it waits for, and how it can end."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class CardType(StrEnum):
    """The five kinds of card; each has its own route of verification."""

    SUPERMARKET = "supermarket"  # Issuer API and a one-time code that the issuer sends to the seller.
    ECOMMERCE = "ecommerce"  # Issuer API and the record of consumption.
    DINING = "dining"  # The store's point of sale, then always a person.
    REGIONAL = "regional"  # A person enters the fields, a partner outlet confirms them.
    CROSSBORDER = "crossborder"  # Issuer API in its own currency, a locked rate, a licensed channel.


class CardStatus(StrEnum):
    """What an issuer says of a card."""

    ACTIVE = "active"  # Usable, with its balance.
    NOT_ACTIVATED = "not_activated"  # Sold, never activated at the till.
    LOST = "lost"  # Reported lost by its owner.
    FROZEN = "frozen"  # Blocked by the issuer.
    PARTLY_USED = "partly_used"  # Usable, part of the value is spent.
    EXPIRED = "expired"  # Past its validity.
    UNKNOWN = "unknown"  # The issuer does not know, or could not be asked.


class Stage(StrEnum):
    """The stage of a card in its journey, in business order."""

    INTAKE = "intake"  # Submitted; nothing has happened to it yet.
    READING = "reading"  # Its photograph is being read, or the seller checks what was read.
    VERIFICATION = "verification"  # Issuer, store, outlet, or the seller's one-time code is asked.
    PRICING = "pricing"  # The rules make a quote and an assessment.
    REVIEW = "review"  # A person decides.
    OFFER = "offer"  # The seller has a quote with a deadline.
    PAYOUT = "payout"  # The seller is being paid.
    ENDED = "ended"  # Nothing more will happen; see the outcome.


class WaitingFor(StrEnum):
    """Who has to act before the card moves on."""

    NOBODY = "nobody"  # The card has ended.
    MACHINE = "machine"  # A step is running or being retried.
    SELLER_FIELDS = "seller_fields"  # The seller confirms or corrects what was read.
    SELLER_CODE = "seller_code"  # The seller enters the issuer's one-time code.
    SELLER_ITEM = "seller_item"  # The seller sends one item again.
    SELLER_OFFER = "seller_offer"  # The seller accepts or declines the quote.
    SELLER_PAYEE = "seller_payee"  # The gateway refused the payee: the seller names another, and is owed until then.
    SELLER_CONFIRM = "seller_confirm"  # The money waits for the receiver's confirmation in the provider's app.
    REVIEWER = "reviewer"  # A reviewer decides.
    OUTLET = "outlet"  # A partner outlet confirms.
    ISSUER = "issuer"  # The issuer is down or in maintenance; asked again automatically.
    GATEWAY = "gateway"  # The payment's outcome is unknown and is being reconciled.
    RAIL = "rail"  # Nothing may leave on the payment's rail at the moment; it continues automatically.
    FINANCE = "finance"  # A person of finance looks at the payment before it leaves.
    BANK = "bank"  # The payment is in a file that the bank carries out, or waits for the next one.


# The card waits for an answer from outside that a person can decide without.
WITHOUT_PEOPLE = frozenset({WaitingFor.MACHINE, WaitingFor.ISSUER, WaitingFor.OUTLET})


class Outcome(StrEnum):
    """How a card ended."""

    PAID = "paid"  # Bought, and the seller has the money.
    REJECTED = "rejected"  # Not bought; the reason says why.
    DECLINED = "declined"  # The seller said no to the quote, or withdrew the card before accepting one.
    LAPSED = "lapsed"  # The seller did not answer in time.
    PAYMENT_REFUSED = "payment_refused"  # Of journeys from before a payee could be corrected; owed to the seller.
    CANCELLED = "cancelled"  # Operations ended it before any payment; what an acceptance had posted is reversed.


class EndReason(StrEnum):
    """Why a card ended otherwise than paid; the seller reads its sentence in their language."""

    NOT_ACTIVATED = "card_not_activated"  # The issuer says it was never activated.
    LOST = "card_lost"  # Reported lost.
    FROZEN = "card_frozen"  # Frozen by the issuer.
    EXPIRED = "card_expired"  # Past its validity.
    NOTHING_LEFT = "card_empty"  # The balance is zero.
    DUPLICATE = "card_already_submitted"  # The same card is already in a live submission.
    UNREADABLE = "card_unreadable"  # No card in the photo and no answer from the seller.
    NUMBER_INVALID = "card_number_invalid"  # The number breaks its brand's rules.
    WRONG_CODE = "dynamic_code_failed"  # Three wrong one-time codes.
    NO_ANSWER = "seller_no_answer"  # The seller did not answer in time.
    OUTLET_DENIED = "outlet_denied"  # The partner outlet says the card is not good.
    NO_LICENCE = "channel_not_licensed"  # No licensed channel for this cross-border card today.
    REVIEWER = "rejected_by_reviewer"  # A person rejected it; their reason code is beside it.
    DECLINED = "quote_declined"  # The seller declined.
    WITHDRAWN = "withdrawn_by_seller"  # The seller took the card back before accepting a quote.
    QUOTE_EXPIRED = "quote_expired"  # The quote ran out.
    CHANGED = "card_changed"  # Before payment the issuer no longer confirmed what the quote was made for.
    PAYEE_REFUSED = "payee_refused"  # The payment gateway refused the payee.
    CANCELLED = "cancelled_by_operations"  # Operations cancelled it, with everything taken back.
    TERMINATED = "terminated_by_operations"  # It could not continue, and its run could be ended in no other way.


# A live card holds its fingerprint: no second submission of the same card can be accepted while one is.
FREES_FINGERPRINT = frozenset({Outcome.REJECTED, Outcome.DECLINED, Outcome.LAPSED, Outcome.CANCELLED})


@dataclass(frozen=True)
class StoryEntry:
    """One thing that happened to a card: when (ISO 8601, UTC), at which stage, and a fact key with its values."""

    at: str
    stage: Stage
    what: str
    facts: dict[str, str]


@dataclass(frozen=True)
class Story:
    """A card's own state: stage, whom it waits for, since when and until when."""

    card_id: str
    stage: Stage
    waiting_for: WaitingFor
    since: str
    until: str | None
    outcome: Outcome | None
    reason: str | None
