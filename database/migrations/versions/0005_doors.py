"""Tries are counted by all processes together; forged notices of one day are one row; a repeated body is known again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "throttle",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("payment_notification", sa.Column("times", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("payment_notification", "times", server_default=None)
    op.add_column("submission", sa.Column("body_hash", sa.String(), nullable=True))
    op.add_column("submission", sa.Column("payee_index", sa.String(), nullable=True))
    op.create_index("ix_submission_payee_index", "submission", ["payee_index"])
    op.create_index("quote_lately", "quote", ["created_at"])
    op.create_index("ix_throttle_full_at", "throttle", ["full_at"])


def downgrade() -> None:
    op.drop_index("quote_lately", "quote")
    op.drop_column("submission", "payee_index")
    op.drop_column("submission", "body_hash")
    op.drop_column("payment_notification", "times")
    op.drop_table("throttle")
