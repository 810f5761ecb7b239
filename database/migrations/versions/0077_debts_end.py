"""Keep what is written off of debts of buyers and partners, what came of it after all, and refunds of deposits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _person(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey("person.id"), nullable=nullable)


def _minor(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "debt_write_off",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        _text("account"), _minor("amount_minor"), _text("currency", 40), _minor("value_minor"),
        _text("evidence_name"), _text("evidence_type"), _text("evidence_sha256"),
        sa.Column("write_off_by", sa.String()),
        sa.Column("write_off_askers", JSONB(), nullable=False),
        _text("write_off_reason"), _moment("write_off_asked_at"),
        sa.Column("ended_by", sa.String()), _moment("ended_at"),
        sa.Column("declined_by", sa.String()), _moment("declined_at"),
        sa.CheckConstraint("amount_minor > 0 AND value_minor >= 0", name="debt_write_off_amounts"),
    )  # fmt: skip
    op.create_index("debt_write_off_of_account", "debt_write_off", ["account", "currency"])
    op.create_index(
        "debt_write_off_waits", "debt_write_off", ["id"],
        postgresql_where=sa.text("ended_at IS NULL AND declined_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "debt_recovery",
        sa.Column("posted_key", sa.String(), primary_key=True),
        _text("account"), _minor("amount_minor"), _text("currency", 40), _minor("value_minor"), _moment("at", nullable=False),
        sa.CheckConstraint("amount_minor > 0 AND value_minor >= 0", name="debt_recovery_amounts"),
    )  # fmt: skip
    op.create_index("debt_recovery_of_account", "debt_recovery", ["account", "currency"])
    op.create_table(
        "deposit_refund",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        _text("buyer"), _text("rail", 40), _minor("amount_minor"), _text("currency", 40), _text("reference"),
        sa.Column("paid_on", sa.Date(), nullable=False),
        _text("evidence_name"), _text("evidence_type"), _text("evidence_sha256"),
        _person("recorded_by", nullable=False), sa.Column("recorders", JSONB(), nullable=False),
        _moment("recorded_at", nullable=False), _person("confirmed_by"), _moment("confirmed_at"),
        sa.Column("declined_by", sa.String()), _moment("declined_at"),
        _person("reverse_asked_by"), sa.Column("reverse_askers", JSONB(), nullable=False), _text("reverse_reason"),
        _moment("reverse_asked_at"), _person("reversed_by"), _moment("reversed_at"),
        sa.CheckConstraint("amount_minor > 0", name="deposit_refund_amount"),
    )  # fmt: skip
    op.create_index(
        "deposit_refund_reference_once", "deposit_refund", ["rail", "reference"], unique=True,
        postgresql_where=sa.text("declined_at IS NULL AND reversed_at IS NULL"),
    )  # fmt: skip
    op.create_index(
        "deposit_refund_asked", "deposit_refund", ["id"],
        postgresql_where=sa.text("reverse_asked_at IS NOT NULL AND reversed_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    for table in ("deposit_refund", "debt_recovery", "debt_write_off"):
        op.drop_table(table)
