"""Keep what tickets are found by: words as they are compared, under an index of their grams."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ticket_search",
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), primary_key=True),
        sa.Column("number", sa.BigInteger(), sa.Identity(start=0, minvalue=0), nullable=False, unique=True),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("grams", sa.dialects.postgresql.ARRAY(sa.Integer()), nullable=False),
    )
    # Without a list of pending entries: a search would read all of it each time.
    op.create_index(
        "ticket_search_by_gram", "ticket_search", ["grams"], postgresql_using="gin", postgresql_with={"fastupdate": False}
    )  # fmt: skip
    op.create_index("ticket_by_ending", "ticket", [sa.text("right(id, 4)")])
    op.create_index("ticket_by_category", "ticket", ["category", "opened_at"])


def downgrade() -> None:
    op.drop_index("ticket_by_category", "ticket")
    op.drop_index("ticket_by_ending", "ticket")
    op.drop_table("ticket_search")
