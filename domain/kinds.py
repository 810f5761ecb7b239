"""The kinds of work that the product has. A further one is declared in its area and named here."""

from __future__ import annotations

from domain.finance.breaks import BREAK_WORK
from domain.finance.settlement_work import SETTLEMENT_WORK
from domain.review.kind import review_work
from domain.rules.brands import catalogue
from domain.support.callbacks import CALLBACK_WORK
from domain.support.escalations import COMPLIANCE_ASK, FINANCE_ASK, OPS_ASK, REVIEW_ASK
from domain.support.tickets import TICKET_WORK
from domain.work.kinds import register

KNOWN = (
    review_work(brands=lambda: sorted(catalogue())),
    CALLBACK_WORK,
    TICKET_WORK,
    OPS_ASK,
    FINANCE_ASK,
    COMPLIANCE_ASK,
    BREAK_WORK,
    REVIEW_ASK,
    SETTLEMENT_WORK,
)

for _kind in KNOWN:
    register(_kind)
