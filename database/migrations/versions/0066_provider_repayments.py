"""Keep what is paid back to licensed providers of commissions whose sales came back, and let them keep a whole commission for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    op.drop_constraint("receipt_amounts", "buyer_receipt")
    op.create_check_constraint(
        "receipt_amounts",
        "buyer_receipt",
        "owed_minor > 0 AND (arrived_minor > 0 OR received_for = 'commission' AND arrived_minor = 0)",
    )
    op.create_table(
        "provider_repayment",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        _text("provider"), _text("rail", 40), sa.Column("amount_minor", sa.BigInteger(), nullable=False), _text("reference"),
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
    op.create_index(
        "provider_repayment_reference_once", "provider_repayment", ["provider", "reference"], unique=True,
        postgresql_where=sa.text("declined_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("provider_repayment")
    op.drop_constraint("receipt_amounts", "buyer_receipt")
    op.execute(
        "ALTER TABLE buyer_receipt ADD CONSTRAINT receipt_amounts CHECK (owed_minor > 0 AND arrived_minor > 0) NOT VALID"
    )
