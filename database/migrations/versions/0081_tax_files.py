"""Keep the tax files that were downloaded, and how goodwill payments were judged."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def _text(name: str, length: int | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def upgrade() -> None:
    # The defaults stay: processes of the release before write orders without these columns, whose rules tax no goodwill.
    op.add_column("goodwill_order", sa.Column("taxable", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("goodwill_order", sa.Column("tax_version", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "tax_file",
        sa.Column("id", sa.String(), primary_key=True),
        _text("kind", 40), _text("period"), sa.Column("since", sa.Date(), nullable=False), sa.Column("until", sa.Date(), nullable=False),
        _text("owner"), _text("language"), _text("name"), _text("media_type"),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        _text("sha256"), sa.Column("parts", JSONB(), nullable=False), _text("figures"), _text("versions"),
        sa.Column("made_by", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
    )  # fmt: skip
    op.create_index("tax_file_of_period", "tax_file", ["kind", "period", "owner"])


def downgrade() -> None:
    op.drop_table("tax_file")
    op.drop_column("goodwill_order", "tax_version")
    op.drop_column("goodwill_order", "taxable")
