"""What WeChat Pay's words about one transfer mean: its states, and the refusals of a receiver that are certain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.finance.payout import DEALING, WAITS_FOR_RECEIVER, PayeeFault, PayoutOutcome, PayoutReport
from domain.identifiers import key_of_bill
from domain.money import Money

SYSTEM = "wechat"
AMOUNT_MAX = 10**12
PAID, FAILED = "SUCCESS", frozenset({"FAIL", "CANCELLED"})
# Working on it. An unconfirmed transfer that is cancelled is CANCELING until it is CANCELLED.
UNDER_WAY = frozenset({"ACCEPTED", "PROCESSING", "TRANSFERING", "CANCELING"})
# Reviewed against the documents of "merchant transfer": why a transfer failed that only the receiver can fix. A reason that
# is not here ends the transfer all the same, and says nothing of the receiver.
REASONS: Mapping[str, PayeeFault] = {
    "OPENID_INVALID": PayeeFault.ACCOUNT_UNKNOWN,
    "ACCOUNT_NOT_EXIST": PayeeFault.ACCOUNT_UNKNOWN,
    "NAME_NOT_CORRECT": PayeeFault.NAME_DIFFERS,
    "ACCOUNT_FROZEN": PayeeFault.ACCOUNT_BLOCKED,
    "PAYEE_ACCOUNT_ABNORMAL": PayeeFault.ACCOUNT_BLOCKED,
    "RECEIVE_ACCOUNT_NOT_PERMMIT": PayeeFault.ACCOUNT_BLOCKED,  # WeChat's spelling.
    "RECEIVE_ACCOUNT_NOT_CONFIGURE": PayeeFault.ACCOUNT_BLOCKED,
    "REAL_NAME_CHECK_FAIL": PayeeFault.IDENTITY_MISSING,
    "OVERDUE_CLOSE": PayeeFault.NOT_CONFIRMED,
    "CANCELLED": PayeeFault.NOT_CONFIRMED,
}


def judged(fields: Mapping[str, Any], merchant_id: str) -> PayoutReport | None:
    """Translate what WeChat Pay says of a transfer; None when it is no transfer of ours, or of no readable amount."""
    key = key_of_bill(str(fields.get("out_bill_no", "")))
    amount = fields.get("transfer_amount")
    if key is None or str(fields.get("mch_id")) != merchant_id:
        return None
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= AMOUNT_MAX:
        return None
    return ended(key, fields, Money(amount))


def ended(key: str, fields: Mapping[str, Any], amount: Money | None) -> PayoutReport:
    """Translate a state: SUCCESS is paid, FAIL and CANCELLED are refused for certain, anything else is not over."""
    state, reference = str(fields.get("state")), str(fields.get("transfer_bill_no") or "") or None
    if state == PAID:
        return PayoutReport(key, PayoutOutcome.PAID, reference, amount)
    if state in FAILED:
        return PayoutReport(key, PayoutOutcome.REFUSED, reference, amount, str(fields.get("fail_reason") or state))
    if state == WAITS_FOR_RECEIVER:
        return PayoutReport(key, PayoutOutcome.UNKNOWN, reference, amount, WAITS_FOR_RECEIVER)
    return PayoutReport(key, PayoutOutcome.UNKNOWN, reference, amount, DEALING if state in UNDER_WAY else state)
