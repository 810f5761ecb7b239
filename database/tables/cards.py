"""Submissions, and each card on its journey: photos, readings, answers of the outside, quotes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
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
from domain.finance.rails import Rail
from domain.money import Currency


class SubmissionRow(TableRow):
    """Cards submitted together. One idempotency key per owner names one submission permanently."""

    __tablename__ = "submission"
    __table_args__ = (
        UniqueConstraint("owner", "idempotency_key", name="submission_once"),
        Index("submission_by_ending", text('"right"(id, 4)')),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)  # seller:<id> or partner:<id>
    idempotency_key: Mapped[str]
    request_hash: Mapped[str]  # SHA-256 (hex) over everything that was sent.
    form_hash: Mapped[str | None] = mapped_column(default=None)  # SHA-256 (hex) of what the seller was shown and sent.
    body_hash: Mapped[str | None] = mapped_column(default=None)  # Keyed hash (hex) of the bytes of an API request.
    channel: Mapped[str]  # api | web
    locale: Mapped[str]
    payee_account_sealed: Mapped[bytes] = sealed(required=True)
    payee_name_sealed: Mapped[bytes] = sealed(required=True)
    payee_masked: Mapped[str]
    payee_rail: Mapped[Rail] = word(Rail, Rail.ALIPAY)
    # The code of the offline point that took the cards in; empty: none did.
    intake_point: Mapped[str] = mapped_column(default="")
    # Keyed hash (hex) of the account, to count what it is paid.
    payee_index: Mapped[str | None] = mapped_column(default=None, index=True)
    created_at: Mapped[datetime] = moment_now()


class CardRow(TableRow):
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
        # What is stuck is found without reading the open cards that are not.
        Index("card_waits", "waiting_for", "since", postgresql_where=text("outcome IS NULL")),
        Index("card_until", "until", postgresql_where=text("outcome IS NULL AND until IS NOT NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"))
    position: Mapped[int]  # From 0, in the order of the submission.
    card_type: Mapped[CardType] = word(CardType, required=True)
    brand: Mapped[str]
    currency: Mapped[Currency] = word(Currency, required=True)
    number_sealed: Mapped[bytes | None] = sealed()
    number_tail: Mapped[str | None] = mapped_column(default=None)  # Last four characters.
    pin_sealed: Mapped[bytes | None] = sealed()
    # Keyed hash of issuer and number (hex); set as soon as the number is known.
    fingerprint: Mapped[str | None] = mapped_column(default=None)
    # Keyed hash of issuer, number and PIN (hex); of the number alone for brands without a PIN.
    claim: Mapped[str | None] = mapped_column(default=None)
    # It is offered or bought: no other live card with this number can be.
    holds_number: Mapped[bool] = mapped_column(default=False)
    live: Mapped[bool] = mapped_column(default=True)
    face_value_minor: Mapped[int | None] = minor_units_maybe()
    expires_on: Mapped[date | None] = mapped_column(default=None)
    fields_revision: Mapped[int] = mapped_column(default=0)  # Rises with every change of the fields.
    confirm_fields: Mapped[bool] = mapped_column(default=False)
    accept_at_or_above_minor: Mapped[int | None] = minor_units_maybe()  # In CNY minor units.
    stage: Mapped[Stage] = word(Stage, Stage.INTAKE)
    waiting_for: Mapped[WaitingFor] = word(WaitingFor, WaitingFor.MACHINE)
    since: Mapped[datetime] = moment_now()
    until: Mapped[datetime | None] = moment_maybe()
    outcome: Mapped[Outcome | None] = word(Outcome)
    reason: Mapped[EndReason | None] = word(EndReason)
    # The reviewer's reject reason, or the gateway's code.
    reason_detail: Mapped[str | None] = mapped_column(default=None)
    started_at: Mapped[datetime | None] = moment_maybe()  # When its workflow was known to run.
    reopened_at: Mapped[datetime | None] = moment_maybe()  # After its end, by a changed decision.
    created_at: Mapped[datetime] = moment_now()


class CardEventRow(TableRow):
    """One entry of a card's story, written with the state change it tells of."""

    __tablename__ = "card_event"
    __table_args__ = (Index("card_event_by_card", "card_id", "id"),)
    id: Mapped[int | None] = mapped_column(primary_key=True, default=None, nullable=False)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"))
    at: Mapped[datetime] = moment_now()
    stage: Mapped[Stage] = word(Stage, required=True)
    actor: Mapped[str]  # machine | seller:<id> | partner:<id> | person:<id> | outlet:<code> | gateway
    what: Mapped[str]  # A key of the catalogue of story sentences, e.g. `verification.answered`.
    facts: Mapped[dict[str, str]] = json_object()


