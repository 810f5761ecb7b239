"""What goes over the wire: requests as they are taken, answers as they are given. Never an internal price, never a secret."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Base64Bytes, BaseModel, ConfigDict, Field, StringConstraints

from database.reads.cards.asked import Asked
from database.reads.cards.submissions import CardView, QuoteView, SubmissionView
from database.reads.ops.providers import Delay
from domain.cards.intake import CARDS_PER_SUBMISSION_MAX, SubmittedCard
from domain.finance.rails import Rail
from domain.money import Currency, Money
from domain.rules.brands import masked

PHOTOS_MAX = 4
MARKS_MAX, MARK_LENGTH_MAX = 8, 100
AMOUNT_MINOR_MAX = 10**12
# PostgreSQL takes no NUL in a text, and no identifier or name of ours has a control character.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=100)]
Required = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=100)]
Secret = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=64)]


class Taken(BaseModel):
    """A request body: unknown members are an error, so that a misspelt one is not silently lost."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Amount(BaseModel):
    """Money: an integer count of minor units (fen, cents) and an ISO 4217 code."""

    amount_minor: Annotated[int, Field(ge=-AMOUNT_MINOR_MAX, le=AMOUNT_MINOR_MAX)]
    currency: Currency = Currency.CNY

    @classmethod
    def of(cls, money: Money) -> Amount:
        """From the domain's money."""
        return cls(amount_minor=money.amount_minor, currency=money.currency)

    def money(self) -> Money:
        """To the domain's money."""
        return Money(self.amount_minor, self.currency)


