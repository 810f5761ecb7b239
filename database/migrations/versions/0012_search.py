"""Find cards, submissions and payment orders by the last characters that people read to each other, and money owed."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INDEXES = {
    "card_by_ending": ("card", '"right"(id, 4)', ""),
    "card_by_number_tail": ("card", "number_tail", ""),
    "card_owed": ("card", "since", "waiting_for = 'seller_payee' OR outcome = 'payment_refused'"),
    "outbox_by_destination": ("outbox", "destination, id", ""),
    "payout_unknown": ("payout", "prepared_at", "state = 'unknown'"),
    "payout_by_reference": ("payout", "gateway_reference", "gateway_reference IS NOT NULL"),
    "submission_by_ending": ("submission", '"right"(id, 4)', ""),
}


def upgrade() -> None:
    for name, (table, columns, where) in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON {table} ({columns})" + (f" WHERE {where}" if where else ""))


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
