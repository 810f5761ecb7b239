"""Keep by which line of a bank's statement a transfer is proved that no file of results answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bank_line", sa.Column("proved_by", sa.String()))


def downgrade() -> None:
    op.drop_column("bank_line", "proved_by")
