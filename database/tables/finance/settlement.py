"""Settlement: counterparties with their payees, runs with their lines, statements, story and payment orders."""

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
from domain.finance.counterparties import CounterpartyKind
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.finance.settlement import (
    PayeeState,
    SettlementAnswer,
    SettlementDeed,
    SettlementEnding,
    SettlementState,
)
from domain.money import Currency


class CounterpartyRow(TableRow):
    """A business we settle with. What is owed to it is in the ledger under its `owner`, in one currency."""

    __tablename__ = "counterparty"
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[CounterpartyKind] = word(CounterpartyKind, required=True)
    # The owner word of its account, e.g. `partner:01H…` or `hualian-outlet`; of a provider, its id, e.g. `issuer:jd`.
    owner: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    language: Mapped[str] = mapped_column(default="zh_CN")
    # Where statements are sent by mail, and as whom it disputes; none: by the partner's own doors alone.
    mail_sealed: Mapped[bytes | None] = sealed()
    mail_masked: Mapped[str] = mapped_column(default="")
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partner.id"), unique=True, default=None)
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    terms: Mapped[str]  # The code of its terms in the policy `settlement`.
    since: Mapped[date]  # Periods from that of this day on are settled.
    opening_minor: Mapped[int] = mapped_column(BigInteger, default=0)  # Owed to it on that day from before.
    rail: Mapped[Rail] = word(Rail, Rail.BANK)  # By which it is paid.
    active: Mapped[bool] = mapped_column(default=True)  # No new run starts where it is not.
    revision: Mapped[int] = mapped_column(default=1)
    made_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = moment_now()


class CounterpartyPayeeRow(TableRow):
    """A payee of a counterparty on one rail. The newest that a second person agreed to is paid."""

    __tablename__ = "counterparty_payee"
    __table_args__ = (
        Index("counterparty_payee_waits_once", "counterparty_id", "rail", unique=True, postgresql_where=text("state = 'proposed'")),
        Index("counterparty_payee_of", "counterparty_id", "rail", "id"),
    )  # fmt: skip
    id: Mapped[str] = mapped_column(primary_key=True)
    counterparty_id: Mapped[str] = mapped_column(ForeignKey("counterparty.id"))
    rail: Mapped[Rail] = word(Rail, Rail.BANK)
    account_sealed: Mapped[bytes] = sealed(required=True)
    name_sealed: Mapped[bytes] = sealed(required=True)
    masked: Mapped[str]
    state: Mapped[PayeeState] = word(PayeeState, PayeeState.PROPOSED)
    proposed_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    proposers: Mapped[list[str]] = json_list()  # The proposer with everyone they act for.
    proposed_at: Mapped[datetime] = moment_now()
    checked_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    checked_at: Mapped[datetime | None] = moment_maybe()


