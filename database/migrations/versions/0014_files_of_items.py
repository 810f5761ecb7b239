"""Keep files with work items that concern no card."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.alter_column("card_attachment", "card_id", nullable=True)
    op.add_column("card_attachment", sa.Column("task_id", sa.String(), sa.ForeignKey("work_item.id"), nullable=True))
    op.create_index("ix_card_attachment_task_id", "card_attachment", ["task_id"])


def downgrade() -> None:
    op.drop_index("ix_card_attachment_task_id", table_name="card_attachment")
    op.drop_column("card_attachment", "task_id")
    op.execute("DELETE FROM card_attachment WHERE card_id IS NULL")
    op.alter_column("card_attachment", "card_id", nullable=False)
