"""What each step of a card's journey reports back: the only things a workflow branches on.

Every result is a frozen dataclass of ids, enums, integers and ISO 8601 strings, so that it can be kept in a
workflow's history for years; none ever holds a card number, a PIN, a one-time code or a payee.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.cards.card import CardStatus, CardType, EndReason, Outcome, WaitingFor
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.cards.verification import Consequence, DynamicCodeResult
from domain.finance.payout import PayoutOutcome
from domain.money import Currency


@dataclass(frozen=True)
class SubmissionReceipt:
    """What a submitter gets: `repeated` when the same key with the same content was taken before."""

    submission_id: str
    card_ids: tuple[str, ...]
    repeated: bool


@dataclass(frozen=True)
class Resume:
    """The facts of a card whose journey restarts from its rows; the defaults describe a card at its beginning.

    `quotes` and `tasks` are the numbers already used, `settled` the review reasons that a person approved. With a
    `quote_id` the card continues at the offer, or at the payment where it was `accepted`; with an `outcome` it has ended.
    """

    read: bool = False
    code_proved: int | None = None  # The revision of the fields for which the issuer's code was entered.
    quotes: int = 0
    tasks: int = 0
    settled: tuple[str, ...] = ()
    asked_item: AskedItem | None = None  # Asked of the seller again, and not sent yet.
    quote_id: str | None = None
    accepted: bool = False
    attempt: int = 1  # The order that is being paid, or was refused last.
    outcome: Outcome | None = None
    reason: EndReason | None = None
    detail: str | None = None
    person_wanted: bool = False  # Operations asked for a person, and no decision was made since.


AT_ITS_BEGINNING = Resume()


# The journey's edition that new cards are started on. A change that would cost each automatic card the two events of
# `workflow.patched` asks for the edition instead; histories from before hold 0.
# From 1 on a refused payee can be corrected, from 2 on each provider has its own queue, from 3 on the step that sends an
# order also posts a certain answer.
EDITION = 3
CONCLUDED_BY_SENDING = 3


@dataclass(frozen=True)
class CardToBuy:
    """What a card's workflow is started with: enough to choose its route, nothing secret."""

    card_id: str
    card_type: CardType
    brand: str
    issuer: str
    has_photos: bool
    confirm_fields: bool  # The seller wants to check what was read before the card continues.
    currency: Currency
    owner: str  # seller:<id> or partner:<id>
    resume: Resume = AT_ITS_BEGINNING
    may_withdraw: bool = False  # Not in the histories of cards that were started before sellers could withdraw one.
    edition: int = 0  # Of the journey, see EDITION.
    indexed: bool = False  # The namespace knows our search attributes: the workflow keeps them current.


@dataclass(frozen=True)
class HeldFacts:
    """Whether a provider has been in maintenance since a moment, and until when (ISO 8601) it is; None: open, or over."""

    held: bool
    until: str | None


@dataclass(frozen=True)
class ReadFacts:
    """What came of reading the photos, merged with what the seller had typed.

    `complete`: every field that this brand needs is known. `lowest_confidence_bp`: of the fields now on the
    card, in basis points; typed fields count 10,000. `duplicate`: the number read belongs to another live card.
    """

    found: bool
    complete: bool
    lowest_confidence_bp: int
    duplicate: bool
    brand_differs: bool
    revision: int


@dataclass(frozen=True)
class VerifiedFacts:
    """What a party said of a card and what follows; `review_reasons` are `ReviewReason` values."""

    status: CardStatus
    consequence: Consequence
    end_reason: EndReason | None
    review_reasons: tuple[str, ...]
    balance_minor: int | None  # In the card's own currency.
    revision: int


@dataclass(frozen=True)
class RecheckFacts:
    """What the issuer says right before payment: why the card ends, or None when the accepted quote still holds."""

    end_reason: EndReason | None


@dataclass(frozen=True)
class CodeSent:
    """The issuer sent its n-th one-time code to the seller; `expires_at` is ISO 8601, UTC."""

    number: int
    expires_at: str


@dataclass(frozen=True)
class CodeChecked:
    """What the issuer said of the code that the seller entered."""

    result: DynamicCodeResult
    tries_left: int


@dataclass(frozen=True)
class OutletAsked:
    """A partner outlet was asked to confirm; after `deadline` (ISO 8601, UTC) its silence is an answer."""

    request_id: str
    deadline: str


@dataclass(frozen=True)
class ChannelFacts:
    """Whether a licensed cross-border channel is open today, and the rate that is locked for the offer.

    `rate` is a decimal as text, CNY for one unit of the card's currency; both are empty without a licence.
    """

    licensed: bool
    lock_id: str
    rate: str
    expires_at: str  # ISO 8601, UTC; empty without a licence.


@dataclass(frozen=True)
class ValuedFacts:
    """A quote was made; with any review reason a person looks at the card before it is offered."""

    quote_id: str
    amount_minor: int  # CNY
    review_reasons: tuple[str, ...]
    rule_set: str
    rule_version: str


@dataclass(frozen=True)
class OfferFacts:
    """A quote was put before the seller, or met their standing acceptance and is accepted already."""

    expires_at: str  # ISO 8601, UTC
    expires_in_s: int
    accepted: bool


@dataclass(frozen=True)
class TaskOpened:
    """A review task is in the queue; its clock in whole seconds from now, 0 for what has passed."""

    task_id: str
    warn_after_s: int
    due_after_s: int
    chain_after_s: tuple[int, ...] = ()  # Each step after the breach, in order.
    end_after_s: int | None = None  # When the policy decides in place of a person; None: never.
    plan_version: int = 0  # Of the deadline policies; 0 in histories from before there were any.


@dataclass(frozen=True)
class Cancelled:
    """Whether a card was ended by operations; if not, the word of why not."""

    done: bool
    why_not: str = ""


@dataclass(frozen=True)
class DecidedByPolicy:
    """Result of the policy's own decision; without an id, a person's decision is still valid and this is retried later."""

    decision_id: str | None
    again_after_s: int = 0


@dataclass(frozen=True)
class ReviewFacts:
    """What a reviewer decided, applied to the card. `fields_changed`: it must be verified again."""

    outcome: ReviewOutcome
    reject_reason: RejectReason | None
    asked_item: AskedItem | None
    fields_changed: bool


@dataclass(frozen=True)
class PayoutFacts:
    """What is known of one payment order; `code` is the gateway's own refusal code."""

    outcome: PayoutOutcome
    code: str | None


@dataclass(frozen=True)
class PaymentHeld:
    """A payment may not leave yet: whom it waits for, and until when (ISO 8601); None: until people act."""

    waiting_for: WaitingFor
    until: str | None


class NotificationVerdict(StrEnum):
    """What was made of a notification from the payment gateway."""

    ACCEPTED = "accepted"  # Genuine, and it speaks of an order of ours with the right amount.
    DUPLICATE = "duplicate"  # Seen before; nothing more to do.
    SIGNATURE_INVALID = "signature_invalid"  # Not from the gateway.
    AMOUNT_MISMATCH = "amount_mismatch"  # Genuine, but of another amount than ordered.
    UNKNOWN_ORDER = "unknown_order"  # Genuine, but no order of ours.


@dataclass(frozen=True)
class PaymentReport:
    """A genuine notification about one of our orders. Where it is `waited_for`, the card waits for the gateway and asks it."""

    card_id: str
    key: str
    verdict: NotificationVerdict
    waited_for: bool
