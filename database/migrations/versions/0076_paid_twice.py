"""Let a claim be for a second payment: the order that was paid after all, and one claim of it at a time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

STANDS = "state <> 'declined' AND NOT (state = 'dropped' AND reversed)"


def upgrade() -> None:
    op.add_column("rollback", sa.Column("order_key", sa.String(), sa.ForeignKey("payout.key")))
    op.drop_index("rollback_once", "rollback")
    for name, column, which in (
        ("rollback_once", "card_id", "order_key IS NULL"), ("rollback_of_order_once", "order_key", "order_key IS NOT NULL"),
    ):  # fmt: skip
        op.create_index(name, "rollback", [column], unique=True, postgresql_where=sa.text(f"{STANDS} AND {which}"))


def downgrade() -> None:
    op.drop_index("rollback_of_order_once", "rollback")
    op.drop_index("rollback_once", "rollback")
    op.create_index("rollback_once", "rollback", ["card_id"], unique=True, postgresql_where=sa.text(STANDS))
    op.drop_column("rollback", "order_key")
