"""Keep what rails were weighed by, what money in suspense was said to be, and decisions that were reversed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

_FINAL_BREAK = """
CREATE OR REPLACE FUNCTION refuse_break_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'closed' THEN
        RAISE EXCEPTION 'a closed break never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""
# Only a reversal that two people agreed to, each one once, opens a closed break again.
_OPENED_AGAIN = """
CREATE OR REPLACE FUNCTION refuse_break_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state = 'closed' AND NOT (
        NEW.state = 'open' AND NEW.reversal_id IS DISTINCT FROM OLD.reversal_id
        AND (NEW.kind, NEW.source, NEW.account, NEW.day, NEW.amount_minor, NEW.currency, NEW.since)
          = (OLD.kind, OLD.source, OLD.account, OLD.day, OLD.amount_minor, OLD.currency, OLD.since)
        AND NEW.line_id IS NOT DISTINCT FROM OLD.line_id AND NEW.entry_id IS NOT DISTINCT FROM OLD.entry_id
        AND EXISTS (SELECT FROM decision_reversal r WHERE r.id = NEW.reversal_id AND r.of = 'break' AND r.agreed_at IS NOT NULL)) THEN
        RAISE EXCEPTION 'a closed break never changes' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$
"""


def upgrade() -> None:
    weighed = sa.Column("weighed", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb"))
    op.add_column("payee_correction", weighed)
    op.alter_column("payee_correction", "weighed", server_default=None)
    op.add_column("statement_break", sa.Column("found_minor", sa.BigInteger()))
    op.add_column("reconciled_day", sa.Column("suspense_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("reconciled_day", "suspense_minor", server_default=None)
    _clearings()
    _reversals()
    op.add_column("statement_break", sa.Column("reversal_id", sa.String(), sa.ForeignKey("decision_reversal.id")))
    op.execute(_OPENED_AGAIN)
    op.create_index(
        "statement_break_posted", "statement_break", ["posted_key"], postgresql_where=sa.text("posted_key <> ''")
    )


def _clearings() -> None:
    op.create_table(
        "suspense_clearing",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("entry_id", sa.BigInteger(), sa.ForeignKey("entry.id"), nullable=False),
        sa.Column("rail", sa.String(), nullable=False),
        sa.Column("cleared_as", sa.String(), nullable=False),
        sa.Column("came_in", sa.Boolean(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("evidence_name", sa.String(), nullable=False),
        sa.Column("evidence_type", sa.String(), nullable=False),
        sa.Column("evidence_sha256", sa.String(), nullable=False),
        sa.Column("proposed_by", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("other_entry_id", sa.BigInteger(), sa.ForeignKey("entry.id")),
        sa.Column("proposers", postgresql.JSONB(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.String(), sa.ForeignKey("person.id")),
        sa.Column("agreed_at", sa.DateTime(timezone=True)),
        sa.Column("declined_by", sa.String()),
        sa.Column("declined_at", sa.DateTime(timezone=True)),
        sa.Column("posted_key", sa.String(), nullable=False),
        sa.Column("reversed_at", sa.DateTime(timezone=True)),
    )
    op.create_index("suspense_clearing_of_entry", "suspense_clearing", ["entry_id"])
    op.create_index(
        "suspense_clearing_of_other", "suspense_clearing", ["other_entry_id"],
        postgresql_where=sa.text("other_entry_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "suspense_clearing_waits", "suspense_clearing", ["id"],
        postgresql_where=sa.text("agreed_at IS NULL AND declined_at IS NULL"),
    )  # fmt: skip


def _reversals() -> None:
    op.create_table(
        "decision_reversal",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("of", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("counts_for", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("askers", postgresql.JSONB(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by", sa.String(), sa.ForeignKey("person.id")),
        sa.Column("agreed_at", sa.DateTime(timezone=True)),
        sa.Column("declined_by", sa.String()),
        sa.Column("declined_at", sa.DateTime(timezone=True)),
        sa.Column("decided", postgresql.JSONB(), nullable=False),
        sa.Column("posted_key", sa.String(), nullable=False),
    )
    op.create_index(
        "decision_reversal_once", "decision_reversal", ["of", "subject"], unique=True,
        postgresql_where=sa.text("agreed_at IS NULL AND declined_at IS NULL"),
    )  # fmt: skip
    op.create_index("decision_reversal_by_subject", "decision_reversal", ["of", "subject", "id"])


def downgrade() -> None:
    op.drop_index("statement_break_posted", "statement_break")
    op.execute(_FINAL_BREAK)
    op.drop_column("statement_break", "reversal_id")
    op.drop_table("decision_reversal")
    op.drop_table("suspense_clearing")
    op.drop_column("reconciled_day", "suspense_minor")
    op.drop_column("statement_break", "found_minor")
    op.drop_column("payee_correction", "weighed")
