"""Let the account of withheld tax have either sign: a payment can come back after its tax was remitted."""

from __future__ import annotations

from alembic import op

revision = "0072"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _sign("either")


def downgrade() -> None:
    _sign("credit")


def _sign(sign: str) -> None:
    op.execute("ALTER TABLE account DISABLE TRIGGER append_only")
    op.execute(f"UPDATE account SET sign = '{sign}' WHERE code = 'tax_withheld'")  # noqa: S608  # One of two words.
    op.execute("ALTER TABLE account ENABLE TRIGGER append_only")
