"""Keep what sellers pay of claims that were written off, and payments on claims that come out of suspense."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("claim_receipt", sa.Column("recovered_minor", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("claim_receipt", sa.Column("clearing_id", sa.String(), sa.ForeignKey("suspense_clearing.id")))
    op.create_check_constraint("claim_receipt_recovered", "claim_receipt", "recovered_minor BETWEEN 0 AND amount_minor")
    op.create_index(
        "claim_receipt_of_clearing", "claim_receipt", ["clearing_id"], unique=True,
        postgresql_where=sa.text("clearing_id IS NOT NULL"),
    )  # fmt: skip
    op.drop_index("claim_receipt_reference_once", "claim_receipt")
    op.create_index(
        "claim_receipt_reference_once", "claim_receipt", ["claim_id", "rail", "reference"], unique=True,
        postgresql_where=sa.text("reversed_at IS NULL AND clearing_id IS NULL"),
    )  # fmt: skip
    op.add_column("suspense_clearing", sa.Column("claim_id", sa.String(), sa.ForeignKey("rollback.id")))


def downgrade() -> None:
    op.drop_column("suspense_clearing", "claim_id")
    op.drop_index("claim_receipt_reference_once", "claim_receipt")
    op.create_index(
        "claim_receipt_reference_once", "claim_receipt", ["claim_id", "rail", "reference"], unique=True,
        postgresql_where=sa.text("reversed_at IS NULL"),
    )  # fmt: skip
    op.drop_column("claim_receipt", "clearing_id")
    op.drop_constraint("claim_receipt_recovered", "claim_receipt")
    op.drop_column("claim_receipt", "recovered_minor")
