"""Keep tickets: contacts, tickets, their public messages and files, links, clocks and history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0021"
branch_labels = None
depends_on = None

# Code, its letter, and what it says in Chinese and English.
_SOLUTIONS = (
    ("explained", "e", "已说明情况", "Explained"),
    ("paid", "p", "款项已到账", "The money has arrived"),
    ("decision_changed", "d", "决定已更改", "The decision was changed"),
    ("decision_kept", "k", "维持原决定", "The decision stays"),
    ("corrected", "c", "信息已更正", "Details corrected"),
    ("goodwill", "g", "已补偿", "Compensated"),
    ("no_answer", "n", "客户未再回复", "The customer did not answer"),
    ("not_ours", "o", "不属于本平台的问题", "Not a matter of ours"),
    ("spam", "s", "垃圾信息", "Spam"),
)


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _json(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.dialects.postgresql.JSONB(), nullable=False)


def upgrade() -> None:
    op.add_column("work_item", sa.Column("waiting", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.alter_column("work_item", "waiting", server_default=None)
    op.create_table(
        "contact",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("address_index", sa.String(), nullable=False, unique=True),
        _text("address_masked"), _text("name"), _text("locale"),
        sa.Column("seller_id", sa.String(), sa.ForeignKey("seller.id"), nullable=True),
        _at("created_at"),
    )  # fmt: skip
    _tickets()
    _conversation()
    _beside()
    _solutions()


def _tickets() -> None:
    op.create_table(
        "ticket",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("task_id", sa.String(), sa.ForeignKey("work_item.id"), nullable=False, unique=True),
        _text("state", 40), _text("inside_desk", 40, nullable=True), _text("category", 40), _text("cause"),
        _text("channel", 40), _text("language"), _text("subject"), _text("requester"), _text("opened_by"),
        _at("opened_at"), _at("first_replied_at", nullable=True), _at("replied_at", nullable=True),
        _at("heard_at", nullable=True), _at("unanswered_since", nullable=True), _at("waits_since", nullable=True),
        _at("solved_at", nullable=True), _text("solved_by", nullable=True), _text("solution"),
        _at("closed_at", nullable=True),
        sa.Column("reopened", sa.Integer(), nullable=False),
        sa.Column("merged_into", sa.String(), sa.ForeignKey("ticket.id"), nullable=True),
        _json("followers"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("heard_revision", sa.Integer(), nullable=False),
    )  # fmt: skip
    op.create_index("ticket_by_requester", "ticket", ["requester", "opened_at"])
    op.create_index("ticket_unheard", "ticket", ["id"], postgresql_where=sa.text("heard_revision < revision"))
    op.create_index("ticket_newest", "ticket", ["opened_at", "id"])
    op.create_index("ticket_state", "ticket", ["state", "opened_at"], postgresql_where=sa.text("state <> 'closed'"))


def _conversation() -> None:
    op.create_table(
        "ticket_message",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), nullable=False),
        _text("kind", 40), _text("author"), _text("words"), _text("channel", 40),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("shortened", sa.Boolean(), nullable=False),
        _at("at"), _at("leaves_at"), _at("sent_at", nullable=True), _at("withdrawn_at", nullable=True),
        _text("idempotency_key", nullable=True), _text("mail_id", nullable=True), _text("undelivered"),
    )  # fmt: skip
    op.create_index("ticket_message_by_ticket", "ticket_message", ["ticket_id", "id"])
    op.create_index(
        "ticket_message_by_mail", "ticket_message", ["mail_id"], unique=True,
        postgresql_where=sa.text("mail_id IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "ticket_message_leaving", "ticket_message", ["leaves_at"],
        postgresql_where=sa.text("sent_at IS NULL AND withdrawn_at IS NULL"),
    )  # fmt: skip
    op.create_index(
        "ticket_message_by_key", "ticket_message", ["ticket_id", "idempotency_key"], unique=True,
        postgresql_where=sa.text("idempotency_key IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "ticket_file",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), nullable=False),
        sa.Column("message_id", sa.String(), sa.ForeignKey("ticket_message.id"), nullable=False),
        _text("name"), _text("media_type"),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        _text("sha256"), _at("at"),
    )  # fmt: skip
    op.create_index("ix_ticket_file_ticket_id", "ticket_file", ["ticket_id"])


def _beside() -> None:
    op.create_table(
        "ticket_link",
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), primary_key=True),
        _text("kind", 40),
        sa.Column("subject", sa.String(), primary_key=True),
        _text("by"), _at("at"),
    )  # fmt: skip
    op.create_index("ticket_link_by_subject", "ticket_link", ["kind", "subject"])
    op.create_table(
        "ticket_clock",
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), primary_key=True),
        _text("kind", 40),
        sa.Column("name", sa.String(), primary_key=True),
        _at("started_at"),
        sa.Column("budget_s", sa.Integer(), nullable=False),
        _text("policy"),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        _at("warn_at"), _at("due_at"), _at("warned_at", nullable=True), _at("breached_at", nullable=True),
        _text("breached_by"), _at("met_at", nullable=True), _text("met_by"), _at("void_at", nullable=True),
    )  # fmt: skip
    op.create_index(
        "ticket_clock_running", "ticket_clock", ["ticket_id"],
        postgresql_where=sa.text("met_at IS NULL AND void_at IS NULL"),
    )  # fmt: skip
    op.create_table(
        "ticket_event",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), nullable=False),
        _at("at"), _text("actor"), _text("what"), _json("facts"),
    )  # fmt: skip
    op.create_index("ticket_event_by_ticket", "ticket_event", ["ticket_id", "id"])


def _solutions() -> None:
    names = ("act", "code", "letter", "zh", "en", "position", "active")
    op.bulk_insert(
        sa.table("reason_code", *(sa.column(name) for name in names)),
        [
            dict(zip(names, ("solve_ticket", *solution, place, True), strict=True))
            for place, solution in enumerate(_SOLUTIONS)
        ],
    )


def downgrade() -> None:
    op.execute("DELETE FROM reason_code WHERE act = 'solve_ticket'")
    for table in ("ticket_event", "ticket_clock", "ticket_link", "ticket_file", "ticket_message", "ticket", "contact"):
        op.drop_table(table)
    op.drop_column("work_item", "waiting")
