"""Access waits for a second person before it is given; reviewers linked to a seller are kept from their cards."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_request",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("roles", JSONB(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String(length=40), nullable=True),
        sa.Column("answered_by", sa.String(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["asked_by"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    # What waits is one request per person and kind; a new one takes the place of the one before.
    op.create_index(
        "access_request_waiting", "access_request", ["person_id", "kind"], unique=True,
        postgresql_where=sa.text("answer IS NULL"),
    )  # fmt: skip
    # Whose cards are kept from whom: people linked to the seller by telephone, payee or address.
    op.add_column("review_task", sa.Column("linked", JSONB(), nullable=False, server_default="[]"))
    op.alter_column("review_task", "linked", server_default=None)
    # A number with a wrong PIN does not keep its true holder out: claims are unique, and the number from the offer on.
    op.add_column("card", sa.Column("claim", sa.String(), nullable=True))
    op.add_column("card", sa.Column("holds_number", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("card", "holds_number", server_default=None)
    op.execute("""
        UPDATE card SET holds_number = true
        WHERE live AND fingerprint IS NOT NULL AND (stage IN ('offer', 'payout') OR outcome IN ('paid', 'payment_refused'))
    """)
    op.drop_index("card_once_while_live", "card")
    op.create_index("card_once_while_live", "card", ["claim"], unique=True, postgresql_where=sa.text("live"))
    op.create_index(
        "card_offered_once", "card", ["fingerprint"], unique=True, postgresql_where=sa.text("live AND holds_number")
    )
    op.create_index("card_by_fingerprint", "card", ["fingerprint"])


def downgrade() -> None:
    op.drop_index("card_by_fingerprint", "card")
    op.drop_index("card_offered_once", "card")
    op.drop_index("card_once_while_live", "card")
    op.create_index("card_once_while_live", "card", ["fingerprint"], unique=True, postgresql_where=sa.text("live"))
    op.drop_column("card", "holds_number")
    op.drop_column("card", "claim")
    op.drop_column("review_task", "linked")
    op.drop_table("access_request")
