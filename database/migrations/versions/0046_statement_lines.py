"""Order the expectations of a key by their number, so that the first free one of a line is read without sorting."""

from __future__ import annotations

from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("expectation_by_key", "expectation")
    op.create_index("expectation_by_key", "expectation", ["source", "key", "entry_id"])


def downgrade() -> None:
    op.drop_index("expectation_by_key", "expectation")
    op.create_index("expectation_by_key", "expectation", ["source", "key"])