class NewCard(Taken):
    """A card: typed fields, photographs (base64 of JPEG, PNG, WebP or PDF, whose pages are photographs), or both."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"brand": "starbucks", "face_value": {"amount_minor": 50_000}, "number": "8100000000000004", "pin": "00000000"}]}
    )  # fmt: skip

    brand: Required
    face_value: Amount | None = None
    number: Annotated[Secret | None, Field(repr=False)] = None
    pin: Annotated[Secret | None, Field(repr=False)] = None
    expiry: date | None = None
    photos: Annotated[list[Base64Bytes], Field(max_length=PHOTOS_MAX, repr=False)] = []
    confirm_fields: bool = False
    accept_at_or_above: Amount | None = None

    def submitted(self) -> SubmittedCard:
        """As the intake takes it."""
        return SubmittedCard(
            brand=self.brand,
            face_value=self.face_value.money() if self.face_value else None,
            number=self.number or None,
            pin=self.pin or None,
            expiry=self.expiry,
            photos=tuple(self.photos),
            confirm_fields=self.confirm_fields,
            accept_at_or_above=self.accept_at_or_above.money() if self.accept_at_or_above else None,
        )


class Payee(Taken):
    """Who is paid: an account and its holder's real name.

    `rail` says by which way: `alipay` (phone number or e-mail address), `wechat` (the openid that the holder has with us) or
    `bank` (number, a space, and the bank's name).
    """

    account: Annotated[Required, Field(repr=False)]
    name: Annotated[Required, Field(repr=False)]
    rail: Rail = Rail.ALIPAY


class NewSubmission(Taken):
    """Cards submitted together for one payee. `intake_point` is the code of the offline point that took them in, where one did."""

    cards: Annotated[list[NewCard], Field(max_length=CARDS_PER_SUBMISSION_MAX + 1)]
    payee: Payee
    intake_point: Annotated[str, StringConstraints(max_length=40)] = ""


class Receipt(BaseModel):
    """A submission was stored. `repeated`: the same key and content had been taken before."""

    submission_id: str
    card_ids: list[str]
    repeated: bool


class LineOut(BaseModel):
    """One line of a quote's breakdown."""

    kind: str
    basis_points: int | None
    amount: Amount


class QuoteOut(BaseModel):
    """A quote put before the seller."""

    id: str
    amount: Amount
    lines: list[LineOut]
    state: str
    rule_version: str
    expires_at: datetime | None

    @classmethod
    def of(cls, quote: QuoteView) -> QuoteOut:
        """From the read."""
        lines = [
            LineOut(kind=line.kind.value, basis_points=line.basis_points, amount=Amount.of(line.amount))
            for line in quote.lines
        ]
        return cls(
            id=quote.id,
            amount=Amount.of(quote.amount),
            lines=lines,
            state=quote.state.value,
            rule_version=quote.rule_version,
            expires_at=quote.expires_at,
        )


class PayoutOut(BaseModel):
    """The payment order; `payee` is masked. `amount` is what is paid out, `withheld` the tax kept back from the quote before."""

    amount: Amount
    state: str
    payee: str
    settled_at: datetime | None
    withheld: Amount


class AskedOut(BaseModel):
    """The one item that a reviewer asks for again, the code of their reason, and its words by language (`zh_CN`, `en`)."""

    item: str
    reason: str
    words: dict[str, str]

    @classmethod
    def of(cls, asked: Asked) -> AskedOut:
        """From the read."""
        return cls(item=asked.item.value, reason=asked.reason, words=asked.words)


class DelayOut(BaseModel):
    """A party in maintenance that the card waits for, or will: until that is over no time is promised, and nothing is lost."""

    party: str = Field(description="issuer, store, outlet, fx, payout or messages.")
    until: datetime | None = Field(description="The planned end; null while none is known, or once it has passed.")
    resuming: bool = Field(description="The maintenance is over and waiting cards go on by degrees.")

    @classmethod
    def of(cls, delay: Delay) -> DelayOut:
        """From the read."""
        return cls(party=delay.kind, until=delay.until, resuming=delay.resuming)


class CardOut(BaseModel):
    """One card: its stage, whom it waits for since and until when, and how it ended."""

    id: str
    position: int
    brand: str
    card_type: str
    number_masked: str | None
    face_value: Amount | None
    expiry: date | None
    stage: str
    waiting_for: str
    since: datetime
    until: datetime | None
    outcome: str | None
    reason: str | None
    reason_detail: str | None
    quote: QuoteOut | None
    payout: PayoutOut | None
    asked: AskedOut | None
    delay: DelayOut | None
    differs: list[str] = Field(
        description="Fields that were sent otherwise than a photo surely shows them; empty once the card has ended."
    )

    @classmethod
    def of(cls, card: CardView) -> CardOut:
        """From the read."""
        plain = {name: getattr(card, name) for name in ("id", "position", "brand", "since", "until", "reason_detail")}
        words = {name: getattr(card, name) for name in ("card_type", "stage", "waiting_for", "outcome", "reason")}
        return cls(
            **plain,
            **words,
            number_masked=masked(card.number_tail) if card.number_tail else None,
            face_value=Amount.of(card.face_value) if card.face_value else None,
            expiry=card.expires_on,
            quote=QuoteOut.of(card.quote) if card.quote else None,
            payout=_payout(card),
            asked=AskedOut.of(card.asked) if card.asked else None,
            delay=DelayOut.of(card.delay) if card.delay and not card.ended else None,
            differs=list(card.differs),
        )


class SubmissionOut(BaseModel):
    """A submission with its cards in their original order."""

    id: str
    created_at: datetime
    cards: list[CardOut]

    @classmethod
    def of(cls, view: SubmissionView) -> SubmissionOut:
        """From the read."""
        return cls(id=view.id, created_at=view.created_at, cards=[CardOut.of(card) for card in view.cards])


class SubmissionsOut(BaseModel):
    """A page of submissions, newest first; `next` is the `before` of the next page."""

    submissions: list[SubmissionOut]
    next: str | None


# The marks of a refusal `reading_differs`, sent back with the same values: the seller has looked again, and they are right.
Marks = Annotated[list[Annotated[str, StringConstraints(max_length=MARK_LENGTH_MAX)]], Field(max_length=MARKS_MAX)]


class Fields(Taken):
    """Corrected fields; what is left out is confirmed as it was read."""

    number: Annotated[Secret | None, Field(repr=False)] = None
    pin: Annotated[Secret | None, Field(repr=False)] = None
    face_value: Amount | None = None
    expiry: date | None = None
    confirm: Marks = []


class QuoteAnswer(Taken):
    """Which quote is answered."""

    quote_id: Required


class PayeeGiven(Taken):
    """Another payee in place of the one that the payment gateway refused."""

    payee_account: Annotated[str, StringConstraints(min_length=1, max_length=100), Field(repr=False)]
    payee_name: Annotated[str, StringConstraints(min_length=1, max_length=100), Field(repr=False)]
    payee_rail: Rail = Rail.ALIPAY


class CodeGiven(Taken):
    """The issuer's one-time code."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,12}$"), Field(repr=False)]


class Item(Taken):
    """The item that a reviewer asked for: a photo in base64, or the value typed."""

    photo: Annotated[Base64Bytes | None, Field(repr=False)] = None
    value: Annotated[Secret | None, Field(repr=False)] = None
    confirm: Marks = []


class Done(BaseModel):
    """The card was notified."""

    card_id: str
    tries_left: int | None = None
    expires_at: str | None = None


class StoryEntryOut(BaseModel):
    """One thing that happened: its key, its public facts, and the sentence in the caller's language."""

    at: datetime
    stage: str
    what: str
    facts: dict[str, str]
    sentence: str


class StoryOut(BaseModel):
    """What happened to a card, oldest first."""

    card_id: str
    entries: list[StoryEntryOut]


class BrandOut(BaseModel):
    """A brand that is bought, and what its card numbers look like (`number`, `pin`: regular expressions)."""

    code: str
    names: dict[str, str]
    card_type: str
    currency: Currency
    number: str
    pin: str | None
    face_value_least: Amount
    face_value_most: Amount
    not_bought_from: date | None  # From this day on no new card of it is taken.
    not_bought_reason: dict[str, str] | None  # By language.


class ErrorOut(BaseModel):
    """A documented refusal."""

    code: str
    http_status: int
    meaning: str
    message: str


class Problem(BaseModel):
    """The body of every refusal."""

    code: str
    message: str
    data: dict[str, object]
    request_id: str


def _payout(card: CardView) -> PayoutOut | None:
    if card.payout is None:
        return None
    payout = card.payout
    amount, state = Amount.of(payout.amount), payout.state.value
    withheld = Amount.of(payout.withheld)
    return PayoutOut(amount=amount, state=state, payee=payout.payee, settled_at=payout.settled_at, withheld=withheld)
