"""Keep what sales realise of positions, exchanges of foreign money, and the offline point that took cards in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _minor(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    op.add_column("sale", sa.Column("difference_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("submission", sa.Column("intake_point", sa.String(), nullable=False, server_default=""))
    op.add_column("sale", sa.Column("intake_point", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "fx_exchange",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        _text("account"), _text("currency", 40), _minor("sold_minor"), _minor("arrived_minor"),
        _text("rate"), _text("rate_source"), sa.Column("rate_at", sa.DateTime(timezone=True), nullable=False),
        _text("reference"), sa.Column("exchanged_on", sa.Date(), nullable=False), _minor("difference_minor"),
        sa.Column("recorded_by", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("recorders", JSONB(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(), sa.ForeignKey("person.id")),
        sa.Column("posted_at", sa.DateTime(timezone=True)),
        sa.Column("declined_by", sa.String()),
        sa.Column("declined_at", sa.DateTime(timezone=True)),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("fx_exchange")
    op.drop_column("sale", "intake_point")
    op.drop_column("submission", "intake_point")
    op.drop_column("sale", "difference_minor")
