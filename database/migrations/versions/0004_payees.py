"""Each payment order keeps its payee and the gateway's certain answer; a refused payee can be corrected."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


REASONS = (
    ("seller_wrote", "s", "卖家来信更正", "The seller wrote to us"),
    ("seller_called", "t", "卖家来电更正，身份已核对", "The seller called and was identified"),
    ("typing_error", "e", "明显的录入错误", "An evident typing error"),
    ("unchanged", "u", "收款人无误，重新付款", "The payee is right: pay again"),
)


def upgrade() -> None:
    reasons = sa.table(
        "reason_code", *(sa.column(name) for name in ("act", "code", "letter", "zh", "en", "position", "active"))
    )
    op.bulk_insert(
        reasons,
        [
            {
                "act": "correct_payee",
                "code": code,
                "letter": letter,
                "zh": zh,
                "en": en,
                "position": 100 + place,
                "active": True,
            }
            for place, (code, letter, zh, en) in enumerate(REASONS)
        ],
    )
    op.add_column("payout", sa.Column("quote_id", sa.String(), nullable=True))
    op.add_column("payout", sa.Column("attempt", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column("payout", "attempt", server_default=None)
    op.add_column("payout", sa.Column("payee_account_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("payout", sa.Column("payee_name_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("payout", sa.Column("payee_masked", sa.String(), nullable=True))
    op.add_column("payout", sa.Column("answered", sa.String(length=40), nullable=True))
    op.execute("UPDATE payout SET answered = state WHERE state IN ('paid', 'refused')")
    op.create_table(
        "payee_correction",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("submission_id", sa.String(), sa.ForeignKey("submission.id"), nullable=False),
        sa.Column("proposed_by", sa.String(), nullable=False),
        sa.Column("proposers", JSONB(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("account_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("masked", sa.String(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by", sa.String(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
    )
    op.create_index("payee_correction_by_submission", "payee_correction", ["submission_id"])
    op.create_index(
        "payee_correction_open_once",
        "payee_correction",
        ["submission_id"],
        unique=True,
        postgresql_where=sa.text("applied_at IS NULL AND refused_at IS NULL"),
    )


def downgrade() -> None:
    op.execute("DELETE FROM reason_code WHERE act = 'correct_payee'")
    op.drop_table("payee_correction")
    for column in ("answered", "payee_masked", "payee_name_sealed", "payee_account_sealed", "attempt", "quote_id"):
        op.drop_column("payout", column)
