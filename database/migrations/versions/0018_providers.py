"""Keep what calls to providers come to, and the windows in which providers are in maintenance."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "0018"
down_revision = "0022"
branch_labels = None
depends_on = None

OPEN = "state IN ('planned', 'draining', 'held', 'resuming')"
COUNTS = ("calls", "failed", "timeouts", "refused", "cost_fen")
TABLES = (
    "provider_window", "provider_step", "provider_slot", "provider_day", "provider_error", "provider_running",
)  # fmt: skip


def _text(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, **more)  # type: ignore[arg-type]


def _moment(name: str, *, nullable: bool = False, **more: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, **more)  # type: ignore[arg-type]


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _calls(table: str, when: sa.Column[object]) -> None:
    op.create_table(
        table,
        _text("provider", primary_key=True),
        _text("brand", primary_key=True),
        when,
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in COUNTS),
        sa.Column("latency", ARRAY(sa.BigInteger()), nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "provider_window",
        _text("id", primary_key=True), _text("provider"), _text("brand"), _text("reason"), _moment("starts_at"),
        _moment("ends_at", nullable=True), sa.Column("state", sa.String(40), nullable=False), _number("share"),
        _moment("since"), _moment("next_at", nullable=True), _text("created_by"), _moment("created_at"),
        _moment("held_at", nullable=True), _moment("closed_at", nullable=True),
    )  # fmt: skip
    op.create_index("provider_window_open", "provider_window", ["provider"], postgresql_where=sa.text(OPEN))
    op.create_index("provider_window_history", "provider_window", ["provider", "starts_at"])
    op.create_table(
        "provider_step",
        sa.Column("id", sa.Integer(), primary_key=True),
        _text("window_id"), _moment("at"), sa.Column("state", sa.String(40), nullable=False), _number("share"),
        sa.Column("why", sa.String(40), nullable=False), _text("actor"),
    )  # fmt: skip
    op.create_index("provider_step_of_window", "provider_step", ["window_id", "id"])
    _calls("provider_slot", _moment("at", primary_key=True))
    op.create_index("provider_slot_at", "provider_slot", ["at"])
    _calls("provider_day", sa.Column("day", sa.Date(), nullable=False, primary_key=True))
    op.create_table(
        "provider_error",
        _text("provider", primary_key=True),
        _text("brand", primary_key=True),
        _text("error"),
        _moment("at"),
    )
    op.create_table(
        "provider_running",
        _text("provider", primary_key=True), _text("brand", primary_key=True), _text("process", primary_key=True),
        _number("running"), _moment("at"),
    )  # fmt: skip


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
