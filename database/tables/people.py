"""The people of the console, their sessions, who stands in for whom, and the record of what they did and saw."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
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


class PersonRow(TableRow):
    """A person who works at the console, with their skills and limits. An empty list of skills means all of them."""

    __tablename__ = "person"
    id: Mapped[str] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str] = mapped_column(repr=False)
    roles: Mapped[list[str]] = json_list()  # domain.people.roles.Role values
    locale: Mapped[str] = mapped_column(default="zh_CN")
    timezone: Mapped[str] = mapped_column(default="Asia/Shanghai")  # An IANA name; every moment they read is in it.
    team: Mapped[str] = mapped_column(default="cards")
    skill_types: Mapped[list[str]] = json_list()  # domain.cards.card.CardType values
    skill_brands: Mapped[list[str]] = json_list()
    skill_languages: Mapped[list[str]] = json_list()
    # The most they decide alone, CNY minor units; None: no limit.
    limit_minor: Mapped[int | None] = minor_units_maybe()
    # So many tasks are kept assigned to them; 0: they only take work themselves.
    capacity: Mapped[int] = mapped_column(default=0)
    on_duty: Mapped[bool] = mapped_column(default=True)  # Off: nothing is assigned to them.
    # Until then every approval of theirs is checked by another.
    probation_until: Mapped[datetime | None] = moment_maybe()
    shortcuts: Mapped[dict[str, Any]] = json_object()  # Keys they changed, or {"off": true}.
    totp_sealed: Mapped[bytes | None] = sealed()
    totp_confirmed_at: Mapped[datetime | None] = moment_maybe()
    totp_step: Mapped[int] = mapped_column(default=0)  # The last time step that was used: a code opens once.
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = moment_now()


class PersonIdentityRow(TableRow):
    """A person as an OpenID provider knows them."""

    __tablename__ = "person_identity"
    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = moment_now()


class RelativeRow(TableRow):
    """A seller whose cases a person never gets: a relative, a friend, themselves."""

    __tablename__ = "person_relative"
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), primary_key=True)
    seller: Mapped[str] = mapped_column(primary_key=True)  # seller:<id> or partner:<id>
    declared_at: Mapped[datetime] = moment_now()


class AccessRequestRow(TableRow):
    """Access that waits for a second person, or waited: who asked, who answered."""

    __tablename__ = "access_request"
    __table_args__ = (
        # What waits is one request per person and kind; a new one takes the place of the one before.
        Index("access_request_waiting", "person_id", "kind", unique=True, postgresql_where=text("answer IS NULL")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[AccessKind] = word(AccessKind, required=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    roles: Mapped[list[str]] = json_list()  # domain.people.roles.Role values; empty for all but roles.
    # The bounds asked for, by column: `limit_minor`, `probation_until` (ISO 8601).
    bounds: Mapped[dict[str, Any]] = json_object()
    asked_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    asked_at: Mapped[datetime] = moment_now()
    answer: Mapped[AccessAnswer | None] = word(AccessAnswer)
    answered_by: Mapped[str | None] = mapped_column(default=None)  # None where a newer request replaced it.
    answered_at: Mapped[datetime | None] = moment_maybe()


class AbsenceRow(TableRow):
    """A person is away between two moments; a stand-in may act for them. Also a mere delegation: `away` is False."""

    __tablename__ = "absence"
    id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    stand_in: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None, index=True)
    away: Mapped[bool] = mapped_column(default=True)
    starts_at: Mapped[datetime] = moment()
    ends_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment_maybe()  # Called off.
    made_by: Mapped[str]
    created_at: Mapped[datetime] = moment_now()


class ConsoleSessionRow(TableRow):
    """A signed-in browser; the cookie holds a random token of which only the hash is here."""

    __tablename__ = "console_session"
    __table_args__ = (UniqueConstraint("id", name="console_session_id"),)
    token_hash: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str]  # Names the session in the person's own list; worth nothing as a key.
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    way: Mapped[str] = mapped_column(default="password")  # password | totp | oidc
    browser: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime] = moment_now()
    seen_at: Mapped[datetime] = moment_now()
    stepped_up_at: Mapped[datetime | None] = moment_maybe()  # When they last proved a second factor, or their password.
    expires_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment_maybe()


class AuditRow(TableRow):
    """One act of a person: `source:subject:action`, e.g. `console:card:reveal_pin`, with its reason."""

    __tablename__ = "audit_event"
    id: Mapped[int | None] = mapped_column(primary_key=True, default=None, nullable=False)
    at: Mapped[datetime] = moment_now()
    actor: Mapped[str] = mapped_column(index=True)
    act: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    reason: Mapped[str] = mapped_column(default="")
    facts: Mapped[dict[str, Any]] = json_object()


class SellerRow(TableRow):
    """A person who sells cards; known by a telephone number."""

    __tablename__ = "seller"
    id: Mapped[str] = mapped_column(primary_key=True)
    phone_sealed: Mapped[bytes] = sealed(required=True)
    phone_index: Mapped[str] = mapped_column(unique=True)  # Keyed hash of the E.164 number (hex).
    phone_masked: Mapped[str]  # 138****0021
    locale: Mapped[str] = mapped_column(default="zh_CN")
    created_at: Mapped[datetime] = moment_now()
    erased_at: Mapped[datetime | None] = moment_maybe()  # The telephone is gone and the account closed, at their wish.


class SignInCodeRow(TableRow):
    """A one-time code sent to a seller's telephone."""

    __tablename__ = "sign_in_code"
    id: Mapped[str] = mapped_column(primary_key=True)
    phone_index: Mapped[str] = mapped_column(index=True)
    code_hash: Mapped[str]  # Keyed hash (hex), never the code.
    tries: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime] = moment_now()
    expires_at: Mapped[datetime] = moment()
    used_at: Mapped[datetime | None] = moment_maybe()


class PartnerRow(TableRow):
    """A business that submits cards through the API."""

    __tablename__ = "partner"
    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    webhook_url: Mapped[str | None] = mapped_column(default=None)
    webhook_secret_sealed: Mapped[bytes | None] = sealed()
    created_at: Mapped[datetime] = moment_now()


class ApiKeyRow(TableRow):
    """A partner's key; only its keyed hash is stored."""

    __tablename__ = "api_key"
    id: Mapped[str] = mapped_column(primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partner.id"), index=True)
    key_hash: Mapped[str] = mapped_column(unique=True)
    prefix: Mapped[str]  # The first characters, to tell keys apart on a screen.
    created_at: Mapped[datetime] = moment_now()
    revoked_at: Mapped[datetime | None] = moment_maybe()
