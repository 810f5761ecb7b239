"""Keep parts of payments that came back as two people book them, who dismissed a claim of one, and what pays a part again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

DISMISSED = ("dismissed_minor", "dismissed_by", "dismissed_at", "dismissed_reason")


def _at(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _person(name: str, *, required: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey("person.id"), nullable=not required)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "part_return",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), sa.ForeignKey("payout.key"), nullable=False),
        sa.Column("card_id", sa.String(), sa.ForeignKey("card.id"), nullable=False),
        _text("owner"),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        _text("currency"),
        _text("reason"),
        _text("evidence_name"),
        _text("evidence_type"),
        _text("evidence_sha256"),
        _person("proposed_by", required=True),
        sa.Column("proposers", JSONB(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        _person("agreed_by"),
        _at("agreed_at"),
        _person("declined_by"),
        _at("declined_at"),
        sa.CheckConstraint("amount_minor > 0", name="part_return_positive"),
    )
    waits = sa.text("agreed_at IS NULL AND declined_at IS NULL")
    op.create_index("part_return_waits_once", "part_return", ["key"], unique=True, postgresql_where=waits)
    op.create_index("part_return_by_order", "part_return", ["key", "id"])
    op.create_index("part_return_by_card", "part_return", ["card_id"])
    op.create_index("part_return_by_owner", "part_return", ["owner", "id"])
    op.add_column("payout_return", sa.Column("dismissed_minor", sa.BigInteger()))
    op.add_column("payout_return", sa.Column("dismissed_by", sa.String()))
    op.add_column("payout_return", _at("dismissed_at"))
    # The default stays: processes of the release before write rows without this column.
    op.add_column("payout_return", sa.Column("dismissed_reason", sa.String(), nullable=False, server_default=""))
    op.alter_column("goodwill", "ticket_id", nullable=True)
    op.add_column("goodwill", sa.Column("part_id", sa.String(), sa.ForeignKey("part_return.id")))
    counted = sa.text("state IN ('proposed', 'agreed', 'paid')")
    op.create_index("goodwill_of_part_once", "goodwill", ["part_id"], unique=True, postgresql_where=counted)


def downgrade() -> None:
    op.drop_index("goodwill_of_part_once", "goodwill")
    op.drop_column("goodwill", "part_id")
    op.alter_column("goodwill", "ticket_id", nullable=False)
    for name in reversed(DISMISSED):
        op.drop_column("payout_return", name)
    op.drop_table("part_return")
