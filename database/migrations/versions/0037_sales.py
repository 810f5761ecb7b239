"""Keep sales of cards with the lines of their waterfalls, buyers' payments, values of foreign money, and tax withheld."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0035"
branch_labels = None
depends_on = None


_REASONS = (
    ("found_used", "u", "卡片已被使用", "The card was found used"),
    ("not_accepted", "a", "发卡方不予承兑", "The issuer does not honour the card"),
    ("recorded_wrongly", "w", "记录有误", "The sale was recorded wrongly"),
    ("agreed", "g", "与买家协商退回", "Returned by agreement with the buyer"),
)


def upgrade() -> None:
    _sales()
    _receipts()
    _tax()
    names = ("act", "code", "letter", "zh", "en", "position", "active")
    op.bulk_insert(
        sa.table("reason_code", *(sa.column(name) for name in names)),
        [dict(zip(names, ("return_sale", *one, place, True), strict=True)) for place, one in enumerate(_REASONS)],
    )


def _sales() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "sale",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("card_id", sa.String(), sa.ForeignKey("card.id"), nullable=False),
        sa.Column("buyer", sa.String(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("booked_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("sold_at", moment, nullable=False),
        sa.Column("mode", sa.String(40), nullable=False),
        sa.Column("paid_from", sa.String(40), nullable=False),
        sa.Column("instalments", sa.String(40), nullable=False),
        sa.Column("outlet", sa.String(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        sa.Column("quote_id", sa.String()),
        sa.Column("rate", sa.String()),
        sa.Column("rate_source", sa.String()),
        sa.Column("rate_at", moment),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.Column("reversed_at", moment),
        sa.Column("reversed_by", sa.String()),
        sa.Column("reversed_on", sa.Date()),
        sa.Column("reversed_why", sa.String()),
        sa.CheckConstraint("price_minor > 0 AND total_minor >= price_minor AND cost_minor >= 0", name="sale_amounts"),
        sa.CheckConstraint("(currency = 'CNY') = (rate IS NULL)", name="sale_rate"),
    )
    op.create_index(
        "sale_of_card_once", "sale", ["card_id"], unique=True, postgresql_where=sa.text("reversed_at IS NULL")
    )
    op.create_index("sale_by_day", "sale", ["sold_at", "id"])
    op.create_table(
        "sale_split",
        sa.Column("sale_id", sa.String(), sa.ForeignKey("sale.id"), primary_key=True),
        sa.Column("line_no", sa.Integer(), primary_key=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("part", sa.String(40), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("base", sa.String(40)),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("rate_bp", sa.Integer(), nullable=False),
        sa.Column("fixed_minor", sa.BigInteger(), nullable=False),
    )
    op.create_index("sale_split_by_account", "sale_split", ["account", "sale_id"])


def _receipts() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "buyer_receipt",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key", sa.String(), nullable=False, unique=True),
        sa.Column("buyer", sa.String(), nullable=False, index=True),
        sa.Column("received_for", sa.String(40), nullable=False),
        sa.Column("rail", sa.String(40), nullable=False),
        sa.Column("owed_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("arrived_minor", sa.BigInteger(), nullable=False),
        sa.Column("arrived_currency", sa.String(40), nullable=False),
        sa.Column("difference_minor", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
        sa.CheckConstraint("owed_minor > 0 AND arrived_minor > 0", name="receipt_amounts"),
    )
    op.create_table(
        "fx_revaluation",
        sa.Column("currency", sa.String(40), primary_key=True),
        sa.Column("month", sa.String(), primary_key=True),
        sa.Column("rate", sa.String(), nullable=False),
        sa.Column("rate_source", sa.String(), nullable=False),
        sa.Column("rate_at", moment, nullable=False),
        sa.Column("position_minor", sa.BigInteger(), nullable=False),
        sa.Column("before_minor", sa.BigInteger(), nullable=False),
        sa.Column("after_minor", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.String(), nullable=False),
        sa.Column("recorded_at", moment, nullable=False),
    )


def _tax() -> None:
    moment = sa.DateTime(timezone=True)
    minor = ("proceeds_minor", "cost_minor", "base_minor")
    op.create_table(
        "tax_withholding",
        sa.Column("key", sa.String(), sa.ForeignKey("payout.key"), primary_key=True),
        sa.Column("card_id", sa.String(), sa.ForeignKey("card.id"), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("income", sa.String(40), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("policy_version", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in minor),
        sa.Column("rate_bp", sa.Integer(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(40), nullable=False),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("given_back_at", moment),
        sa.CheckConstraint("tax_minor BETWEEN 0 AND base_minor AND base_minor <= proceeds_minor", name="tax_amounts"),
    )
    op.create_index("tax_withholding_by_owner", "tax_withholding", ["owner", "day"])
    op.create_index("tax_withholding_by_day", "tax_withholding", ["day", "key"])
    op.create_table(
        "tax_sign_off",
        sa.Column("version", sa.String(), primary_key=True),
        sa.Column("person_id", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("signed_at", moment, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("tax_sign_off")
    op.drop_table("tax_withholding")
    op.execute("DELETE FROM reason_code WHERE act = 'return_sale'")
    op.drop_table("fx_revaluation")
    op.drop_table("buyer_receipt")
    op.drop_table("sale_split")
    op.drop_table("sale")
