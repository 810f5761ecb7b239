"""Settle with counterparties: who they are, their payees, runs with lines and statements, and payment orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0038"
down_revision = "0036"
branch_labels = None
depends_on = None


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _of(name: str, other: str, *, nullable: bool = True, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(other), nullable=nullable, unique=unique)


def _minor(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), nullable=False)


def _sealed(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    _counterparties()
    op.create_table(
        "settlement_run",
        sa.Column("id", sa.String(), primary_key=True),
        _of("counterparty_id", "counterparty.id", nullable=False), _text("period"),
        sa.Column("starts_on", sa.Date(), nullable=False), sa.Column("ends_on", sa.Date(), nullable=False),
        _text("currency", 40), _text("state", 40), _text("ending", 40, nullable=True), _json("terms"),
        _text("policy_version"), _minor("two_people_from_minor"), _at("collected_at", nullable=True), _whole("version"),
        _whole("lines_version"), _minor("carried_in_minor"), _minor("lines_minor"), _minor("held_back_minor"),
        _minor("payable_minor"), _minor("carried_out_minor"), _at("deadline_at", nullable=True),
        _at("overdue_at", nullable=True), _text("answer", 40, nullable=True), _text("answered_by", nullable=True),
        _at("answered_at", nullable=True), _text("reference"), _of("ticket_id", "ticket.id"), _whole("disputes"),
        _json("hands"), _json("approved_by"), _whole("attempt"), _at("payee_refused_at", nullable=True),
        _of("task_id", "work_item.id"), _whole("tasks"), _whole("revision"), _whole("heard_revision"), _at("made_at"),
        _at("closed_at", nullable=True),
        sa.UniqueConstraint("counterparty_id", "period", name="settlement_run_once"),
    )  # fmt: skip
    for name, columns, where in (
        ("settlement_run_open", ["id"], "state <> 'closed'"),
        ("settlement_run_unheard", ["id"], "heard_revision < revision"),
        ("settlement_run_newest", ["ends_on", "id"], None),
    ):
        op.create_index(
            name, "settlement_run", columns, postgresql_where=None if where is None else sa.text(where)
        )  # fmt: skip
    _of_runs()
    op.create_table(
        "settlement_order",
        sa.Column("key", sa.String(), primary_key=True),
        _of("run_id", "settlement_run.id", nullable=False), _whole("attempt"),
        _of("payee_id", "counterparty_payee.id", nullable=False), _minor("amount_minor"),
        _text("currency", 40), _text("rail", 40), _text("state", 40), _sealed("payee_account_sealed"),
        _sealed("payee_name_sealed"), _text("payee_masked"), _text("gateway_reference", nullable=True),
        _text("answered", 40, nullable=True), _text("refusal_code", nullable=True), _at("prepared_at"),
        _at("settled_at", nullable=True), _at("tried_at", nullable=True),
    )  # fmt: skip
    op.create_index("ix_settlement_order_run_id", "settlement_order", ["run_id"])


def _counterparties() -> None:
    op.create_table(
        "counterparty",
        sa.Column("id", sa.String(), primary_key=True),
        _text("kind", 40), sa.Column("owner", sa.String(), nullable=False, unique=True), _text("name"), _text("language"),
        sa.Column("mail_sealed", sa.LargeBinary(), nullable=True), _text("mail_masked"), _of("partner_id", "partner.id", unique=True), _text("currency", 40),
        _text("terms"), sa.Column("since", sa.Date(), nullable=False), _minor("opening_minor"), _text("rail", 40),
        sa.Column("active", sa.Boolean(), nullable=False), _whole("revision"),
        _of("made_by", "person.id", nullable=False), _at("made_at"),
    )  # fmt: skip
    op.create_table(
        "counterparty_payee",
        sa.Column("id", sa.String(), primary_key=True),
        _of("counterparty_id", "counterparty.id", nullable=False), _text("rail", 40), _sealed("account_sealed"),
        _sealed("name_sealed"), _text("masked"), _text("state", 40), _of("proposed_by", "person.id", nullable=False),
        _json("proposers"), _at("proposed_at"), _of("checked_by", "person.id"), _at("checked_at", nullable=True),
    )  # fmt: skip
    op.create_index(
        "counterparty_payee_waits_once", "counterparty_payee", ["counterparty_id", "rail"], unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )  # fmt: skip
    op.create_index("counterparty_payee_of", "counterparty_payee", ["counterparty_id", "rail", "id"])


def _of_runs() -> None:
    op.create_table(
        "settlement_line",
        sa.Column("entry_id", sa.BigInteger(), sa.ForeignKey("entry.id"), primary_key=True, autoincrement=False),
        _of("run_id", "settlement_run.id", nullable=False), _whole("version"), _minor("amount_minor"),
        sa.Column("happened_on", sa.Date(), nullable=False), _text("what"), _text("cause"),
        _text("card_id", nullable=True), sa.Column("late", sa.Boolean(), nullable=False), _text("note"),
    )  # fmt: skip
    op.create_index("settlement_line_of_run", "settlement_line", ["run_id", "entry_id"])
    op.create_table(
        "settlement_statement",
        sa.Column("run_id", sa.String(), sa.ForeignKey("settlement_run.id"), primary_key=True),
        sa.Column("version", sa.Integer(), primary_key=True, autoincrement=False),
        _text("content_hash"), _json("content"), _json("files"), _at("made_at"),
    )  # fmt: skip
    op.create_table(
        "settlement_event",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        _of("run_id", "settlement_run.id", nullable=False), _at("at"), _text("actor"), _text("what"), _json("facts"),
    )  # fmt: skip
    op.create_index("settlement_event_of_run", "settlement_event", ["run_id", "id"])
    op.create_table(
        "settlement_deed",
        sa.Column("key", sa.String(), primary_key=True),
        _of("run_id", "settlement_run.id", nullable=False), _text("deed", 40), _text("by"), _whole("version"),
        _text("words"), _json("lines"), _minor("amount_minor", nullable=True), _at("at"),
    )  # fmt: skip
    op.create_index("ix_settlement_deed_run_id", "settlement_deed", ["run_id"])


def downgrade() -> None:
    for table in (
        "settlement_order", "settlement_deed", "settlement_event", "settlement_statement", "settlement_line",
        "settlement_run", "counterparty_payee", "counterparty",
    ):  # fmt: skip
        op.drop_table(table)
