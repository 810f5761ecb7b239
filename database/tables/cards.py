"""Submissions, and each card on its journey: photos, readings, answers of the outside, quotes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from database.tables.columns import (
    json_list,
    json_object,
    minor_units,
    minor_units_maybe,
    moment_maybe,
    moment_now,
    sealed,
    word,
)
from domain.cards.card import CardStatus, CardType, EndReason, Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.cards.verification import Party
from domain.money import Currency


class SubmissionRow(SQLModel, table=True):
    """Cards submitted together. One idempotency key per owner names one submission permanently."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key", name="submission_once"),
        Index("submission_by_ending", text('"right"(id, 4)')),
    )
    id: str = Field(primary_key=True)
    owner: str = Field(index=True)  # seller:<id> or partner:<id>
    idempotency_key: str
    request_hash: str  # SHA-256 (hex) over everything that was sent.
    form_hash: str | None = None  # SHA-256 (hex) of what the seller was shown and sent.
    body_hash: str | None = None  # Keyed hash (hex) of the bytes of an API request.
    channel: str  # api | web
    locale: str
    payee_account_sealed: bytes = sealed(required=True)
    payee_name_sealed: bytes = sealed(required=True)
    payee_masked: str
    payee_index: str | None = Field(
        default=None, index=True
    )  # Keyed hash (hex) of the account, to count what it is paid.
    created_at: datetime = moment_now()


class CardRow(SQLModel, table=True):
    """One card on its journey. Number and PIN only sealed; number and PIN together are unique among live cards."""

    __tablename__ = "card"
    __table_args__ = (
        # While it is live, a card is accepted once: number and PIN together prove it, since a number alone may
        # be guessed. Bought is a number once: it is held from the offer on.
        Index("card_once_while_live", "claim", unique=True, postgresql_where=text("live")),
        Index("card_offered_once", "fingerprint", unique=True, postgresql_where=text("live AND holds_number")),
        Index("card_by_fingerprint", "fingerprint"),
        Index("card_not_started", "created_at", postgresql_where=text("started_at IS NULL")),
        Index("card_by_submission", "submission_id", "position"),
        # What people read to each other: the last four characters of the id or of the number.
        Index("card_by_ending", text('"right"(id, 4)')),
        Index("card_by_number_tail", "number_tail"),
        Index(
            "card_owed", "since", postgresql_where=text("waiting_for = 'seller_payee' OR outcome = 'payment_refused'")
        ),
        # The stock behind every price is counted from these cards alone, however many others there have been.
        Index("card_in_stock", "brand", "since", postgresql_where=text("outcome = 'paid' AND live")),
    )
    id: str = Field(primary_key=True)
    submission_id: str = Field(foreign_key="submission.id")
    position: int  # From 0, in the order of the submission.
    card_type: CardType = word(CardType, required=True)
    brand: str
    currency: Currency = word(Currency, required=True)
    number_sealed: bytes | None = sealed()
    number_tail: str | None = None  # Last four characters.
    pin_sealed: bytes | None = sealed()
    fingerprint: str | None = None  # Keyed hash of issuer and number (hex); set as soon as the number is known.
    claim: str | None = (
        None  # Keyed hash of issuer, number and PIN (hex); of the number alone for brands without a PIN.
    )
    holds_number: bool = False  # It is offered or bought: no other live card with this number can be.
    live: bool = True
    face_value_minor: int | None = minor_units_maybe()
    expires_on: date | None = None
    fields_revision: int = 0  # Rises with every change of the fields.
    confirm_fields: bool = False
    accept_at_or_above_minor: int | None = minor_units_maybe()  # In CNY minor units.
    stage: Stage = word(Stage, Stage.INTAKE)
    waiting_for: WaitingFor = word(WaitingFor, WaitingFor.MACHINE)
    since: datetime = moment_now()
    until: datetime | None = moment_maybe()
    outcome: Outcome | None = word(Outcome)
    reason: EndReason | None = word(EndReason)
    reason_detail: str | None = None  # The reviewer's reject reason, or the gateway's code.
    started_at: datetime | None = moment_maybe()  # When its workflow was known to run.
    created_at: datetime = moment_now()


class CardEventRow(SQLModel, table=True):
    """One entry of a card's story, written with the state change it tells of."""

    __tablename__ = "card_event"
    __table_args__ = (Index("card_event_by_card", "card_id", "id"),)
    id: int | None = Field(default=None, primary_key=True)
    card_id: str = Field(foreign_key="card.id")
    at: datetime = moment_now()
    stage: Stage = word(Stage, required=True)
    actor: str  # machine | seller:<id> | partner:<id> | person:<id> | outlet:<code> | gateway
    what: str  # A key of the catalogue of story sentences, e.g. `verification.answered`.
    facts: dict[str, str] = json_object()


