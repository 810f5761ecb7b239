"""What Alipay's words about one order mean: its states, and the refusals of a payee that are certain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.finance.payout import RETURNED, PayeeFault, PayoutOutcome, PayoutReport
from domain.money import Money

SYSTEM = "alipay"
# Reviewed against the documents of `alipay.fund.trans.uni.transfer`: with these the payee cannot be paid, and nothing moved.
# A code that is not here stays unknown until a query settles it: so do a fault of our request (INVALID_PARAMETER), an empty
# balance, our limits and our permissions. They say nothing of the payee, and pass once we fix them.
REFUSALS: Mapping[str, PayeeFault] = {
    "PAYEE_NOT_EXIST": PayeeFault.ACCOUNT_UNKNOWN,
    "PAYEE_ACCOUNT_NOT_EXSIT": PayeeFault.ACCOUNT_UNKNOWN,  # Alipay's spelling.
    "PAYEE_USER_INFO_ERROR": PayeeFault.NAME_DIFFERS,
    "PAYEE_ACC_OCUPIED": PayeeFault.ACCOUNT_UNKNOWN,  # One logon id of several accounts; Alipay's spelling.
    "PAYEE_ACCOUNT_STATUS_ERROR": PayeeFault.ACCOUNT_BLOCKED,
    "PAYEE_USERINFO_STATUS_ERROR": PayeeFault.ACCOUNT_BLOCKED,
    "BLOCK_USER_FORBBIDEN_RECIEVE": PayeeFault.ACCOUNT_BLOCKED,  # Alipay's spelling.
    "PAYEE_CERT_INFO_ERROR": PayeeFault.IDENTITY_MISSING,
}
REFUND = "REFUND"  # Of a transfer to a bank card alone: it had succeeded, and the bank sent it back days later.
ENDED_WITHOUT_PAYMENT = frozenset({"FAIL", "CLOSED"})


def ended(key: str, fields: Mapping[str, Any], amount: Money | None) -> PayoutReport:
    """Translate a status: SUCCESS is paid, FAIL, CLOSED and REFUND are refused, anything else is not over."""
    status, reference = str(fields.get("status")), str(fields.get("order_id") or "") or None
    if status == "SUCCESS":
        return PayoutReport(key, PayoutOutcome.PAID, reference, amount)
    if status == REFUND:
        return PayoutReport(key, PayoutOutcome.REFUSED, reference, amount, RETURNED)
    if status in ENDED_WITHOUT_PAYMENT:
        return PayoutReport(key, PayoutOutcome.REFUSED, reference, amount, str(fields.get("error_code") or status))
    return PayoutReport(key, PayoutOutcome.UNKNOWN, reference, amount, status)
