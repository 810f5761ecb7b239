"""Reword the seeded reasons in the terms of the glossary; a reason that a person reworded stays as it is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0068"
down_revision = "0066"
branch_labels = None
depends_on = None

# act, code, old, new
_ENGLISH = (
    ("reject", "not_the_sellers", "It may not be the seller's card", "Ownership in doubt"),
    ("reject", "wrong_brand", "Another brand than submitted", "Brand differs from the submission"),
    ("reject", "other", "Another reason (write a note)", "Other (write a note)"),
    ("ask_again", "blurred", "The photo is blurred", "Photo blurred"),
    ("ask_again", "covered", "Something is covered or glares", "Covered or glare"),
    ("ask_again", "not_scratched", "The cover is not scratched off", "Cover not scratched off"),
    ("ask_again", "mismatch", "What was typed differs from the photo", "Entered details do not match the photo"),
    ("ask_again", "missing", "The item is missing", "Item missing"),
    ("escalate", "suspicious", "It looks like fraud", "Suspected fraud"),
    ("escalate", "unsure", "I cannot tell", "Unsure"),
    ("escalate", "rule_unclear", "The rule is unclear", "Rule unclear"),
    ("refuse", "should_reject", "It should be rejected", "Should be rejected"),
    ("refuse", "should_accept", "It should be bought", "Should be bought"),
    ("snooze", "waiting_answer", "Waiting for somebody's answer", "Waiting for an answer"),
    ("snooze", "call_store", "The store is to be called later", "Call the store later"),
    ("snooze", "end_of_shift", "Left for the next shift", "Hand over to the next shift"),
    ("take_over", "absent", "Its holder has left", "The holder is away"),
    ("take_over", "urgent", "It is about to be late", "Due soon"),
    ("take_over", "agreed", "Agreed with its holder", "Agreed with the holder"),
    ("reopen", "mended", "What stood in the way is mended", "The cause was resolved"),
    ("reopen", "decide_anew", "It must be decided anew", "A new decision is needed"),
    ("reopen", "card_changed", "The card has moved on meanwhile", "The card's status has changed"),
    ("reveal", "compare", "To compare with the photo", "Compare with the photo"),
    ("reveal", "call", "To confirm by telephone", "Confirm by phone"),
    ("reveal", "type_at_till", "To enter it at the store's system", "Enter in the store's system"),
    ("correct_payee", "typing_error", "An evident typing error", "Obvious typo"),
    ("correct_payee", "unchanged", "The payee is right: pay again", "Payee correct; pay again"),
    ("repair", "provider_back", "The provider works again", "Provider restored"),
    ("repair", "deployment_mended", "The program was mended", "Software fixed"),
    ("repair", "wrong_setting", "A setting was wrong and is corrected", "Wrong setting corrected"),
    ("repair", "lost_report", "A report did not arrive", "Report not received"),
    ("repair", "waits_too_long", "It has waited too long", "Waiting too long"),
    ("repair", "asked_by_seller", "The seller asks for it", "Requested by the seller"),
    ("repair", "other", "Another reason (see the note)", "Other (see the note)"),
    ("solve_ticket", "not_ours", "Not a matter of ours", "Out of scope"),
    ("hand_over", "knows_better", "They know this kind of case better", "More experienced with this type of case"),
    ("ticket_cause", "channel_fault", "Fault of the payment channel", "Payment channel fault"),
    ("ticket_cause", "price_moved", "The quote moved or expired", "Quote changed or expired"),
    ("ticket_cause", "price_unclear", "How the price came about is unclear", "Price breakdown unclear"),
    ("ticket_cause", "photo_unclear", "The photo is unclear", "Photo unclear"),
    ("ticket_cause", "card_used", "The card was used or has too little left", "Card used or balance too low"),
    ("ticket_cause", "decision_wrong", "The customer finds the decision wrong", "Customer disputes the decision"),
    ("ticket_cause", "code_missing", "The one-time code did not come", "One-time code not received"),
    ("ticket_cause", "our_fault", "A fault of ours", "Our fault"),
    ("ask_desk", "suspicion", "Something is suspicious", "Suspicious activity"),
    ("answer_ops", "mended", "Mended; the card goes on", "Fixed; the card continues"),
    ("answer_ops", "goes_on", "Nothing to mend; it goes on by itself", "No action needed; continues automatically"),
    ("answer_ops", "customer_needed", "The customer has to do something", "Customer action required"),
    ("answer_ops", "cannot", "It cannot be mended", "Cannot be fixed"),
    ("answer_ops", "not_ours", "Not a matter of this desk", "Not for this desk"),
    (
        "answer_finance",
        "being_cleared",
        "Being cleared up with the payment channel",
        "Under investigation with the payment channel",
    ),
    (
        "answer_finance",
        "payee_needed",
        "The customer has to correct the payee",
        "The customer must correct the payee account",
    ),
    ("answer_finance", "not_ours", "Not a matter of this desk", "Not for this desk"),
    ("answer_compliance", "may_proceed", "It may go on", "May proceed"),
    ("answer_compliance", "may_not_proceed", "It may not go on", "Must not proceed"),
    ("answer_compliance", "not_ours", "Not a matter of this desk", "Not for this desk"),
    ("goodwill", "our_mistake", "A mistake of ours", "Our mistake"),
    ("goodwill", "price", "A disputed quote", "Disputed quote"),
    (
        "answer_review",
        "changed",
        "Reviewed again: decided differently, the card goes on",
        "Reviewed again: decision changed; the card continues",
    ),
    (
        "answer_review",
        "differs",
        "Reviewed again: decided differently, the card cannot go on",
        "Reviewed again: decision changed; the card cannot continue",
    ),
    (
        "close_break",
        "on_the_way",
        "On its way: the other side books it later",
        "In transit; the other side posts it later",
    ),
    ("close_break", "provider_error", "The provider's list is wrong", "The provider's statement is wrong"),
    ("close_break", "not_booked", "We had not booked it", "Missing in our books"),
    ("close_break", "wrong_amount", "We had booked another amount", "Wrong amount in our books"),
    ("close_break", "fee", "A charge of the provider", "Provider fee"),
    ("close_break", "own_funds", "Our own money, moved between our accounts", "Transfer between our own accounts"),
    ("close_break", "wrong_link", "It belonged to something else", "Wrong match"),
    ("close_break", "unexplained", "Not explained yet: kept in suspense", "Unexplained; kept in suspense"),
)
_CHINESE = (
    ("take_over", "absent", "持有人已离开", "处理人不在"),
    ("take_over", "agreed", "已与持有人商定", "已与处理人商定"),
    ("snooze", "waiting_answer", "等待他人答复", "等待答复"),
    ("reopen", "card_changed", "卡片进度已变化", "卡片状态已变化"),
    ("close_callback", "passed_on", "已转交审核人员继续处理", "已转交复核人员继续处理"),
    ("repair", "provider_back", "服务方已恢复", "对方系统已恢复"),
    ("ask_desk", "decision_disputed", "客户对审核结果有异议", "客户对复核结果有异议"),
    ("answer_ops", "goes_on", "无需处理，流程会自行继续", "无需处理，流程会自动继续"),
    ("close_break", "on_the_way", "对方尚未入账，稍后出现", "在途，对方稍后入账"),
)


def upgrade() -> None:
    for act, code, old, new in _ENGLISH:
        _reword("en", act, code, old, new)
    for act, code, old, new in _CHINESE:
        _reword("zh", act, code, old, new)


def downgrade() -> None:
    for act, code, old, new in _ENGLISH:
        _reword("en", act, code, new, old)
    for act, code, old, new in _CHINESE:
        _reword("zh", act, code, new, old)


def _reword(language: str, act: str, code: str, old: str, new: str) -> None:
    reason = sa.table("reason_code", sa.column("act"), sa.column("code"), sa.column(language))
    words = reason.c[language]
    op.execute(
        sa.update(reason).where(reason.c.act == act, reason.c.code == code, words == old).values({language: new})
    )
