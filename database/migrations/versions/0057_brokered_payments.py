"""Keep what a licensed provider paid to the sellers of brokered cards, as two people of finance recorded it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    op.create_table(
        "brokered_payment",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("sale_id", sa.String(), sa.ForeignKey("sale.id"), nullable=False),
        _text("provider"), _text("reference"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False), _text("currency", 40),
        sa.Column("paid_on", sa.Date(), nullable=False),
        _text("evidence_name"), _text("evidence_type"), _text("evidence_sha256"),
        sa.Column("recorded_by", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("recorders", JSONB(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(), sa.ForeignKey("person.id")),
        sa.Column("confirmed_at", sa.DateTime(timezone=True)),
        sa.Column("declined_by", sa.String()),
        sa.Column("declined_at", sa.DateTime(timezone=True)),
    )  # fmt: skip
    stands = {"unique": True, "postgresql_where": sa.text("declined_at IS NULL")}
    op.create_index("brokered_payment_of_sale_once", "brokered_payment", ["sale_id"], **stands)
    op.create_index("brokered_payment_reference_once", "brokered_payment", ["provider", "reference"], **stands)


def downgrade() -> None:
    op.drop_table("brokered_payment")
