"""A submission as the seller or partner gives it, and the rules that need nothing but the submission to be judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from domain.money import Money
from domain.refusals import NothingToRead, TooManyCards

CARDS_PER_SUBMISSION_MAX = 50


@dataclass(frozen=True)
class SubmittedCard:
    """One card as given: typed fields, or photographs (raw bytes as uploaded), or both.

    `number` and `pin` are secrets: the dataclass's repr leaves them out.
    """

    brand: str
    face_value: Money | None = None
    number: str | None = field(default=None, repr=False)
    pin: str | None = field(default=None, repr=False)
    expiry: date | None = None
    photos: tuple[bytes, ...] = field(default=(), repr=False)
    confirm_fields: bool = False  # The seller wants to see and correct what was read before the card goes on.
    accept_at_or_above: Money | None = None  # A standing acceptance: a quote at least this high is accepted at once.


@dataclass(frozen=True)
class Submission:
    """Cards handed in together by one owner, with the payout account of the seller.

    `idempotency_key` is the caller's; `form_hash` is the SHA-256 (hex) of what the seller was shown and sent.
    """

    owner: str  # `seller:<id>` or `partner:<id>`
    idempotency_key: str
    cards: tuple[SubmittedCard, ...]
    payee_account: str = field(repr=False)  # Alipay logon id: an e-mail address or a mobile number.
    payee_name: str = field(repr=False)
    channel: str = "api"  # `api` or `web`
    locale: str = "zh_CN"
    form_hash: str | None = None


def check_shape(submission: Submission) -> None:
    """Refuses a submission with no card, too many cards, or a card with neither photo nor number."""
    if not submission.cards:
        raise NothingToRead(card=0)
    if len(submission.cards) > CARDS_PER_SUBMISSION_MAX:
        raise TooManyCards(most=CARDS_PER_SUBMISSION_MAX)
    for position, card in enumerate(submission.cards):
        if not card.photos and not card.number:
            raise NothingToRead(card=position)
