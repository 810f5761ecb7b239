"""Sellers and partners, their submissions, and each card with its current stage."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_object, minor_units_maybe, moment, moment_maybe, moment_now, sealed, word
from domain.cards.card import CardType, EndReason, Outcome, Stage, WaitingFor
from domain.money import Currency


class SellerRow(SQLModel, table=True):
    """A person who sells cards; known by a telephone number."""

    __tablename__ = "seller"
    id: str = Field(primary_key=True)
    phone_sealed: bytes = sealed(required=True)
    phone_index: str = Field(unique=True)  # Keyed hash of the E.164 number (hex).
    phone_masked: str  # 138****0021
    locale: str = "zh_CN"
    created_at: datetime = moment_now()


class SignInCodeRow(SQLModel, table=True):
    """A one-time code sent to a seller's telephone."""

    __tablename__ = "sign_in_code"
    id: str = Field(primary_key=True)
    phone_index: str = Field(index=True)
    code_hash: str  # Keyed hash (hex), never the code.
    tries: int = 0
    sent_at: datetime = moment_now()
    expires_at: datetime = moment()
    used_at: datetime | None = moment_maybe()


class PartnerRow(SQLModel, table=True):
    """A business that submits cards through the API."""

    __tablename__ = "partner"
    id: str = Field(primary_key=True)
    name: str
    webhook_url: str | None = None
    webhook_secret_sealed: bytes | None = sealed()
    created_at: datetime = moment_now()


class ApiKeyRow(SQLModel, table=True):
    """A partner's key; only its keyed hash is stored."""

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    partner_id: str = Field(foreign_key="partner.id", index=True)
    key_hash: str = Field(unique=True)
    prefix: str  # The first characters, to tell keys apart on a screen.
    created_at: datetime = moment_now()
    revoked_at: datetime | None = moment_maybe()


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
