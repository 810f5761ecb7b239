"""The people of the console, their sessions, who stands in for whom, and the record of what they did and saw."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from database.tables.columns import (
    json_list,
    json_object,
    minor_units_maybe,
    moment,
    moment_maybe,
    moment_now,
    sealed,
    word,
)
from domain.people.access import AccessAnswer, AccessKind


class PersonRow(SQLModel, table=True):
    """A person who works at the console, with their skills and limits. An empty list of skills means all of them."""

    __tablename__ = "person"
    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str
    password_hash: str = Field(repr=False)
    roles: list[str] = json_list()  # domain.people.roles.Role values
    locale: str = "zh_CN"
    timezone: str = "Asia/Shanghai"  # An IANA name; every moment they read is in it.
    team: str = "cards"
    skill_types: list[str] = json_list()  # domain.cards.card.CardType values
    skill_brands: list[str] = json_list()
    skill_languages: list[str] = json_list()
    limit_minor: int | None = minor_units_maybe()  # The most they decide alone, CNY minor units; None: no limit.
    capacity: int = 0  # So many tasks are kept assigned to them; 0: they only take work themselves.
    on_duty: bool = True  # Off: nothing is assigned to them.
    probation_until: datetime | None = moment_maybe()  # Until then every approval of theirs is checked by another.
    shortcuts: dict[str, Any] = json_object()  # Keys they changed, or {"off": true}.
    totp_sealed: bytes | None = sealed()
    totp_confirmed_at: datetime | None = moment_maybe()
    totp_step: int = 0  # The last time step that was used: a code opens once.
    active: bool = True
    created_at: datetime = moment_now()


class PersonIdentityRow(SQLModel, table=True):
    """A person as an OpenID provider knows them."""

    __tablename__ = "person_identity"
    issuer: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    created_at: datetime = moment_now()


class RelativeRow(SQLModel, table=True):
    """A seller whose cases a person never gets: a relative, a friend, themselves."""

    __tablename__ = "person_relative"
    person_id: str = Field(primary_key=True, foreign_key="person.id")
    seller: str = Field(primary_key=True)  # seller:<id> or partner:<id>
    declared_at: datetime = moment_now()


class AccessRequestRow(SQLModel, table=True):
    """Access that waits for a second person, or waited: who asked, who answered."""

    __tablename__ = "access_request"
    __table_args__ = (
        # What waits is one request per person and kind; a new one takes the place of the one before.
        Index("access_request_waiting", "person_id", "kind", unique=True, postgresql_where=text("answer IS NULL")),
    )
    id: str = Field(primary_key=True)
    kind: AccessKind = word(AccessKind, required=True)
    person_id: str = Field(foreign_key="person.id")
    roles: list[str] = json_list()  # domain.people.roles.Role values; empty for all but roles.
    bounds: dict[str, Any] = (
        json_object()
    )  # The bounds asked for, by column: `limit_minor`, `probation_until` (ISO 8601).
    asked_by: str = Field(foreign_key="person.id")
    asked_at: datetime = moment_now()
    answer: AccessAnswer | None = word(AccessAnswer)
    answered_by: str | None = None  # Nobody where a newer request took its place.
    answered_at: datetime | None = moment_maybe()


class AbsenceRow(SQLModel, table=True):
    """A person is away between two moments; a stand-in may act for them. Also a mere delegation: `away` is False."""

    __tablename__ = "absence"
    id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    stand_in: str | None = Field(default=None, foreign_key="person.id", index=True)
    away: bool = True
    starts_at: datetime = moment()
    ends_at: datetime = moment()
    ended_at: datetime | None = moment_maybe()  # Called off.
    made_by: str
    created_at: datetime = moment_now()


class ConsoleSessionRow(SQLModel, table=True):
    """A signed-in browser; the cookie holds a random token of which only the hash is here."""

    __tablename__ = "console_session"
    __table_args__ = (UniqueConstraint("id", name="console_session_id"),)
    token_hash: str = Field(primary_key=True)
    id: str  # Names the session in the person's own list; worth nothing as a key.
    person_id: str = Field(foreign_key="person.id", index=True)
    way: str = "password"  # password | totp | oidc
    browser: str = ""
    address: str = ""
    created_at: datetime = moment_now()
    seen_at: datetime = moment_now()
    stepped_up_at: datetime | None = moment_maybe()  # When they last proved a second factor, or their password.
    expires_at: datetime = moment()
    ended_at: datetime | None = moment_maybe()


class AuditRow(SQLModel, table=True):
    """One act of a person: `source:subject:action`, e.g. `console:card:reveal_pin`, with its reason."""

    __tablename__ = "audit_event"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = moment_now()
    actor: str = Field(index=True)
    act: str
    subject: str = Field(index=True)
    reason: str = ""
    facts: dict[str, Any] = json_object()


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
