"""Keep what agents work with: offers to hand a ticket over, reply templates, macros; and two lists of reasons."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0030"
branch_labels = None
depends_on = None

# Act, then for each reason: code, its letter, and what it says in Chinese and English.
_REASONS = (
    ("hand_over", (
        ("knows_better", "k", "对方更熟悉此类问题", "They know this kind of case better"),
        ("shift_ends", "s", "我即将下班", "My shift ends"),
        ("language", "l", "需要其他语言的客服", "Another language is needed"),
        ("known_customer", "c", "对方此前服务过该客户", "They know this customer"),
        ("decision_needed", "d", "需要主管决定", "A lead should decide"),
        ("other", "o", "其他（请在说明中写明）", "Other (say so in the note)"),
    )),
    ("ticket_cause", (
        ("bank_slow", "b", "银行或支付渠道处理较慢", "Bank or channel is slow"),
        ("payee_wrong", "p", "收款信息有误", "Payee details are wrong"),
        ("channel_fault", "c", "支付渠道故障", "Fault of the payment channel"),
        ("price_moved", "m", "报价已变动或过期", "The quote moved or expired"),
        ("price_unclear", "u", "价格构成不清楚", "How the price came about is unclear"),
        ("photo_unclear", "f", "照片不清晰", "The photo is unclear"),
        ("card_used", "d", "卡片余额不足或已使用", "The card was used or has too little left"),
        ("decision_wrong", "w", "客户认为决定有误", "The customer finds the decision wrong"),
        ("code_missing", "n", "未收到动态码", "The one-time code did not come"),
        ("sign_in", "s", "无法登录", "Cannot sign in"),
        ("our_fault", "x", "本平台故障", "A fault of ours"),
        ("other", "o", "其他", "Other"),
    )),
)  # fmt: skip

# Id, name, category, Chinese, English.
_TEMPLATES = (
    ("received", "收到反馈 · Received", None,
     "您好，您的反馈已收到。我们正在核实，将在 {due} 前答复您。工单编号：{ticket}。",
     "Hello, we have received your message and are looking into it. You will have our answer by {due}. Ticket: {ticket}."),
    ("payout_ordered", "款项处理中 · Payout under way", "payout_late",
     "您好，{brand} {card} 的款项 {amount} 已向收款账户 {payee} 下达付款指令，银行处理完成后即可到账。如仍未到账，请直接回复本工单。",
     "Hello, the payout of {amount} for {brand} {card} to {payee} has been ordered and arrives once the bank has processed it. If it does not, please reply to this ticket."),
    ("quote_explained", "报价说明 · Quote explained", "quote_dispute",
     "您好，{brand} {card} 的报价为 {amount}，依据卡面余额和当天的折扣计算。您可以在卡片页面查看每一项的明细。",
     "Hello, the quote for {brand} {card} is {amount}, calculated from its balance and the rate of that day. The page of the card lists every line."),
    ("photo_again", "请补充照片 · Another photo", "card_rejected",
     "您好，{brand} {card} 的照片看不清。请在光线充足处拍摄整张卡，并回复本工单。请勿在文字中填写卡号和卡密。",
     "Hello, the photo of {brand} {card} cannot be read. Please photograph the whole card in good light and reply to this ticket. Do not write the card number or PIN."),
    ("code_again", "动态码 · One-time code", "code_trouble",
     "您好，动态码由发卡方发送，可能延迟几分钟。请确认手机信号和拦截设置后重新获取；如仍未收到，请回复本工单。",
     "Hello, the one-time code is sent by the issuer and may take some minutes. Please check your signal and blocked messages, then request it again; if it still does not arrive, reply to this ticket."),
)  # fmt: skip

# Id, name, steps.
_MACROS = (
    ("ask_for_photo", "请补照片并等待 · Ask for a photo, then wait",
     {"cause": "photo_unclear", "template_id": "photo_again", "after": "wait"}),
    ("to_the_leads", "升级给主管 · To the leads", {"priority": "high", "escalate": "unsure"}),
)  # fmt: skip


def _at(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, length: int | None = None, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _person(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), sa.ForeignKey("person.id"), nullable=nullable)


def _kept() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("active", sa.Boolean(), nullable=False), sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(), nullable=True), _at("changed_at"),
    )  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "ticket_hand_over",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("ticket_id", sa.String(), sa.ForeignKey("ticket.id"), nullable=False),
        _person("by"), _person("to_person", nullable=True), _text("reason_code"), _text("note"),
        _at("offered_at"), _at("until"),
        _text("answer", 40, nullable=True), _text("answered_by", nullable=True), _at("answered_at", nullable=True),
        _text("answer_words"),
    )  # fmt: skip
    still_open = sa.text("answer IS NULL")
    op.create_index(
        "ticket_hand_over_open_once", "ticket_hand_over", ["ticket_id"], unique=True, postgresql_where=still_open
    )
    op.create_index("ticket_hand_over_to", "ticket_hand_over", ["to_person"], postgresql_where=still_open)
    op.create_table(
        "reply_template",
        sa.Column("id", sa.String(), primary_key=True),
        _text("name"), _text("category", 40, nullable=True), _text("zh"), _text("en"), *_kept(),
    )  # fmt: skip
    op.create_table(
        "ticket_macro",
        sa.Column("id", sa.String(), primary_key=True),
        _text("name"),
        sa.Column("steps", sa.dialects.postgresql.JSONB(), nullable=False),
        *_kept(),
    )
    names = ("act", "code", "letter", "zh", "en", "position", "active")
    op.bulk_insert(
        sa.table("reason_code", *(sa.column(name) for name in names)),
        [
            dict(zip(names, (act, *reason, place, True), strict=True))
            for act, reasons in _REASONS
            for place, reason in enumerate(reasons)
        ],
    )
    kept = {"active": True, "revision": 1, "changed_by": None, "changed_at": datetime.now(UTC)}
    templates = ("id", "name", "category", "zh", "en", "active", "revision", "changed_by")
    op.bulk_insert(
        sa.table(
            "reply_template",
            *(sa.column(name) for name in templates),
            sa.column("changed_at", sa.DateTime(timezone=True)),
        ),
        [dict(zip(templates[:5], one, strict=True)) | kept for one in _TEMPLATES],
    )
    op.bulk_insert(
        sa.table(
            "ticket_macro", sa.column("id"), sa.column("name"), sa.column("steps", sa.dialects.postgresql.JSONB()),
            sa.column("active"), sa.column("revision"), sa.column("changed_by"),
            sa.column("changed_at", sa.DateTime(timezone=True)),
        ),
        [{"id": code, "name": name, "steps": steps} | kept for code, name, steps in _MACROS],
    )  # fmt: skip


def downgrade() -> None:
    op.execute("DELETE FROM reason_code WHERE act IN ('hand_over', 'ticket_cause')")
    for table in ("ticket_macro", "reply_template", "ticket_hand_over"):
        op.drop_table(table)
