"""Name the moment from which a reply is public as that of a decision is named."""

from __future__ import annotations

from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("ticket_message", "leaves_at", new_column_name="effective_at")
    op.execute("ALTER INDEX ticket_message_leaving RENAME TO ticket_message_due")
    op.execute("DO $$ BEGIN IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'ticket_message_leaves_at_not_null')"
               " THEN ALTER TABLE ticket_message RENAME CONSTRAINT ticket_message_leaves_at_not_null"
               " TO ticket_message_effective_at_not_null; END IF; END $$")  # fmt: skip


def downgrade() -> None:
    op.execute("DO $$ BEGIN IF EXISTS (SELECT FROM pg_constraint WHERE conname = 'ticket_message_effective_at_not_null')"
               " THEN ALTER TABLE ticket_message RENAME CONSTRAINT ticket_message_effective_at_not_null"
               " TO ticket_message_leaves_at_not_null; END IF; END $$")  # fmt: skip
    op.execute("ALTER INDEX ticket_message_due RENAME TO ticket_message_leaving")
    op.alter_column("ticket_message", "effective_at", new_column_name="leaves_at")