class PhotoRow(SQLModel, table=True):
    """A photograph of a card; the picture itself is sealed in the photo store, named by its hash."""

    __tablename__ = "photo"
    # Looks that differ in up to seven bits differ in at most one within some quarter: four indexes find them all.
    __table_args__ = tuple(
        Index(f"photo_look_{quarter}", text(f"((look >> {16 * quarter}) & 65535)")) for quarter in range(4)
    )
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    position: int
    original_sha256: str  # Of the bytes as uploaded.
    stored_sha256: str  # Of the re-encoded JPEG.
    width: int
    height: int
    look: int | None = Field(default=None, sa_type=BigInteger)  # 64-bit difference hash; alike looks alike.
    current: bool = True  # False once the seller sent another in its place.
    created_at: datetime = moment_now()


class ReadingRow(SQLModel, table=True):
    """One reading of one photograph. `fields` holds name, confidence, box and source; values are in `values_sealed`."""

    __tablename__ = "reading"
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    photo_id: str = Field(foreign_key="photo.id")
    reader: str
    duration_ms: int
    fields: list[dict[str, Any]] = json_list()
    values_sealed: bytes = sealed(required=True)  # JSON object: field name to value as read.
    created_at: datetime = moment_now()


class AnswerRow(SQLModel, table=True):
    """One call and what came of it; a failed call is a row too, with `failure` set and status unknown."""

    __tablename__ = "answer"
    id: int | None = Field(default=None, primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    party: Party = word(Party, required=True)
    operation: str  # inquire | consumption | send_code | check_code | check | confirm | lock | licence | secure | …
    request_id: str = Field(index=True)
    fields_revision: int  # Which fields of the card were asked about.
    status: CardStatus = word(CardStatus, required=True)
    balance_minor: int | None = minor_units_maybe()
    currency: Currency | None = word(Currency)
    expires_on: date | None = None
    details: dict[str, Any] = json_object()
    failure: str | None = None  # unavailable | refused:<code>
    cost_fen: int = minor_units()
    latency_ms: int
    at: datetime = moment_now()


class DynamicCodeRow(SQLModel, table=True):
    """A one-time code that the issuer sent to a seller on our request; we never know it before they enter it."""

    __tablename__ = "dynamic_code"
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    number: int  # From 1; rises with every resend.
    tries: int = 0
    expires_at: datetime | None = moment_maybe()
    result: str | None = None
    sent_at: datetime = moment_now()


class OutletRow(SQLModel, table=True):
    """A partner outlet that confirms regional cards at its own till."""

    __tablename__ = "outlet"
    code: str = Field(primary_key=True)
    name: str
    brand: str = Field(index=True)
    secret_sealed: bytes = sealed(required=True)  # Signs its reports.
    previous_sealed: bytes | None = sealed()  # The one before, good until it is retired.
    active: bool = True


class OutletRequestRow(SQLModel, table=True):
    """A confirmation asked of an outlet."""

    __tablename__ = "outlet_request"
    id: str = Field(primary_key=True)  # The request id given to the outlet.
    card_id: str = Field(foreign_key="card.id", index=True)
    outlet_code: str = Field(foreign_key="outlet.code")
    asked_at: datetime = moment_now()
    answered_at: datetime | None = moment_maybe()
    answer: str | None = None  # confirmed | denied


class QuoteRow(SQLModel, table=True):
    """One quote. `internal` holds resale price and fee: never in a page or answer for a seller."""

    __tablename__ = "quote"
    __table_args__ = (Index("quote_lately", "created_at"),)
    id: str = Field(primary_key=True)
    card_id: str = Field(foreign_key="card.id", index=True)
    fields_revision: int
    amount_minor: int = minor_units()
    currency: Currency = word(Currency, Currency.CNY)
    rate_bp: int
    lines: list[dict[str, Any]] = json_list()
    internal: dict[str, Any] = json_object()
    rule_set: str
    rule_version: str
    review_reasons: list[str] = json_list()
    locked_rate: dict[str, Any] = json_object()
    state: QuoteState = word(QuoteState, QuoteState.OPEN)
    created_at: datetime = moment_now()
    offered_at: datetime | None = moment_maybe()
    expires_at: datetime | None = moment_maybe()
    answered_at: datetime | None = moment_maybe()
