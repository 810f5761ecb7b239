"""Keep what the operations desk knows: pending steps, stuck runs by cause, task queues, and when each was looked at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0016"
down_revision = "0014"
branch_labels = None
depends_on = None

# Open cards by whom they wait for and since when, and by their deadline: what is stuck is found without reading the rest.
INDEXES = {
    "card_waits": ("card", "waiting_for, since", "outcome IS NULL"),
    "card_until": ("card", "until", "outcome IS NULL AND until IS NOT NULL"),
}
TABLES = ("pending_step", "stuck_run", "stuck_cause", "task_queue", "run_watch")


def _text(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, **more)  # type: ignore[arg-type]


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "pending_step",
        _text("workflow_id", primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        _text("subject"),
        sa.Column("state", sa.String(40), nullable=False),
        _text("step"), _text("queue"), _text("provider"), _number("failures"), _text("error_class"), _text("reason"),
        _text("message"), _moment("since"), _moment("last_at"), _moment("next_at", nullable=True), _text("build_id"),
        _text("worker"),
    )  # fmt: skip
    op.create_table(
        "stuck_run",
        _text("workflow_id", primary_key=True),
        sa.Column("kind", sa.String(40), nullable=False),
        _text("subject"), _text("cause"),
        sa.Column("sign", sa.String(40), nullable=False),
        _text("error_class"), _text("step"), _text("provider"), _text("build_id"), _text("queue"), _text("reason"),
        _text("message"), _number("failures"), _moment("since"), _moment("next_at", nullable=True),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        _text("stage"), _text("waiting_for"), _text("card_type"), _text("brand"), _moment("found_at"),
    )  # fmt: skip
    op.create_index("stuck_run_by_cause", "stuck_run", ["cause", "since", "workflow_id"])
    op.create_table(
        "stuck_cause",
        _text("cause", primary_key=True),
        sa.Column("sign", sa.String(40), nullable=False),
        _text("error_class"), _text("step"), _text("provider"), _text("build_id"), _text("queue"), _text("reason"),
        _text("message"), _number("runs"), _moment("oldest"),
        sa.Column("value_minor", sa.BigInteger(), nullable=False),
        _moment("first_at"),
        sa.Column("trend", JSONB(), nullable=False),
    )  # fmt: skip
    op.create_table(
        "task_queue",
        _text("queue", primary_key=True), _text("kind", primary_key=True), _number("pollers"), _number("backlog"),
        sa.Column("backlog_age_s", sa.Float(), nullable=False),
        sa.Column("added_per_s", sa.Float(), nullable=False),
        sa.Column("dispatched_per_s", sa.Float(), nullable=False),
        sa.Column("described", JSONB(), nullable=False),
        _moment("seen_at"),
    )  # fmt: skip
    op.create_table(
        "run_watch", _text("look", primary_key=True), _moment("ended_at"), sa.Column("found", JSONB(), nullable=False)
    )
    for name, (table, columns, where) in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {table} ({columns}) WHERE {where}")


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    for table in reversed(TABLES):
        op.drop_table(table)
