"""Keep the rules that people change as versioned documents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "policy_document",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(40), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("who", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("makers", postgresql.JSONB(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("based_on", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.String(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("kind", "version"),
    )
    op.create_index(
        "policy_document_open_once", "policy_document", ["kind"], unique=True,
        postgresql_where=sa.text("state IN ('draft', 'waiting')"),
    )  # fmt: skip
    op.create_index(
        "policy_document_published", "policy_document", ["kind", "version"],
        postgresql_where=sa.text("state = 'published'"),
    )  # fmt: skip
    op.add_column("review_decision", sa.Column("checks_version", sa.String(), nullable=False, server_default=""))
    op.alter_column("review_decision", "checks_version", server_default=None)


def downgrade() -> None:
    op.drop_column("review_decision", "checks_version")
    op.drop_table("policy_document")
