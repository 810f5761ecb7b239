"""Keep who asked a seller for another payee while the payment was held, and returns of another amount than was paid."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def _at(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _words(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, server_default="")


def _people(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb"))


WAIT = ("asked_at", "asked_by", "askers", "asked_reason", "turned_down_at", "turned_down_by")


def upgrade() -> None:
    for column in (
        _at("asked_at"), sa.Column("asked_by", sa.String()), _people("askers"), _words("asked_reason"),
        _at("turned_down_at"), sa.Column("turned_down_by", sa.String()),
    ):  # fmt: skip
        op.add_column("payout_wait", column)
    for name in ("askers", "asked_reason"):
        op.alter_column("payout_wait", name, server_default=None)
    op.add_column("payout_return", sa.Column("confirmed_minor", sa.BigInteger()))
    op.add_column("payout_return", _at("confirmed_at"))
    op.create_index(
        "payout_return_differs", "payout_return", ["confirmed_at"],
        postgresql_where=sa.text("returned_at IS NULL AND confirmed_minor IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("payout_return_differs", "payout_return")
    op.drop_column("payout_return", "confirmed_at")
    op.drop_column("payout_return", "confirmed_minor")
    for name in reversed(WAIT):
        op.drop_column("payout_wait", name)
