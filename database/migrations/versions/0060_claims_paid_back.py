"""Keep what sellers pay back of claims, let a card whose claim was dropped be claimed again, and pair entries that cancel each other."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def upgrade() -> None:
    op.create_table(
        "claim_receipt",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("claim_id", sa.String(), sa.ForeignKey("rollback.id"), nullable=False),
        _text("rail", 40),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False), _text("currency", 40),
        _text("reference"),
        sa.Column("received_on", sa.Date(), nullable=False),
        _text("evidence_name"), _text("evidence_type"), _text("evidence_sha256"),
        sa.Column("recorded_by", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reverse_asked_by", sa.String(), sa.ForeignKey("person.id")),
        sa.Column("reverse_askers", JSONB(), nullable=False),
        _text("reverse_reason"), _moment("reverse_asked_at"),
        sa.Column("reversed_by", sa.String(), sa.ForeignKey("person.id")),
        _moment("reversed_at"),
        sa.CheckConstraint("amount_minor > 0", name="claim_receipt_amount"),
    )  # fmt: skip
    op.create_index("claim_receipt_of_claim", "claim_receipt", ["claim_id", "id"])
    op.create_index(
        "claim_receipt_reference_once", "claim_receipt", ["claim_id", "rail", "reference"], unique=True,
        postgresql_where=sa.text("reversed_at IS NULL"),
    )  # fmt: skip
    waits = sa.text("reverse_asked_at IS NOT NULL AND reversed_at IS NULL")
    op.create_index("claim_receipt_asked", "claim_receipt", ["id"], postgresql_where=waits)
    op.drop_index("rollback_once", "rollback")
    once = sa.text("state <> 'declined' AND NOT (state = 'dropped' AND reversed)")
    op.create_index("rollback_once", "rollback", ["card_id"], unique=True, postgresql_where=once)
    op.add_column("expectation", sa.Column("cancelled_by", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("expectation", "cancelled_by")
    op.drop_index("rollback_once", "rollback")
    op.create_index(
        "rollback_once", "rollback", ["card_id"], unique=True, postgresql_where=sa.text("state <> 'declined'")
    )
    op.drop_table("claim_receipt")
