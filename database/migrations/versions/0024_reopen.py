"""Name the reasons for reopening a task after what the console calls that act. Events and audit rows stay as they were recorded."""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE reason_code SET act = 'reopen' WHERE act = 'put_back'")


def downgrade() -> None:
    op.execute("UPDATE reason_code SET act = 'put_back' WHERE act = 'reopen'")
