"""Give review questions a clock, mark what was erased and what can be searched, and keep who a mail contact proved to be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0038"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("second_review", sa.Column("task_id", sa.String(), sa.ForeignKey("work_item.id"), unique=True))
    op.add_column("photo", sa.Column("erased_at", MOMENT))
    op.add_column("seller", sa.Column("erased_at", MOMENT))
    op.add_column("erasure", sa.Column("account_closed_at", MOMENT))
    op.create_index(
        "erasure_account_open", "erasure", ["id"],
        postgresql_where=sa.text("confirmed_at IS NOT NULL AND account_closed_at IS NULL"),
    )  # fmt: skip
    op.add_column("ticket", sa.Column("searchable", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.execute(
        "UPDATE ticket SET searchable = true WHERE EXISTS (SELECT FROM ticket_search s WHERE s.ticket_id = ticket.id)"
    )
    op.create_index("ticket_not_searchable", "ticket", ["id"], postgresql_where=sa.text("NOT searchable"))
    op.create_table(
        "contact_link",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("contact_id", sa.String(), sa.ForeignKey("contact.id"), nullable=False),
        sa.Column("seller_id", sa.String(), sa.ForeignKey("seller.id"), nullable=False),
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("asked_by", sa.String(), sa.ForeignKey("person.id"), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("ended_by", sa.String(), nullable=False, server_default=""),
        sa.Column("ended_at", MOMENT),
    )
    op.create_index(
        "contact_link_open_once", "contact_link", ["contact_id"], unique=True, postgresql_where=sa.text("state IN ('asked', 'confirmed')"),
    )  # fmt: skip
    op.create_index("contact_link_by_seller", "contact_link", ["seller_id", "id"])
    op.create_index("contact_by_seller", "contact", ["seller_id"], postgresql_where=sa.text("seller_id IS NOT NULL"))


def downgrade() -> None:
    op.drop_index("contact_by_seller", "contact")
    op.drop_table("contact_link")
    op.drop_index("ticket_not_searchable", "ticket")
    op.drop_column("ticket", "searchable")
    op.drop_index("erasure_account_open", "erasure")
    op.drop_column("erasure", "account_closed_at")
    op.drop_column("seller", "erased_at")
    op.drop_column("photo", "erased_at")
    op.drop_column("second_review", "task_id")
