"""Keep readings of the installation's health, the health of each loop, checks and backups, and alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None


def _text(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, **more)  # type: ignore[arg-type]


def _word(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(40), nullable=False, **more)  # type: ignore[arg-type]


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _float(name: str, *, nullable: bool = False) -> sa.Column[float]:
    return sa.Column(name, sa.Float(), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), nullable=False)


def upgrade() -> None:
    op.create_table(
        "health_reading",
        _word("measure", primary_key=True), _float("value", nullable=True),
        sa.Column("absent", sa.Boolean(), nullable=False), sa.Column("failed", sa.Boolean(), nullable=False),
        _json("facts"), _json("parts"), _moment("taken_at"),
    )  # fmt: skip
    op.create_table(
        "loop_health",
        _text("process", primary_key=True), _text("loop", primary_key=True), _float("interval_s"), _float("lag_s"),
        _float("took_ms"), sa.Column("failures", sa.Integer(), nullable=False), _moment("seen_at"),
    )  # fmt: skip
    op.create_index("ix_loop_health_seen_at", "loop_health", ["seen_at"])
    op.create_table(
        "upkeep", _text("id", primary_key=True), _word("kind"), _moment("began_at"), _moment("ended_at"), _json("found")
    )
    op.create_index("upkeep_newest", "upkeep", ["kind", "ended_at"])
    op.create_table(
        "alert",
        _text("id", primary_key=True), _word("rule"), _text("subject"), _word("state"), _moment("since"),
        _moment("fired_at", nullable=True), _moment("calm_since", nullable=True), _moment("over_at", nullable=True),
        _float("value"), _float("worst"), _float("limit_value"), _text("owner"),
        sa.Column("sent", sa.Integer(), nullable=False), _moment("sent_at", nullable=True),
        sa.Column("acknowledged_by", sa.String(), nullable=True), _moment("acknowledged_at", nullable=True),
        sa.Column("snoozed_by", sa.String(), nullable=True), _moment("snoozed_until", nullable=True),
        _text("snooze_reason"),
    )  # fmt: skip
    op.create_index(
        "alert_once", "alert", ["rule", "subject"], unique=True, postgresql_where=sa.text("state <> 'over'")
    )
    op.create_index("alert_history", "alert", ["fired_at"], postgresql_where=sa.text("fired_at IS NOT NULL"))


def downgrade() -> None:
    for table in ("alert", "upkeep", "loop_health", "health_reading"):
        op.drop_table(table)
