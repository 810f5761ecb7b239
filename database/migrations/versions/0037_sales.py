"""Keep sales of cards with the lines of their waterfalls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "sale",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("card_id", sa.String(), sa.ForeignKey("card.id"), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("sold_at", moment, nullable=False),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("paid_from", sa.String(40), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("rate", sa.String()),
        sa.Column("rate_source", sa.String()),
        sa.Column("rate_at", moment),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("reversed_at", moment),
        sa.Column("reversed_by", sa.String()),
        sa.Column("reversed_on", sa.Date()),
        sa.Column("reversed_why", sa.String()),
        sa.CheckConstraint("price_minor > 0 AND total_minor >= price_minor AND cost_minor >= 0", name="sale_amounts"),
        sa.CheckConstraint("(currency = 'CNY') = (rate IS NULL)", name="sale_rate"),
    )
    op.create_index(
        "sale_of_card_once", "sale", ["card_id"], unique=True, postgresql_where=sa.text("reversed_at IS NULL")
    )
    op.create_index("sale_by_day", "sale", ["sold_at", "id"])
    op.create_table(
        "sale_split",
        sa.Column("sale_id", sa.String(), sa.ForeignKey("sale.id"), primary_key=True),
        sa.Column("line_no", sa.Integer(), primary_key=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("part", sa.String(40), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("base", sa.String(40)),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("rate_bp", sa.Integer(), nullable=False),
        sa.Column("fixed_minor", sa.BigInteger(), nullable=False),
    )
    op.create_index("sale_split_by_account", "sale_split", ["account", "sale_id"])


def downgrade() -> None:
    op.drop_table("sale_split")
    op.drop_table("sale")
