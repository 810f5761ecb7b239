"""Routing of payments: switches, what was ordered per day, payments that wait, changes of payees, verified names."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    minor_units,
    moment_maybe,
    moment_now,
    sealed,
    word,
    word_key,
)
from domain.finance.rails import Rail


class RailSwitchRow(TableRow):
    """A rail that a person switched off, until two people switch it on again."""

    __tablename__ = "rail_switch"
    __table_args__ = (
        Index("rail_switch_off_once", "rail", unique=True, postgresql_where=text("on_at IS NULL")),
        Index("rail_switch_history", "rail", "off_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    rail: Mapped[Rail] = word(Rail, required=True)
    off_at: Mapped[datetime] = moment_now()
    off_by: Mapped[str]  # person.id
    off_reason: Mapped[str]
    asked_at: Mapped[datetime | None] = moment_maybe()  # When a person asked to switch it on.
    asked_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    askers: Mapped[list[str]] = json_list()  # They with everyone they act for.
    asked_reason: Mapped[str] = mapped_column(default="")
    on_at: Mapped[datetime | None] = moment_maybe()
    on_by: Mapped[str | None] = mapped_column(default=None)  # person.id of the second person


class PayoutUsageRow(TableRow):
    """What was ordered on a rail in one day of the office, and how much of that was refused. Orders lock their day's row."""

    __tablename__ = "payout_usage"
    rail: Mapped[Rail] = word_key(Rail)
    day: Mapped[date] = mapped_column(primary_key=True)
    ordered_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    refused_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    orders: Mapped[int] = mapped_column(BigInteger, default=0)


class PayoutWaitRow(TableRow):
    """A payment that waits before anything is sent, by the key that its order will have."""

    __tablename__ = "payout_wait"
    __table_args__ = (
        Index("payout_wait_open", "since", postgresql_where=text("ended_at IS NULL")),
        Index("payout_wait_by_card", "card_id"),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    card_id: Mapped[str | None] = mapped_column(default=None)  # None: a goodwill payment.
    owner: Mapped[str]
    rail: Mapped[Rail] = word(Rail, required=True)
    amount_minor: Mapped[int] = minor_units()
    payee_masked: Mapped[str]
    payee_index: Mapped[str | None] = mapped_column(default=None)
    reasons: Mapped[list[str]] = json_list()  # WaitReason values
    policy_version: Mapped[str] = mapped_column(default="")
    since: Mapped[datetime] = moment_now()
    until: Mapped[datetime | None] = moment_maybe()
    signalled_at: Mapped[datetime | None] = moment_maybe()  # When its workflow was last signalled to continue.
    released_at: Mapped[datetime | None] = moment_maybe()
    released_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    released_reason: Mapped[str] = mapped_column(default="")
    asked_at: Mapped[datetime | None] = moment_maybe()  # When a person asked for another payee.
    asked_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    askers: Mapped[list[str]] = json_list()  # They with everyone they act for.
    asked_reason: Mapped[str] = mapped_column(default="")
    turned_down_at: Mapped[datetime | None] = moment_maybe()  # Since when the seller is asked; until they name a payee.
    turned_down_by: Mapped[str | None] = mapped_column(default=None)  # person.id of who agreed, or asked alone
    ended_at: Mapped[datetime | None] = moment_maybe()


class PayeeChangeRow(TableRow):
    """A seller was to be paid at another payee than before: when we first met it and wrote to their old contact."""

    __tablename__ = "payee_change"
    owner: Mapped[str] = mapped_column(primary_key=True)
    payee_index: Mapped[str] = mapped_column(primary_key=True)
    payee_masked: Mapped[str]
    before_masked: Mapped[str]
    noticed_at: Mapped[datetime] = moment_now()


class VerifiedNameRow(TableRow):
    """The name of a seller as a person verified it; the newest counts."""

    __tablename__ = "verified_name"
    __table_args__ = (Index("verified_name_of", "owner", "verified_at"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str]  # seller:<id>
    name_sealed: Mapped[bytes] = sealed(required=True)
    how: Mapped[str]  # What it was verified by.
    verified_by: Mapped[str]  # person.id
    verified_at: Mapped[datetime] = moment_now()
