"""Name the moment from which a decision counts for what it is."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("review_decision", "leaves_at", new_column_name="effective_at")
    op.execute("ALTER INDEX review_decision_leaving RENAME TO review_decision_due")


def downgrade() -> None:
    op.execute("ALTER INDEX review_decision_due RENAME TO review_decision_leaving")
    op.alter_column("review_decision", "effective_at", new_column_name="leaves_at")
