"""Let two people take back a buyer's payment or an exchange that was recorded in error."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

TABLES = ("buyer_receipt", "fx_exchange")


def upgrade() -> None:
    waits = sa.text("reverse_asked_at IS NOT NULL AND reversed_at IS NULL")
    for table in TABLES:
        # The defaults stay: processes of the release before write rows without these columns.
        op.add_column(table, sa.Column("reverse_asked_by", sa.String(), sa.ForeignKey("person.id")))
        op.add_column(
            table, sa.Column("reverse_askers", JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb"))
        )
        op.add_column(table, sa.Column("reverse_reason", sa.String(), nullable=False, server_default=""))
        op.add_column(table, sa.Column("reverse_asked_at", sa.DateTime(timezone=True)))
        op.add_column(table, sa.Column("reversed_by", sa.String(), sa.ForeignKey("person.id")))
        op.add_column(table, sa.Column("reversed_at", sa.DateTime(timezone=True)))
        op.create_index(f"{table}_asked", table, ["id"], postgresql_where=waits)


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"{table}_asked", table)
        for name in (
            "reversed_at", "reversed_by", "reverse_asked_at", "reverse_reason", "reverse_askers", "reverse_asked_by",
        ):  # fmt: skip
            op.drop_column(table, name)
