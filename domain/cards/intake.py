"""A submission as the seller or partner gives it, and the rules that need nothing but the submission to be judged."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

from domain.errors.cards import NothingToRead, TooManyCards
from domain.errors.general import FieldInvalid
from domain.finance.payee import require_payee
from domain.finance.rails import Rail
from domain.money import Currency, Money
from domain.typed import plain, plain_name

CARDS_PER_SUBMISSION_MAX = 50
PHOTOS_MAX = 8  # Of one card, the pages of its PDFs counted: each is read.


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
    confirm_fields: bool = False  # The seller wants to see and correct what was read before the card continues.
    accept_at_or_above: Money | None = None  # A standing acceptance: a quote at least this high is accepted at once.


@dataclass(frozen=True)
class Submission:
    """Cards submitted together by one owner, with the payout account of the seller.

    `idempotency_key` is the caller's; `form_hash` is the SHA-256 (hex) of what the seller was shown and sent.
    """

    owner: str  # `seller:<id>` or `partner:<id>`
    idempotency_key: str
    cards: tuple[SubmittedCard, ...]
    payee_account: str = field(repr=False)  # What the rail knows the payee by.
    payee_name: str = field(repr=False)
    channel: str = "api"  # `api` or `web`
    locale: str = "zh_CN"
    form_hash: str | None = None
    payee_rail: Rail = Rail.ALIPAY
    intake_point: str = ""  # The code of the offline point that took the cards in; empty: none did.
    body_hash: str | None = None  # Keyed hash (hex) of the request's bytes, where it came through the API.


def tidied(submission: Submission) -> Submission:
    """Return the submission with the payee normalised: input methods add invisible characters."""
    account, name = plain(submission.payee_account), plain_name(submission.payee_name)
    return replace(submission, payee_account=account, payee_name=name)


def check_shape(submission: Submission) -> None:
    """Refuses a submission with no card, too many cards, a card with neither photo nor number, a least price in another
    currency than is paid, and a payee that cannot be one (FieldInvalid)."""
    if not submission.cards:
        raise NothingToRead(card=0)
    if len(submission.cards) > CARDS_PER_SUBMISSION_MAX:
        raise TooManyCards(most=CARDS_PER_SUBMISSION_MAX)
    for position, card in enumerate(submission.cards):
        if not card.photos and not card.number:
            raise NothingToRead(card=position)
        _require_floor(position, card.accept_at_or_above)
    require_payee(submission.payee_account, submission.payee_name, submission.payee_rail)


def _require_floor(position: int, floor: Money | None) -> None:
    if floor is not None and (floor.currency is not Currency.CNY or floor.amount_minor <= 0):
        raise FieldInvalid(field=f"cards.{position}.accept_at_or_above", why="not_an_amount_in_CNY")
