"""Keep words that contradict an order's outcome, and let orders whose outcome is known wait for no bank."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0069"
branch_labels = None
depends_on = None

# Two people had stated these outcomes, or a statement had proved them, while the order waited for a batch.
_LEAVE_THE_QUEUE = """
UPDATE bank_line l SET outcome = o.answered, said = 'SETTLED_OTHERWISE', said_at = now()
FROM {table} o WHERE o.key = l.key AND o.answered IS NOT NULL AND l.outcome IS NULL AND l.batch_id IS NULL
"""
# What a bank had said against an order before such words were kept.
_SAID_BEFORE = """
INSERT INTO payout_contradiction (key, said, stands, heard, heard_at)
SELECT l.key, l.outcome, o.state, 'bank_file', coalesce(l.said_at, now())
FROM bank_line l JOIN {table} o ON o.key = l.key AND o.state IN ('paid', 'refused')
WHERE l.batch_id IS NOT NULL AND l.outcome <> o.state AND coalesce(l.said, '') <> 'REFUND' AND coalesce(o.refusal_code, '') <> 'REFUND'
"""


def upgrade() -> None:
    op.create_table(
        "payout_contradiction",
        sa.Column("key", sa.String(), primary_key=True),
        sa.Column("said", sa.String(), nullable=False),
        sa.Column("stands", sa.String(), nullable=False),
        sa.Column("heard", sa.String(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cleared_by", sa.String()),
        sa.Column("cleared_at", sa.DateTime(timezone=True)),
        sa.Column("cleared_reason", sa.String()),
    )
    op.create_index(
        "payout_contradiction_open",
        "payout_contradiction",
        ["heard_at"],
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    for table in ("payout", "goodwill_order", "settlement_order"):
        op.execute(_LEAVE_THE_QUEUE.format(table=table))
        op.execute(_SAID_BEFORE.format(table=table))


def downgrade() -> None:
    op.drop_table("payout_contradiction")
