"""Keep on which rail an order is paid; payees and orders so far are of Alipay."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("payout", "goodwill_order", "payee_correction"):
        op.add_column(table, sa.Column("rail", sa.String(), nullable=False, server_default="alipay"))
    op.add_column("submission", sa.Column("payee_rail", sa.String(), nullable=False, server_default="alipay"))


def downgrade() -> None:
    op.drop_column("submission", "payee_rail")
    for table in ("payee_correction", "goodwill_order", "payout"):
        op.drop_column(table, "rail")
