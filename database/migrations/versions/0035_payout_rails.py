"""Keep what single rails need: the receiver's confirmation, a bank's batches and files, and money that came back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("payment_notification", sa.Column("rail", sa.String(), nullable=False, server_default="alipay"))
    _confirmations()
    _batches()
    op.create_table(
        "payout_return",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("claimed_at", _MOMENT, nullable=False),
        sa.Column("asked_at", _MOMENT),
        sa.Column("reference", sa.String()),
        sa.Column("returned_at", _MOMENT),
    )
    op.create_index(
        "payout_return_claimed", "payout_return", ["claimed_at"], postgresql_where=sa.text("returned_at IS NULL")
    )


def _confirmations() -> None:
    op.create_table(
        "payout_confirmation",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("card_id", sa.String()),
        sa.Column("package_sealed", sa.LargeBinary()),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("cancel_asked_by", sa.String()),
        sa.Column("cancel_asked_at", _MOMENT),
        sa.Column("cancel_sent_at", _MOMENT),
        sa.Column("closed_at", _MOMENT),
    )
    still_open = sa.text("closed_at IS NULL")
    op.create_index("payout_confirmation_open", "payout_confirmation", ["expires_at"], postgresql_where=still_open)
    op.create_index("payout_confirmation_by_card", "payout_confirmation", ["card_id"])


def _batches() -> None:
    op.create_table(
        "bank_batch",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("number", sa.String(), nullable=False, unique=True),
        sa.Column("bank", sa.String(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("sum_minor", sa.BigInteger(), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposers", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column("proposed_at", _MOMENT, nullable=False),
        sa.Column("checked_by", sa.String()),
        sa.Column("checked_at", _MOMENT),
        sa.Column("sha256", sa.String()),
        sa.Column("taken_by", sa.String()),
        sa.Column("taken_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
    )
    op.create_index("bank_batch_open", "bank_batch", ["proposed_at"], postgresql_where=sa.text("finished_at IS NULL"))
    op.create_table(
        "bank_line",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("entered_at", _MOMENT, nullable=False),
        sa.Column("batch_id", sa.String(), sa.ForeignKey("bank_batch.id")),
        sa.Column("number", sa.Integer()),
        sa.Column("outcome", sa.String(40)),
        sa.Column("said", sa.String()),
        sa.Column("reference", sa.String()),
        sa.Column("said_at", _MOMENT),
    )
    op.create_index("bank_line_waiting", "bank_line", ["entered_at"], postgresql_where=sa.text("batch_id IS NULL"))
    op.create_index("bank_line_of_batch", "bank_line", ["batch_id", "number"])
    op.create_table(
        "bank_file",
        sa.Column("sha256", sa.String(), primary_key=True),
        sa.Column("batch_id", sa.String(), sa.ForeignKey("bank_batch.id"), nullable=False, index=True),
        sa.Column("taken_in_by", sa.String(), nullable=False),
        sa.Column("taken_in_at", _MOMENT, nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    for table in ("bank_file", "bank_line", "bank_batch", "payout_return", "payout_confirmation"):
        op.drop_table(table)
    op.drop_column("payment_notification", "rail")
