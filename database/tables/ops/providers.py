"""Providers: their windows of maintenance, and what their calls come to."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, Index, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from database.tables.columns import (
    TableRow,
    moment,
    moment_maybe,
    moment_now,
    word,
)
from domain.ops.maintenance import OPEN, Why, WindowState


class ProviderWindowRow(TableRow):
    """A window in which a provider, or one brand of an issuer, is in maintenance; see `domain.ops.maintenance`."""

    __tablename__ = "provider_window"
    __table_args__ = (
        Index(
            "provider_window_open", "provider", postgresql_where=text(f"state IN {tuple(one.value for one in OPEN)}")
        ),
        Index("provider_window_history", "provider", "starts_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str]  # e.g. issuer:jd
    brand: Mapped[str]  # Empty: all of the provider.
    reason: Mapped[str]
    starts_at: Mapped[datetime] = moment()
    ends_at: Mapped[datetime | None] = moment_maybe()  # Planned; None: until a person ends it.
    state: Mapped[WindowState] = word(WindowState, required=True)
    share: Mapped[int]  # Percent of the usual rate that is let through.
    since: Mapped[datetime] = moment()  # Of state and share.
    next_at: Mapped[datetime | None] = moment_maybe()  # When it changes automatically.
    created_by: Mapped[str]  # A person's id, or `system:<user>` at the command line.
    created_at: Mapped[datetime] = moment_now()
    held_at: Mapped[datetime | None] = moment_maybe()  # When its calls were first held.
    closed_at: Mapped[datetime | None] = moment_maybe()


class ProviderStepRow(TableRow):
    """One change of a window: its history."""

    __tablename__ = "provider_step"
    __table_args__ = (Index("provider_step_of_window", "window_id", "id"),)
    id: Mapped[int | None] = mapped_column(primary_key=True, default=None, nullable=False)
    window_id: Mapped[str]
    at: Mapped[datetime] = moment()
    state: Mapped[WindowState] = word(WindowState, required=True)
    share: Mapped[int]
    why: Mapped[Why] = word(Why, required=True)
    actor: Mapped[str]  # machine, a person's id, or `system:<user>`.
    ends_at: Mapped[datetime | None] = moment_maybe()  # The window's end from then on, where a person changed it.


class _Calls(MappedAsDataclass, kw_only=True):
    """What calls come to. Money in fen; `latency` counts the calls of each class of `domain.ops.calls`."""

    provider: Mapped[str] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(primary_key=True)  # Empty where the provider is not asked by brand.
    calls: Mapped[int] = mapped_column(BigInteger)
    failed: Mapped[int] = mapped_column(BigInteger)  # Without a usable answer; a refusal is an answer.
    timeouts: Mapped[int] = mapped_column(BigInteger)
    refused: Mapped[int] = mapped_column(BigInteger)
    cost_fen: Mapped[int] = mapped_column(BigInteger)
    latency: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class ProviderSlotRow(_Calls, TableRow):
    """The calls of ten seconds; kept for some hours."""

    __tablename__ = "provider_slot"
    __table_args__ = (Index("provider_slot_at", "at"),)
    at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)  # Its beginning.


class ProviderDayRow(_Calls, TableRow):
    """The calls of one day in the office."""

    __tablename__ = "provider_day"
    day: Mapped[date] = mapped_column(primary_key=True)


class ProviderErrorRow(TableRow):
    """A provider's newest failure."""

    __tablename__ = "provider_error"
    provider: Mapped[str] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(primary_key=True)
    error: Mapped[str]  # Its short word.
    at: Mapped[datetime] = moment()


class ProviderRunningRow(TableRow):
    """The calls to a provider that one process has begun and not ended."""

    __tablename__ = "provider_running"
    provider: Mapped[str] = mapped_column(primary_key=True)
    brand: Mapped[str] = mapped_column(primary_key=True)
    process: Mapped[str] = mapped_column(primary_key=True)
    running: Mapped[int]
    at: Mapped[datetime] = moment()
