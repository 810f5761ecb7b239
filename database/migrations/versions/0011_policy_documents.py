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
        sa.Column("who", sa.String(), nullable=False),
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
    op.add_column("second_review", sa.Column("policy_version", sa.String(), nullable=False, server_default=""))
    op.alter_column("second_review", "policy_version", server_default=None)
    op.execute(
        "INSERT INTO policy_document (kind, version, state, document, effective_from, who, makers, why, based_on, revision,"
        " saved_at, published_by, published_at) "
        "SELECT 'deadlines', version, 'published', document, CAST(at AT TIME ZONE 'Asia/Shanghai' AS date), made_by,"
        " jsonb_build_array(made_by), note, 'deadlines-' || (version - 1), 1, at, made_by, at FROM deadline_policy"
    )
    op.drop_table("deadline_policy")
    op.execute(
        "CREATE TRIGGER published_stays BEFORE UPDATE OR DELETE ON policy_document FOR EACH ROW"
        " WHEN (OLD.state = 'published') EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.create_table(
        "deadline_policy",
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    op.execute(
        "INSERT INTO deadline_policy (version, document, made_by, note, at) "
        "SELECT version, document, who, why, published_at FROM policy_document "
        "WHERE kind = 'deadlines' AND state = 'published'"
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON deadline_policy FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.drop_column("second_review", "policy_version")
    op.drop_column("review_decision", "checks_version")
    op.drop_table("policy_document")
