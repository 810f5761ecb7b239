"""Find deliveries that were given up without reading those that arrived."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("outbox_given_up", "outbox", ["given_up_at"], postgresql_where=sa.text("given_up_at IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("outbox_given_up", "outbox")
