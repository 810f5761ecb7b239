"""Keep when a silent customer was told that their ticket will be closed, and since when a reply's customer had waited."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ticket", sa.Column("silence_noticed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("ticket_message", sa.Column("waited_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("ticket_message", "waited_since")
    op.drop_column("ticket", "silence_noticed_at")
