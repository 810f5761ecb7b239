"""Name the columns of notices and deadline alarms for what they hold. Only the catalogue changes: no row is rewritten."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("notice", "told_key", new_column_name="unique_key")
    op.execute("ALTER TABLE notice RENAME CONSTRAINT notice_told_key_key TO notice_unique_key_key")
    op.alter_column("deadline_alarm", "told", new_column_name="role")


def downgrade() -> None:
    op.alter_column("deadline_alarm", "role", new_column_name="told")
    op.execute("ALTER TABLE notice RENAME CONSTRAINT notice_unique_key_key TO notice_told_key_key")
    op.alter_column("notice", "unique_key", new_column_name="told_key")
