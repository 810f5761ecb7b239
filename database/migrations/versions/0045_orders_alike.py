"""Route settlement payments as all others, let two people state what became of one, and take sales back by two."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None
COLUMNS = ("payee_index", "routing_version", "stated_id")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("settlement_order", sa.Column(name, sa.String(), nullable=True))
    op.add_column("settlement_order", sa.Column("routed", JSONB(), nullable=False, server_default="{}"))
    op.add_column("sale", sa.Column("return_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sale", sa.Column("return_asked_by", sa.String(), nullable=True))
    op.add_column("sale", sa.Column("return_askers", JSONB(), nullable=False, server_default="[]"))
    # One word for it everywhere.
    op.execute("UPDATE counterparty SET kind = 'distribution' WHERE kind = 'distributor'")
    # They use the limits of their days from now on: those of this month were not counted.
    op.execute("""
        INSERT INTO payout_usage (rail, day, ordered_minor, refused_minor, orders)
        SELECT rail, CAST(prepared_at AT TIME ZONE 'Asia/Shanghai' AS date), sum(amount_minor),
               coalesce(sum(amount_minor) FILTER (WHERE state = 'refused'), 0), count(*)
        FROM settlement_order WHERE prepared_at > now() - interval '32 days' GROUP BY 1, 2
        ON CONFLICT (rail, day) DO UPDATE SET
            ordered_minor = payout_usage.ordered_minor + EXCLUDED.ordered_minor,
            refused_minor = payout_usage.refused_minor + EXCLUDED.refused_minor,
            orders = payout_usage.orders + EXCLUDED.orders
    """)


def downgrade() -> None:
    op.execute("UPDATE counterparty SET kind = 'distributor' WHERE kind = 'distribution'")
    for name in ("return_askers", "return_asked_by", "return_asked_at"):
        op.drop_column("sale", name)
    op.drop_column("settlement_order", "routed")
    for name in reversed(COLUMNS):
        op.drop_column("settlement_order", name)
