"""Route payments: switches, caps, payments that wait, claims against sellers, and outcomes that two people state."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0036"
down_revision = "0037"
branch_labels = None
depends_on = None


def _at(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _list(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), nullable=False)


def _minor(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def upgrade() -> None:
    for table in ("payout", "goodwill_order"):
        op.add_column(table, _text("routing_version", nullable=True))
        op.add_column(table, sa.Column("routed", JSONB(), nullable=False, server_default="{}"))
        op.add_column(table, _at("tried_at"))
        op.add_column(table, _text("stated_id", nullable=True))
    op.add_column("payout", _text("payee_index", nullable=True))
    op.add_column("payout", sa.Column("offset_minor", sa.BigInteger(), nullable=False, server_default="0"))
    _routing()
    _claims()
    # What this month's orders have used of the limits.
    op.execute("""
        INSERT INTO payout_usage (rail, day, ordered_minor, refused_minor, orders)
        SELECT rail, CAST(prepared_at AT TIME ZONE 'Asia/Shanghai' AS date), sum(amount_minor),
               coalesce(sum(amount_minor) FILTER (WHERE state = 'refused'), 0), count(*)
        FROM (SELECT rail, prepared_at, amount_minor, state FROM payout
              UNION ALL SELECT rail, prepared_at, amount_minor, state FROM goodwill_order) AS ordered
        WHERE prepared_at > now() - interval '32 days' GROUP BY 1, 2
    """)


def _routing() -> None:
    op.create_table(
        "rail_switch",
        sa.Column("id", sa.String(), primary_key=True),
        _text("rail", 40), _at("off_at", nullable=False), _text("off_by"), _text("off_reason"),
        _at("asked_at"), _text("asked_by", nullable=True), _list("askers"), _text("asked_reason"),
        _at("on_at"), _text("on_by", nullable=True),
    )  # fmt: skip
    op.create_index(
        "rail_switch_off_once", "rail_switch", ["rail"], unique=True, postgresql_where=sa.text("on_at IS NULL")
    )
    op.create_index("rail_switch_history", "rail_switch", ["rail", "off_at"])
    op.create_table(
        "payout_usage",
        sa.Column("rail", sa.String(40), primary_key=True), sa.Column("day", sa.Date(), primary_key=True),
        _minor("ordered_minor"), _minor("refused_minor"), _minor("orders"),
    )  # fmt: skip
    op.create_table(
        "payout_wait",
        sa.Column("key", sa.String(), primary_key=True),
        _text("card_id", nullable=True), _text("owner"), _text("rail", 40), _minor("amount_minor"),
        _text("payee_masked"), _text("payee_index", nullable=True), _list("reasons"), _text("policy_version"),
        _at("since", nullable=False), _at("until"), _at("signalled_at"), _at("released_at"), _text("released_by", nullable=True),
        _text("released_reason"), _at("ended_at"),
    )  # fmt: skip
    op.create_index("payout_wait_open", "payout_wait", ["since"], postgresql_where=sa.text("ended_at IS NULL"))
    op.create_index("payout_wait_by_card", "payout_wait", ["card_id"])
    op.create_table(
        "payee_change",
        sa.Column("owner", sa.String(), primary_key=True), sa.Column("payee_index", sa.String(), primary_key=True),
        _text("payee_masked"), _text("before_masked"), _at("noticed_at", nullable=False),
    )  # fmt: skip
    op.create_table(
        "verified_name",
        sa.Column("id", sa.String(), primary_key=True),
        _text("owner"), sa.Column("name_sealed", sa.LargeBinary(), nullable=False), _text("how"), _text("verified_by"),
        _at("verified_at", nullable=False),
    )  # fmt: skip
    op.create_index("verified_name_of", "verified_name", ["owner", "verified_at"])


def _claims() -> None:
    person = [sa.ForeignKey("person.id")]
    op.create_table(
        "rollback",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("card_id", sa.String(), sa.ForeignKey("card.id"), nullable=False),
        _text("owner"), _text("kind", 40), _text("state", 40), _minor("price_minor"), _minor("amount_minor"),
        _text("currency", 40), _text("policy_version"), sa.Column("in_stock", sa.Boolean(), nullable=False), _text("words"),
        _text("evidence_name"), _text("evidence_type"), _text("evidence_sha256"),
        sa.Column("proposed_by", sa.String(), *person, nullable=False), _list("proposers"), _at("proposed_at", nullable=False),
        sa.Column("checked_by", sa.String(), sa.ForeignKey("person.id")), _at("checked_at"), _at("offset_from"),
        _text("objection_ticket", nullable=True), _at("objected_at"), _at("objection_answered_at"),
        _text("objection_answered_by", nullable=True),
        _text("write_off_by", nullable=True), _list("write_off_askers"), _text("write_off_reason"), _at("write_off_asked_at"),
        _text("ended_by", nullable=True), _at("ended_at"),
    )  # fmt: skip
    op.create_index(
        "rollback_once", "rollback", ["card_id"], unique=True, postgresql_where=sa.text("state <> 'declined'")
    )
    op.create_index("rollback_by_owner", "rollback", ["owner", "id"])
    op.create_index("rollback_open", "rollback", ["id"], postgresql_where=sa.text("state IN ('proposed', 'claimed')"))
    op.create_table(
        "rollback_offset",
        sa.Column("rollback_id", sa.String(), sa.ForeignKey("rollback.id"), primary_key=True),
        sa.Column("payout_key", sa.String(), primary_key=True),
        _minor("amount_minor"), _at("at", nullable=False), _at("undone_at"),
    )  # fmt: skip
    op.create_index("rollback_offset_by_order", "rollback_offset", ["payout_key"])
    op.create_table(
        "stated_outcome",
        sa.Column("id", sa.String(), primary_key=True),
        _text("key"), _text("outcome", 40), _text("reason"), _text("reference"),
        _text("evidence_name"), _text("evidence_type"), _text("evidence_sha256"),
        sa.Column("stated_by", sa.String(), sa.ForeignKey("person.id"), nullable=False), _list("staters"),
        _at("stated_at", nullable=False),
        sa.Column("agreed_by", sa.String(), sa.ForeignKey("person.id")), _at("agreed_at"),
        _text("declined_by", nullable=True), _at("declined_at"),
    )  # fmt: skip
    op.create_index(
        "stated_outcome_once", "stated_outcome", ["key"], unique=True,
        postgresql_where=sa.text("agreed_at IS NULL AND declined_at IS NULL"),
    )  # fmt: skip
    op.create_index("stated_outcome_by_key", "stated_outcome", ["key", "stated_at"])


def downgrade() -> None:
    for table in ("stated_outcome", "rollback_offset", "rollback", "verified_name", "payee_change", "payout_wait"):
        op.drop_table(table)
    op.drop_table("payout_usage")
    op.drop_table("rail_switch")
    op.drop_column("payout", "offset_minor")
    op.drop_column("payout", "payee_index")
    for table in ("goodwill_order", "payout"):
        for column in ("stated_id", "tried_at", "routed", "routing_version"):
            op.drop_column(table, column)
