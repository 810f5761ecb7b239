"""Keep what of a claim was given up, which claims were reversed, and which payments give a seller back what was offset."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rollback", sa.Column("given_up_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("rollback", sa.Column("reversed", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute("""
        UPDATE rollback r SET given_up_minor = r.amount_minor - (
            SELECT coalesce(sum(o.amount_minor), 0) FROM rollback_offset o
            WHERE o.rollback_id = r.id AND o.undone_at IS NULL)
        WHERE r.state IN ('written_off', 'dropped')
    """)
    op.alter_column("rollback", "given_up_minor", server_default=None)
    op.alter_column("rollback", "reversed", server_default=None)
    op.add_column("goodwill", sa.Column("claim_id", sa.String(), sa.ForeignKey("rollback.id")))
    op.drop_index("goodwill_waits_once", "goodwill")
    op.create_index(
        "goodwill_waits_once", "goodwill", ["ticket_id"], unique=True,
        postgresql_where=sa.text("state = 'proposed' AND claim_id IS NULL"),
    )  # fmt: skip
    op.create_index(
        "goodwill_of_claim_once", "goodwill", ["claim_id"], unique=True,
        postgresql_where=sa.text("state IN ('proposed', 'agreed', 'paid')"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("goodwill_of_claim_once", "goodwill")
    op.drop_index("goodwill_waits_once", "goodwill")
    op.drop_column("goodwill", "claim_id")
    op.create_index(
        "goodwill_waits_once", "goodwill", ["ticket_id"], unique=True, postgresql_where=sa.text("state = 'proposed'")
    )
    op.drop_column("rollback", "reversed")
    op.drop_column("rollback", "given_up_minor")
