"""Keep what rails were weighed by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0062"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "payee_correction",
        sa.Column("weighed", postgresql.JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb")),
    )
    op.alter_column("payee_correction", "weighed", server_default=None)


def downgrade() -> None:
    op.drop_column("payee_correction", "weighed")
