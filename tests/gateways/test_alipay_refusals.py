"""Which answers of Alipay refuse a payee for certain."""

from __future__ import annotations

from domain.finance.payout import PayeeFault
from gateways.alipay.states import REFUSALS


def test_only_what_speaks_of_the_payee_is_a_certain_refusal() -> None:
    ours = {
        "INVALID_PARAMETER",
        "SYSTEM_ERROR",
        "PAYER_BALANCE_NOT_ENOUGH",
        "EXCEED_LIMIT_SM_AMOUNT",
        "PERMIT_CHECK_PERM_LIMITED",
    }
    assert not ours & REFUSALS.keys()
    assert set(REFUSALS.values()) == set(PayeeFault) - {PayeeFault.NOT_CONFIRMED}  # Nobody confirms at Alipay.
