"""What a rail's word for a refusal says of the payee: the seller reads it in plain words."""

from __future__ import annotations

from collections.abc import Mapping

from domain.finance.payout import PayeeFault
from domain.finance.rails import Rail
from gateways.alipay.states import REFUSALS
from gateways.wechat.states import REASONS

# The bank's words come in its own format: what is kept of them is ours already where the format explains them.
_WORDS: Mapping[Rail, Mapping[str, PayeeFault]] = {
    Rail.ALIPAY: REFUSALS,
    Rail.WECHAT: REASONS,
    Rail.BANK: {fault.value: fault for fault in PayeeFault},
}


def payee_fault(rail: Rail, code: str | None) -> PayeeFault | None:
    """Return what is wrong with the payee; None when the word says nothing of the payee."""
    return _WORDS[rail].get(code or "")
