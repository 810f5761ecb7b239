"""A question that support puts to another desk: one piece of work there, whose answer flows back into the ticket."""

from __future__ import annotations

from enum import StrEnum

from domain.people.roles import Permission
from domain.support.tickets import InsideDesk, TicketCategory, by_deadline
from domain.work.kinds import Facet, KindOfWork
from domain.work.reason_codes import ReasonedAct

QUESTION_MAX, ANSWER_MAX, EVIDENCE_FILES_MAX = 2000, 2000, 5
PAGE = "/escalations/{subject}"


class EscalationState(StrEnum):
    """How far a question is."""

    OPEN = "open"  # The desk has it.
    ANSWERED = "answered"  # The answer is in the ticket.
    WITHDRAWN = "withdrawn"  # Support, or the end of the ticket, took it back.


class AppealResult(StrEnum):
    """What a blind second review made of the first decision on a card."""

    KEPT = "kept"  # Both came to the same, or a senior found the first decision right.
    CHANGED = "changed"  # The card is open again, with its first decision kept in its story.
    DIFFERS = "differs"  # Another decision would have been right, and the card cannot be opened again.


class NotAppealable(StrEnum):
    """Why a card cannot be put before a second reviewer."""

    NOT_DECIDED = "not_decided"  # No reviewer has decided it.
    IN_REVIEW = "in_review"  # A reviewer is deciding it now.
    APPEALED = "appealed"  # It was reviewed again for a customer before, or is at the moment.


def _asked(code: str, permission: Permission, closes: ReasonedAct) -> KindOfWork:
    return KindOfWork(
        code=code,
        see=permission,
        take=permission,
        take_escalated=permission,
        page=PAGE,
        reasons="ticket_category",
        opened_for=TicketCategory,
        facets=frozenset({Facet.REASON}),
        closes=closes,
        order_at=by_deadline,
        breach_escalates=False,  # A late question stays with the whole desk, first in its queue.
    )


OPS_ASK = _asked("opsask", Permission.ANSWER_FOR_OPS, ReasonedAct.ANSWER_OPS)
FINANCE_ASK = _asked("financeask", Permission.ANSWER_FOR_FINANCE, ReasonedAct.ANSWER_FINANCE)
COMPLIANCE_ASK = _asked("complianceask", Permission.ANSWER_FOR_COMPLIANCE, ReasonedAct.ANSWER_COMPLIANCE)
# A blind second review. Its queue says nothing of the ticket: the category alone would tell the first decision.
REVIEW_ASK = KindOfWork(
    code="reviewask",
    see=Permission.CHECK,
    take=Permission.CHECK,
    take_escalated=Permission.SETTLE,
    page="/quality/second/asked/{subject}",
    order_at=by_deadline,
    breach_escalates=False,
)
ANSWERS = {
    InsideDesk.REVIEW: ReasonedAct.ANSWER_REVIEW,
    InsideDesk.OPS: ReasonedAct.ANSWER_OPS,
    InsideDesk.FINANCE: ReasonedAct.ANSWER_FINANCE,
    InsideDesk.COMPLIANCE: ReasonedAct.ANSWER_COMPLIANCE,
}
# Questions that are read and answered on a page of their own.
READ = {
    InsideDesk.OPS: OPS_ASK,
    InsideDesk.FINANCE: FINANCE_ASK,
    InsideDesk.COMPLIANCE: COMPLIANCE_ASK,
}
ASKED = {InsideDesk.REVIEW: REVIEW_ASK, **READ}  # Reviews are decided as blind second reviews.
