"""Which outside systems are down is known to all processes; an outlet has two secrets while one is rotated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "circuit",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probing_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.add_column("outlet", sa.Column("previous_sealed", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("outlet", "previous_sealed")
    op.drop_table("circuit")
