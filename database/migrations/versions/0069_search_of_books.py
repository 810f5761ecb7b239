"""Find payment orders of every kind by the gateway's reference, sales and breaks by the end of their id; keep an alert's version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None

_REFERENCED = ("goodwill_order", "settlement_order")
_ASKED = "return_asked_at IS NOT NULL AND reversed_at IS NULL"
_ENDING = ("sale", "statement_break")


def upgrade() -> None:
    known = sa.text("gateway_reference IS NOT NULL")
    for table in _REFERENCED:
        op.create_index(f"{table}_by_reference", table, ["gateway_reference"], postgresql_where=known)
    for table in _ENDING:
        op.create_index(f"{table}_by_ending", table, [sa.text("right(id, 4)")])
    op.create_index("sale_return_asked", "sale", ["id"], postgresql_where=sa.text(_ASKED))
    op.add_column("alert", sa.Column("policy_version", sa.String(), nullable=False, server_default=""))
    op.alter_column("alert", "policy_version", server_default=None)


def downgrade() -> None:
    op.drop_column("alert", "policy_version")
    op.drop_index("sale_return_asked", "sale")
    for table in _ENDING:
        op.drop_index(f"{table}_by_ending", table)
    for table in _REFERENCED:
        op.drop_index(f"{table}_by_reference", table)
