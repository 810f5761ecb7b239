"""Keep the day on which a month's value of foreign money was reversed, and why a month is closed over open days."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fx_revaluation", sa.Column("ended_on", sa.Date()))  # Earlier values were never reversed and stay so.
    op.add_column("ledger_closing", sa.Column("note", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("ledger_closing", "note")
    op.drop_column("fx_revaluation", "ended_on")
