"""Keep files with work items that concern no card, and when an overdue item's chain goes on."""

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
    op.add_column("work_item", sa.Column("next_chain_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        "UPDATE work_item SET next_chain_at = now() WHERE closed_at IS NULL AND breached_at IS NOT NULL AND kind <> 'review'"
    )


def downgrade() -> None:
    op.drop_column("work_item", "next_chain_at")
    op.drop_index("ix_card_attachment_task_id", table_name="card_attachment")
    op.drop_column("card_attachment", "task_id")
    op.execute("DELETE FROM card_attachment WHERE card_id IS NULL")
    op.alter_column("card_attachment", "card_id", nullable=False)
