"""Keep which mails of customers were taken, and who takes part in a ticket's mails."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbound_mail",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("sender_index", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), nullable=True),
        sa.Column("flags", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column("notes", sa.dialects.postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("message_id", "digest", name="inbound_mail_once"),
    )
    op.create_index("inbound_mail_by_sender", "inbound_mail", ["sender_index", "at"])
    op.create_table(
        "ticket_participant",
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), primary_key=True),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contact.id"), primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("ticket_participant")
    op.drop_table("inbound_mail")
