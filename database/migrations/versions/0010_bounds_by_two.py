"""Looser limits of a person wait for a second person: a request keeps the bounds that it asks for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_request", sa.Column("bounds", JSONB(), nullable=False, server_default="{}"))
    op.alter_column("access_request", "bounds", server_default=None)


def downgrade() -> None:
    op.drop_column("access_request", "bounds")
