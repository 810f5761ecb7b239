"""Messages to a running card: one frozen dataclass per Update or Signal, so that fields can be added later.

Card numbers and PINs are never in a message: they are written to the database first, and the message carries the revision.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.cards.card import EndReason, Outcome, WaitingFor


@dataclass(frozen=True)
class FieldsConfirmed:
    """The seller confirmed, corrected or re-sent fields; they are in the database as this revision."""

    revision: int


@dataclass(frozen=True)
class CodeEntered:
    """The seller entered the issuer's one-time code."""

    code: str


@dataclass(frozen=True)
class CodeWanted:
    """The seller wants another one-time code."""


@dataclass(frozen=True)
class PayeeCorrected:
    """Another payee is in the database, by this correction."""

    correction_id: str


@dataclass(frozen=True)
class OfferAnswer:
    """The seller's answer to one quote."""

    quote_id: str
    accept: bool


@dataclass(frozen=True)
class WithdrawalAsked:
    """The seller wants the card back; `owner` is whose card it is, `seller:<id>` or `partner:<id>`."""

    owner: str


@dataclass(frozen=True)
class PersonWanted:
    """Operations wants a person to decide now, without the answer that the card waits for; `repair_id` is what asks."""

    repair_id: str


@dataclass(frozen=True)
class CancelAsked:
    """Operations ends the card before any payment; `by` is person:<id>, `repair_id` what they do it with."""

    repair_id: str
    by: str


@dataclass(frozen=True)
class Decision:
    """A reviewer's decision on one task; its content is in the database under `decision_id`."""

    task_id: str
    decision_id: str


@dataclass(frozen=True)
class OutletReport:
    """What a partner outlet reported about one request."""

    request_id: str
    confirmed: bool


@dataclass(frozen=True)
class PaymentReported:
    """The gateway reported something about a payout; it is asked itself before anything is believed."""

    key: str


@dataclass(frozen=True)
class PaymentReleased:
    """What held the payment of this key is over; its order is prepared again, and may have to wait again."""

    key: str


@dataclass(frozen=True)
class WaitSkipped:
    """Operations end a wait of the journey early; `waiting_for` names whose answer is no longer waited for."""

    waiting_for: WaitingFor


@dataclass(frozen=True)
class ClockChanged:
    """Plan a task's clock again: its policies or its priority have changed."""

    task_id: str


@dataclass(frozen=True)
class CardEnded:
    """How the journey ended."""

    outcome: Outcome
    reason: EndReason | None = None
    detail: str | None = None