class SettlementRunRow(TableRow):
    """One period of one counterparty. Its amounts are those of its newest statement; owed to the counterparty is positive."""

    __tablename__ = "settlement_run"
    __table_args__ = (
        UniqueConstraint("counterparty_id", "period", name="settlement_run_once"),
        Index("settlement_run_open", "id", postgresql_where=text("state <> 'closed'")),
        Index("settlement_run_unheard", "id", postgresql_where=text("heard_revision < revision")),
        Index("settlement_run_newest", "ends_on", "id"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    counterparty_id: Mapped[str] = mapped_column(ForeignKey("counterparty.id"))
    period: Mapped[str]  # 2026-11 or 2026-W47
    starts_on: Mapped[date]
    ends_on: Mapped[date]
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    state: Mapped[SettlementState] = word(SettlementState, SettlementState.COLLECTING)
    ending: Mapped[SettlementEnding | None] = word(SettlementEnding)
    terms: Mapped[dict[str, Any]] = json_object()  # As they were when the run began.
    policy_version: Mapped[str]
    two_people_from_minor: Mapped[int] = minor_units()
    collected_at: Mapped[datetime | None] = moment_maybe()
    version: Mapped[int] = mapped_column(default=0)  # Of the newest statement; 0: there is none yet.
    lines_version: Mapped[int] = mapped_column(default=1)  # Of the newest lines; above `version`, a statement is due.
    carried_in_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    lines_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    held_back_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    payable_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    carried_out_minor: Mapped[int] = mapped_column(BigInteger, default=0)
    deadline_at: Mapped[datetime | None] = moment_maybe()
    overdue_at: Mapped[datetime | None] = moment_maybe()  # When finance was notified that no answer came.
    answer: Mapped[SettlementAnswer | None] = word(SettlementAnswer)
    answered_by: Mapped[str | None] = mapped_column(default=None)  # partner:<id>, person:<id> or machine
    answered_at: Mapped[datetime | None] = moment_maybe()
    reference: Mapped[str] = mapped_column(default="")  # The counterparty's own number, e.g. of its invoice.
    ticket_id: Mapped[str | None] = mapped_column(ForeignKey("ticket.id"), default=None)  # Of the newest dispute.
    disputes: Mapped[int] = mapped_column(default=0)
    # Those who answered for the counterparty or corrected an amount, with everyone they act for: they approve nothing.
    hands: Mapped[list[str]] = json_list()
    approved_by: Mapped[list[str]] = json_list()  # person ids, in their order.
    attempt: Mapped[int] = mapped_column(default=1)
    payee_refused_at: Mapped[datetime | None] = moment_maybe()
    task_id: Mapped[str | None] = mapped_column(ForeignKey("work_item.id"), default=None)  # The newest piece of work.
    tasks: Mapped[int] = mapped_column(default=0)
    revision: Mapped[int] = mapped_column(default=1)  # Rises with each change that its workflow must be notified of.
    heard_revision: Mapped[int] = mapped_column(default=0)
    made_at: Mapped[datetime] = moment_now()
    closed_at: Mapped[datetime | None] = moment_maybe()


class SettlementLineRow(TableRow):
    """One entry of the ledger in the one run that settles it; `version` is that of the first statement that shows it."""

    __tablename__ = "settlement_line"
    __table_args__ = (Index("settlement_line_of_run", "run_id", "entry_id"),)
    entry_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("entry.id"), primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("settlement_run.id"))
    version: Mapped[int] = mapped_column(default=1)
    amount_minor: Mapped[int] = minor_units()  # Owed to the counterparty is positive.
    happened_on: Mapped[date]
    what: Mapped[str]
    cause: Mapped[str] = mapped_column(default="")
    card_id: Mapped[str | None] = mapped_column(default=None)
    late: Mapped[bool] = mapped_column(default=False)  # It counts for a period before the run's.
    note: Mapped[str] = mapped_column(default="")  # Of a correction: why.


class SettlementStatementRow(TableRow):
    """One version of a run's statement: the hash of its content, and its files in the photo store by digest."""

    __tablename__ = "settlement_statement"
    run_id: Mapped[str] = mapped_column(ForeignKey("settlement_run.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content_hash: Mapped[str]  # SHA-256 (hex) of what it says, as canonical JSON.
    content: Mapped[dict[str, Any]] = json_object()
    files: Mapped[dict[str, str]] = json_object()  # pdf.zh_CN, pdf.en, csv.zh_CN, csv.en: SHA-256 (hex) of the file.
    made_at: Mapped[datetime] = moment_now()


class SettlementEventRow(TableRow):
    """One step of a run's story, in the order of `id`; each is in the evidence, too."""

    __tablename__ = "settlement_event"
    __table_args__ = (Index("settlement_event_of_run", "run_id", "id"),)
    id: Mapped[int | None] = mapped_column(BigInteger, primary_key=True, default=None, nullable=False)
    run_id: Mapped[str] = mapped_column(ForeignKey("settlement_run.id"))
    at: Mapped[datetime] = moment_now()
    actor: Mapped[str]  # machine, gateway, partner:<id> or person:<id>
    what: Mapped[str]  # The key of its sentence, `settlement_event.<what>`.
    facts: Mapped[dict[str, str]] = json_object()


class SettlementDeedRow(TableRow):
    """A deed that was done, by its key: the same deed again changes nothing."""

    __tablename__ = "settlement_deed"
    key: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("settlement_run.id"), index=True)
    deed: Mapped[SettlementDeed] = word(SettlementDeed, required=True)
    by: Mapped[str]
    version: Mapped[int]  # The statement that it was about.
    words: Mapped[str] = mapped_column(default="")
    lines: Mapped[list[str]] = json_list()  # Of a dispute: the entries that are disputed.
    amount_minor: Mapped[int | None] = minor_units_maybe()  # Of a correction.
    at: Mapped[datetime] = moment_now()


class SettlementOrderRow(TableRow):
    """One payment order of a run, with the columns of a card's order by which it is sent and reconciled."""

    __tablename__ = "settlement_order"
    __table_args__ = (
        Index(
            "settlement_order_by_reference", "gateway_reference", postgresql_where=text("gateway_reference IS NOT NULL")
        ),
    )
    key: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("settlement_run.id"), index=True)
    attempt: Mapped[int] = mapped_column(default=1)
    payee_id: Mapped[str] = mapped_column(ForeignKey("counterparty_payee.id"))
    amount_minor: Mapped[int] = minor_units()
    currency: Mapped[Currency] = word(Currency, Currency.CNY)
    rail: Mapped[Rail] = word(Rail, Rail.BANK)
    state: Mapped[PayoutState] = word(PayoutState, PayoutState.PREPARED)
    payee_account_sealed: Mapped[bytes] = sealed(required=True)
    payee_name_sealed: Mapped[bytes] = sealed(required=True)
    payee_masked: Mapped[str]
    payee_index: Mapped[str | None] = mapped_column(default=None)  # A keyed hash; None: from before it was kept.
    gateway_reference: Mapped[str | None] = mapped_column(default=None)
    answered: Mapped[PayoutOutcome | None] = word(PayoutOutcome)
    refusal_code: Mapped[str | None] = mapped_column(default=None)
    prepared_at: Mapped[datetime] = moment_now()
    settled_at: Mapped[datetime | None] = moment_maybe()
    tried_at: Mapped[datetime | None] = moment_maybe()  # When it was last about to be sent.
    routing_version: Mapped[str | None] = mapped_column(default=None)
    routed: Mapped[dict[str, str]] = json_object()
    stated_id: Mapped[str | None] = mapped_column(default=None)  # Two people said the outcome: stated_outcome.id
