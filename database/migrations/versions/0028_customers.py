"""Keep what customers say of a solution, copies of their data, and erasures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _person(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey("person.id"), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.dialects.postgresql.JSONB(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "ticket_rating",
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), primary_key=True),
        sa.Column("good", sa.Boolean(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("solved_by", sa.String(), nullable=True),
        _at("first_at"), _at("at"),
    )  # fmt: skip
    op.create_table(
        "privacy_copy",
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), primary_key=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        _person("prepared_by"), _at("prepared_at"), _at("expires_at"), _at("fetched_at", nullable=True),
        _at("erased_at", nullable=True),
    )  # fmt: skip
    op.create_index("ix_privacy_copy_expires_at", "privacy_copy", ["expires_at"])
    op.create_table(
        "erasure",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), nullable=False),
        _person("proposed_by"), _json("proposers"), _at("proposed_at"), _person("checked_by", nullable=True),
        _at("confirmed_at", nullable=True), _at("refused_at", nullable=True), _json("done"),
        _json("files"),
    )  # fmt: skip
    op.create_index("erasure_by_ticket", "erasure", ["ticket_id", "id"])
    op.create_index(
        "erasure_open_once", "erasure", ["ticket_id"], unique=True,
        postgresql_where=sa.text("confirmed_at IS NULL AND refused_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    for table in ("erasure", "privacy_copy", "ticket_rating"):
        op.drop_table(table)
