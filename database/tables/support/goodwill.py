"""Goodwill payments: proposals with their second person, and the one payment order of each."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    json_object,
    minor_units,
    moment_maybe,
    moment_now,
    sealed,
    word,
)
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.money import Currency
from domain.people.roles import Permission
from domain.support.goodwill import GoodwillState


class GoodwillRow(TableRow):
    """One proposal. It goes to the payee of `paid_key`, an order of the same seller that was paid before."""

    __tablename__ = "goodwill"
    __table_args__ = (
        Index(
            "goodwill_waits_once",
            "ticket_id",
            unique=True,
            postgresql_where=text("state = 'proposed' AND claim_id IS NULL"),
        ),
        Index(
            "goodwill_of_claim_once",
            "claim_id",
            unique=True,
            postgresql_where=text("state IN ('proposed', 'agreed', 'paid')"),
        ),
        Index(
            "goodwill_of_part_once",
            "part_id",
            unique=True,
            postgresql_where=text("state IN ('proposed', 'agreed', 'paid')"),
        ),
        Index("goodwill_by_ticket", "ticket_id", "id"),
        Index("goodwill_by_owner", "owner", "proposed_at"),
        Index("goodwill_under_way", "id", postgresql_where=text("state IN ('proposed', 'agreed')")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    # None where it pays a part of a payment again that came back.
    ticket_id: Mapped[str | None] = mapped_column(ForeignKey("ticket.id"), default=None)
    owner: Mapped[str]  # seller:<id> or partner:<id>
    paid_key: Mapped[str] = mapped_column(ForeignKey("payout.key"))
    payee_masked: Mapped[str]
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    reason_code: Mapped[str]  # Of the managed list `goodwill`.
    note: Mapped[str] = mapped_column(default="")
    # The dropped claim whose offsets this pays back: no gift, but what is owed to the seller. None for a gift.
    claim_id: Mapped[str | None] = mapped_column(ForeignKey("rollback.id"), default=None)
    # The part of a payment that came back, which this pays again: no gift either.
    part_id: Mapped[str | None] = mapped_column(ForeignKey("part_return.id"), default=None)
    state: Mapped[GoodwillState] = word(GoodwillState, GoodwillState.PROPOSED)
    needs: Mapped[Permission] = word(Permission, required=True)  # Of the second person.
    policy_version: Mapped[str]
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    proposers: Mapped[list[str]] = json_list()  # The proposer with everyone they act for.
    proposed_at: Mapped[datetime] = moment_now()
    checked_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    checked_at: Mapped[datetime | None] = moment_maybe()
    started_at: Mapped[datetime | None] = moment_maybe()  # When its workflow was known to run.
    ended_at: Mapped[datetime | None] = moment_maybe()

    @property
    def is_owed(self) -> bool:
        """Return whether it pays what is owed to the seller; else it is a gift."""
        return self.claim_id is not None or self.part_id is not None


class GoodwillOrderRow(TableRow):
    """The payment order of a proposal, with the columns of a card's order by which it is sent and reconciled."""

    __tablename__ = "goodwill_order"
    __table_args__ = (
        Index(
            "goodwill_order_by_reference", "gateway_reference", postgresql_where=text("gateway_reference IS NOT NULL")
        ),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    goodwill_id: Mapped[str] = mapped_column(ForeignKey("goodwill.id"), unique=True)
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    rail: Mapped[Rail] = word(Rail, Rail.ALIPAY)
    state: Mapped[PayoutState] = word(PayoutState, PayoutState.PREPARED)
    payee_account_sealed: Mapped[bytes] = sealed(required=True)
    payee_name_sealed: Mapped[bytes] = sealed(required=True)
    gateway_reference: Mapped[str | None] = mapped_column(default=None)
    answered: Mapped[PayoutOutcome | None] = word(PayoutOutcome)
    refusal_code: Mapped[str | None] = mapped_column(default=None)
    prepared_at: Mapped[datetime] = moment_now()
    settled_at: Mapped[datetime | None] = moment_maybe()
    routing_version: Mapped[str | None] = mapped_column(default=None)
    routed: Mapped[dict[str, str]] = json_object()
    tried_at: Mapped[datetime | None] = moment_maybe()  # When it was last about to be sent.
    stated_id: Mapped[str | None] = mapped_column(default=None)  # Two people said the outcome: stated_outcome.id
    taxable: Mapped[bool] = mapped_column(default=False)  # Income by the tax rules of the day on which it arrived,
    tax_version: Mapped[str] = mapped_column(default="")  # which are these.
