"""Keep brand and condition with labelled readings, what a second reader made of a photo, and photos being tried."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0044"
down_revision = "0041"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name in ("brand", "condition"):
        op.add_column("reading_label", sa.Column(name, sa.String(), nullable=False, server_default=""))
    op.execute("UPDATE reading_label l SET brand = c.brand FROM card c WHERE c.id = l.card_id AND c.brand IS NOT NULL")
    op.create_index("reading_label_by_time", "reading_label", ["at", "id"])
    op.create_index("reading_by_time", "reading", ["created_at", "id"])
    op.create_table(
        "shadow_reading",
        sa.Column("reading_id", sa.String(), sa.ForeignKey("reading.id"), primary_key=True),
        sa.Column("card_id", sa.String(), sa.ForeignKey("card.id"), nullable=False, index=True),
        sa.Column("photo_id", sa.String(), sa.ForeignKey("photo.id"), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("duration_ms", sa.Integer(), nullable=False),
        sa.Column("fields", JSONB(), nullable=False),
        sa.Column("values_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False, index=True),
    )
    op.create_table(
        "reading_trial",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("person_id", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("photo_sealed", sa.LargeBinary()),
        sa.Column("answer_sealed", sa.LargeBinary()),
        sa.Column("failed", sa.Boolean(), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False, index=True),
        sa.Column("taken_at", MOMENT),
    )


def downgrade() -> None:
    op.drop_table("reading_trial")
    op.drop_table("shadow_reading")
    op.drop_index("reading_by_time", "reading")
    op.drop_index("reading_label_by_time", "reading_label")
    op.drop_column("reading_label", "condition")
    op.drop_column("reading_label", "brand")