class PhotoRow(TableRow):
    """A photograph of a card; the picture itself is sealed in the photo store, named by its hash."""

    __tablename__ = "photo"
    # Looks that differ in up to seven bits differ in at most one within some quarter: four indexes find them all.
    __table_args__ = tuple(
        Index(f"photo_look_{quarter}", text(f"((look >> {16 * quarter}) & 65535)")) for quarter in range(4)
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    position: Mapped[int]
    original_sha256: Mapped[str]  # Of the bytes as uploaded.
    stored_sha256: Mapped[str]  # Of the re-encoded JPEG.
    width: Mapped[int]
    height: Mapped[int]
    look: Mapped[int | None] = mapped_column(BigInteger, default=None)  # 64-bit difference hash; alike looks alike.
    current: Mapped[bool] = mapped_column(default=True)  # False once the seller sent another in its place.
    erased_at: Mapped[datetime | None] = moment_maybe()  # At its owner's wish; the picture is gone.
    created_at: Mapped[datetime] = moment_now()


class ReadingRow(TableRow):
    """One reading of one photograph. `fields` holds name, confidence, box and source; values are in `values_sealed`."""

    __tablename__ = "reading"
    __table_args__ = (Index("reading_by_time", "created_at", "id"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    photo_id: Mapped[str] = mapped_column(ForeignKey("photo.id"))
    reader: Mapped[str]
    duration_ms: Mapped[int]
    fields: Mapped[list[dict[str, Any]]] = json_list()
    values_sealed: Mapped[bytes] = sealed(required=True)  # JSON object: field name to value as read.
    created_at: Mapped[datetime] = moment_now()


class AnswerRow(TableRow):
    """One call and what came of it; a failed call is a row too, with `failure` set and status unknown."""

    __tablename__ = "answer"
    id: Mapped[int | None] = mapped_column(primary_key=True, default=None, nullable=False)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    party: Mapped[Party] = word(Party, required=True)
    # inquire | consumption | send_code | check_code | check | confirm | lock | licence | secure | …
    operation: Mapped[str]
    request_id: Mapped[str] = mapped_column(index=True)
    fields_revision: Mapped[int]  # Which fields of the card were asked about.
    status: Mapped[CardStatus] = word(CardStatus, required=True)
    balance_minor: Mapped[int | None] = minor_units_maybe()
    currency: Mapped[Currency | None] = word(Currency)
    expires_on: Mapped[date | None] = mapped_column(default=None)
    details: Mapped[dict[str, Any]] = json_object()
    failure: Mapped[str | None] = mapped_column(default=None)  # unavailable | refused:<code>
    cost_fen: Mapped[int] = minor_units()
    latency_ms: Mapped[int]
    at: Mapped[datetime] = moment_now()


class DynamicCodeRow(TableRow):
    """A one-time code that the issuer sent to a seller on our request; we never know it before they enter it."""

    __tablename__ = "dynamic_code"
    id: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    number: Mapped[int]  # From 1; rises with every resend.
    tries: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime | None] = moment_maybe()
    result: Mapped[str | None] = mapped_column(default=None)
    sent_at: Mapped[datetime] = moment_now()


class OutletRow(TableRow):
    """A partner outlet that confirms regional cards at its own till."""

    __tablename__ = "outlet"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    brand: Mapped[str] = mapped_column(index=True)
    secret_sealed: Mapped[bytes] = sealed(required=True)  # Signs its reports.
    previous_sealed: Mapped[bytes | None] = sealed()  # The one before, good until it is retired.
    active: Mapped[bool] = mapped_column(default=True)


class OutletRequestRow(TableRow):
    """A confirmation asked of an outlet."""

    __tablename__ = "outlet_request"
    id: Mapped[str] = mapped_column(primary_key=True)  # The request id given to the outlet.
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    outlet_code: Mapped[str] = mapped_column(ForeignKey("outlet.code"))
    asked_at: Mapped[datetime] = moment_now()
    answered_at: Mapped[datetime | None] = moment_maybe()
    answer: Mapped[str | None] = mapped_column(default=None)  # confirmed | denied


class QuoteRow(TableRow):
    """One quote. `internal` holds resale price and fee: never in a page or answer for a seller."""

    __tablename__ = "quote"
    __table_args__ = (Index("quote_lately", "created_at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str] = mapped_column(ForeignKey("card.id"), index=True)
    fields_revision: Mapped[int]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    rate_bp: Mapped[int]
    lines: Mapped[list[dict[str, Any]]] = json_list()
    internal: Mapped[dict[str, Any]] = json_object()
    rule_set: Mapped[str]
    rule_version: Mapped[str]
    review_reasons: Mapped[list[str]] = json_list()
    locked_rate: Mapped[dict[str, Any]] = json_object()
    state: Mapped[QuoteState] = word(QuoteState, QuoteState.OPEN)
    created_at: Mapped[datetime] = moment_now()
    offered_at: Mapped[datetime | None] = moment_maybe()
    expires_at: Mapped[datetime | None] = moment_maybe()
    answered_at: Mapped[datetime | None] = moment_maybe()
