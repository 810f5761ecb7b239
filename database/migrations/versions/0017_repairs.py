"""Keep repairs with their items, and the reasons that people choose for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

REASONS = (
    ("provider_back", "p", "服务方已恢复", "The provider works again"),
    ("deployment_mended", "d", "程序已修复", "The program was mended"),
    ("wrong_setting", "w", "配置有误，已更正", "A setting was wrong and is corrected"),
    ("lost_report", "l", "报告未送达", "A report did not arrive"),
    ("planned_work", "m", "计划维护", "Planned maintenance"),
    ("waits_too_long", "t", "等待过久", "It has waited too long"),
    ("asked_by_seller", "s", "卖家要求", "The seller asks for it"),
    ("other", "o", "其他（见备注）", "Another reason (see the note)"),
)


def _text(name: str, **more: object) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=False, **more)  # type: ignore[arg-type]


def _word(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(40), nullable=nullable)


def _moment(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, JSONB(), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def upgrade() -> None:
    columns = ("act", "code", "letter", "zh", "en", "position", "active")
    op.bulk_insert(
        sa.table("reason_code", *(sa.column(name) for name in columns)),
        [
            dict(zip(columns, ("repair", *reason, 100 + place, True), strict=True))
            for place, reason in enumerate(REASONS)
        ],
    )
    op.create_table(
        "repair",
        _text("id", primary_key=True),
        _word("kind"), _word("state"), _json("options"), _text("reason_code"), _text("note"), _json("source"),
        sa.Column("retries", sa.String(), sa.ForeignKey("repair.id"), nullable=True),
        _number("canary"), _number("rate_per_s"), _number("failures_bp"), _text("rules_version"), _flag("two_people"),
        _text("drafted_by"), _json("makers"), _moment("drafted_at", nullable=False), _moment("previewed_at"),
        _moment("submitted_at"), sa.Column("submitted_by", sa.String(), nullable=True),
        sa.Column("decided_by", sa.String(), nullable=True), _moment("decided_at"), _word("suspended_why", nullable=True),
        _moment("suspended_at"), _flag("canary_passed"), _number("forgiven"), _moment("started_at"), _moment("acted_at"),
        _moment("ended_at"), _number("revision"), _number("heard_revision"),
    )  # fmt: skip
    op.create_index("repair_newest", "repair", ["drafted_at", "id"])
    op.create_index("repair_unheard", "repair", ["id"], postgresql_where=sa.text("heard_revision < revision"))
    op.create_index(
        "repair_open", "repair", ["state"], postgresql_where=sa.text("state IN ('waiting', 'running', 'suspended')")
    )
    op.create_table(
        "repair_item",
        sa.Column("repair_id", sa.String(), sa.ForeignKey("repair.id"), primary_key=True),
        sa.Column("place", sa.Integer(), primary_key=True, autoincrement=False),
        _text("workflow_id"), _text("subject"), _text("card_type"), _text("brand"), _text("stage"), _text("waiting_for"),
        _text("step"), sa.Column("value_minor", sa.BigInteger(), nullable=False), _word("state"), _flag("live"),
        _word("excluded", nullable=True), _json("found"), _text("error"), _text("message"), _text("claimed_by"),
        _moment("acting_at"), _moment("acted_at"), _moment("proven_at"),
    )  # fmt: skip
    op.create_index("repair_item_by_state", "repair_item", ["repair_id", "state", "place"])
    op.create_index(
        "repair_item_live_once", "repair_item", ["workflow_id"], unique=True, postgresql_where=sa.text("live")
    )
    op.create_index(
        "repair_item_unproven", "repair_item", ["workflow_id"],
        postgresql_where=sa.text("state IN ('acting', 'acted', 'failed_again')"),
    )  # fmt: skip
    op.create_index("repair_item_by_subject", "repair_item", ["subject"])


def downgrade() -> None:
    op.drop_table("repair_item")
    op.drop_table("repair")
    op.execute("DELETE FROM reason_code WHERE act = 'repair'")
