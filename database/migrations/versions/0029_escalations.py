"""Keep what support asks of other desks, second reviews for customers, and when a card was opened again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# Of each list: code, its letter, and what it says in Chinese and English.
_REASONS = {
    "ask_desk": (
        ("stuck", "s", "流程卡住", "The card is stuck"),
        ("payment_unknown", "u", "打款结果未知", "The outcome of the payment is unknown"),
        ("payment_refused", "f", "打款被拒绝", "The payment was refused"),
        ("new_evidence", "e", "客户提供了新的证据", "The customer has new evidence"),
        ("decision_disputed", "d", "客户对审核结果有异议", "The customer disputes the decision"),
        ("personal_data", "p", "个人信息相关请求", "A request about personal data"),
        ("suspicion", "w", "情况可疑", "Something is suspicious"),
        ("other", "o", "其他", "Something else"),
    ),
    "answer_ops": (
        ("mended", "m", "已处理，流程已继续", "Mended; the card goes on"),
        ("goes_on", "g", "无需处理，流程会自行继续", "Nothing to mend; it goes on by itself"),
        ("customer_needed", "c", "需要客户配合", "The customer has to do something"),
        ("cannot", "n", "无法处理", "It cannot be mended"),
        ("not_ours", "o", "不属于本组", "Not a matter of this desk"),
    ),
    "answer_finance": (
        ("paid", "p", "款项已到账", "The money has arrived"),
        ("being_cleared", "b", "正在与支付渠道核实", "Being cleared up with the payment channel"),
        ("payee_needed", "y", "需要客户更正收款账户", "The customer has to correct the payee"),
        ("nothing_owed", "n", "没有应付款项", "Nothing is owed"),
        ("not_ours", "o", "不属于本组", "Not a matter of this desk"),
    ),
    "answer_compliance": (
        ("may_proceed", "m", "可以继续办理", "It may go on"),
        ("may_not_proceed", "n", "不得继续办理", "It may not go on"),
        ("data_provided", "d", "个人信息已提供", "The personal data were provided"),
        ("data_erased", "e", "个人信息已删除", "The personal data were erased"),
        ("kept_by_law", "l", "依法须保留", "The law requires keeping it"),
        ("not_ours", "o", "不属于本组", "Not a matter of this desk"),
    ),
    "goodwill": (
        ("late", "l", "打款延误的补偿", "The payment was late"),
        ("our_mistake", "m", "我们的失误", "A mistake of ours"),
        ("price", "p", "报价争议的补偿", "A disputed quote"),
        ("trouble", "t", "给客户带来的不便", "Trouble for the customer"),
        ("other", "o", "其他", "Something else"),
    ),
    "answer_review": (
        ("kept", "k", "复核后维持原决定", "Reviewed again: the decision stays"),
        ("changed", "c", "复核后更改决定，卡片已重新处理", "Reviewed again: decided differently, the card goes on"),
        ("differs", "d", "复核结果不同，但卡片无法重新处理", "Reviewed again: decided differently, the card cannot go on"),
    ),
}  # fmt: skip


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _of(name: str, other: str, *, nullable: bool = True, unique: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey(other), nullable=nullable, unique=unique)


def upgrade() -> None:
    op.add_column("card", _at("reopened_at", nullable=True))
    op.create_table(
        "ticket_escalation",
        sa.Column("id", sa.String(), primary_key=True),
        _of("ticket_id", "ticket.id", nullable=False), _text("desk", 40), _of("task_id", "work_item.id", unique=True),
        _of("card_id", "card.id"), _of("decision_id", "review_decision.id"), _text("state", 40), _text("reason_code"),
        _text("question"), sa.Column("files", sa.dialects.postgresql.JSONB(), nullable=False),
        _of("asked_by", "person.id", nullable=False), _at("asked_at"), _text("answer_code"), _text("answer"),
        _of("answered_by", "person.id"), _at("closed_at", nullable=True),
    )  # fmt: skip
    op.create_index("ticket_escalation_by_ticket", "ticket_escalation", ["ticket_id", "id"])
    op.create_index(
        "ticket_escalation_reviewing", "ticket_escalation", ["id"],
        postgresql_where=sa.text("desk = 'review' AND state = 'open'"),
    )  # fmt: skip
    op.create_index(
        "ticket_escalation_appeal_once", "ticket_escalation", ["card_id"], unique=True,
        postgresql_where=sa.text("desk = 'review' AND state <> 'withdrawn'"),
    )  # fmt: skip
    op.add_column("second_review", _of("escalation_id", "ticket_escalation.id"))
    op.drop_constraint("second_review_decision_id_key", "second_review", type_="unique")
    op.create_index(
        "second_review_drawn_once", "second_review", ["decision_id"], unique=True,
        postgresql_where=sa.text("escalation_id IS NULL"),
    )  # fmt: skip
    op.create_index(
        "second_review_asked_once", "second_review", ["escalation_id"], unique=True,
        postgresql_where=sa.text("escalation_id IS NOT NULL"),
    )  # fmt: skip
    _goodwill()
    _payee_requests()
    names = ("act", "code", "letter", "zh", "en", "position", "active")
    op.bulk_insert(
        sa.table("reason_code", *(sa.column(name) for name in names)),
        [
            dict(zip(names, (act, *reason, place, True), strict=True))
            for act, reasons in _REASONS.items()
            for place, reason in enumerate(reasons)
        ],
    )


def _goodwill() -> None:
    op.create_table(
        "goodwill",
        sa.Column("id", sa.String(), primary_key=True),
        _of("ticket_id", "ticket.id", nullable=False), _text("owner"), _of("paid_key", "payout.key", nullable=False),
        _text("payee_masked"), sa.Column("amount_minor", sa.BigInteger(), nullable=False), _text("currency", 40),
        _text("reason_code"), _text("note"), _text("state", 40), _text("needs", 40), _text("policy_version"),
        _of("proposed_by", "person.id", nullable=False),
        sa.Column("proposers", sa.dialects.postgresql.JSONB(), nullable=False), _at("proposed_at"),
        _of("checked_by", "person.id"), _at("checked_at", nullable=True), _at("started_at", nullable=True),
        _at("ended_at", nullable=True),
    )  # fmt: skip
    op.create_index(
        "goodwill_waits_once", "goodwill", ["ticket_id"], unique=True, postgresql_where=sa.text("state = 'proposed'")
    )
    op.create_index("goodwill_by_ticket", "goodwill", ["ticket_id", "id"])
    op.create_index("goodwill_by_owner", "goodwill", ["owner", "proposed_at"])
    op.create_index(
        "goodwill_under_way", "goodwill", ["id"], postgresql_where=sa.text("state IN ('proposed', 'agreed')")
    )
    op.create_table(
        "goodwill_order",
        sa.Column("key", sa.String(), primary_key=True),
        _of("goodwill_id", "goodwill.id", nullable=False, unique=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False), _text("currency", 40), _text("state", 40),
        sa.Column("payee_account_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("payee_name_sealed", sa.LargeBinary(), nullable=False),
        _text("gateway_reference", nullable=True), _text("answered", 40, nullable=True),
        _text("refusal_code", nullable=True), _at("prepared_at"), _at("settled_at", nullable=True),
    )  # fmt: skip


def _payee_requests() -> None:
    op.create_table(
        "payee_request",
        sa.Column("id", sa.String(), primary_key=True),
        _of("ticket_id", "ticket.id", nullable=False), _of("card_id", "card.id", nullable=False),
        _of("submission_id", "submission.id", nullable=False), _text("reason_code"),
        _of("asked_by", "person.id", nullable=False),
        sa.Column("askers", sa.dialects.postgresql.JSONB(), nullable=False), _at("asked_at"), _text("state", 40),
        _of("correction_id", "payee_correction.id"), _at("ended_at", nullable=True),
    )  # fmt: skip
    op.create_index("payee_request_by_ticket", "payee_request", ["ticket_id", "id"])
    op.create_index(
        "payee_request_open_once", "payee_request", ["submission_id"], unique=True,
        postgresql_where=sa.text("state IN ('asked', 'supplied')"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("payee_request")
    op.drop_table("goodwill_order")
    op.drop_table("goodwill")
    op.execute(f"DELETE FROM reason_code WHERE act IN ({', '.join(repr(act) for act in _REASONS)})")  # noqa: S608  # Ours.
    op.execute("DELETE FROM second_review WHERE escalation_id IS NOT NULL")
    op.drop_index("second_review_asked_once", "second_review")
    op.drop_index("second_review_drawn_once", "second_review")
    op.create_unique_constraint("second_review_decision_id_key", "second_review", ["decision_id"])
    op.drop_column("second_review", "escalation_id")
    op.drop_table("ticket_escalation")
    op.drop_column("card", "reopened_at")
