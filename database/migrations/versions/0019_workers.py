"""Keep worker processes with their heartbeats and drains, and the builds that have worked here."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None


def _text(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, **more)  # type: ignore[arg-type]


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "worker_process",
        _text("name", primary_key=True), _text("kind"), _text("host"),
        sa.Column("pid", sa.Integer(), nullable=False),
        _text("build_id"),
        sa.Column("queues", JSONB(), nullable=False),
        _moment("started_at"), _moment("beat_at"), _moment("ended_at", nullable=True),
        _moment("drain_at", nullable=True), _text("drain_by"), _text("drain_why"),
    )  # fmt: skip
    op.create_table(
        "worker_build",
        _text("build_id", primary_key=True), _moment("first_at"), _moment("last_at"),
        sa.Column("open_runs", sa.Integer(), nullable=True),
        _moment("counted_at", nullable=True),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("worker_build")
    op.drop_table("worker_process")
