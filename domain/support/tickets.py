"""A ticket: what a customer asks, who is to act, and which desk inside was asked meanwhile."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from domain.people.roles import Permission
from domain.work.deadlines import ClockOwner
from domain.work.kinds import Facet, KindOfWork
from domain.work.queue_order import OrderFacts, lead
from domain.work.reason_codes import ReasonedAct

TICKET = "ticket"
TEAM = "support"
SUBJECT_MAX, WORDS_MAX, FILES_MAX = 120, 10_000, 5
RATING_WORDS_MAX = 500


class TicketState(StrEnum):
    """Who is to act."""

    NEW = "new"  # No agent has answered yet.
    OPEN = "open"  # An agent is to answer or to act.
    WAITING_CUSTOMER = "waiting_customer"  # The customer was asked; the clocks are paused.
    WAITING_INSIDE = "waiting_inside"  # Another desk was asked; the customer's clocks keep running.
    SOLVED = "solved"  # Answered for good; the customer may still object.
    CLOSED = "closed"  # Nothing more will happen; an answer opens a new ticket.


UNDER_WAY = frozenset({TicketState.NEW, TicketState.OPEN, TicketState.WAITING_CUSTOMER, TicketState.WAITING_INSIDE})


class TicketCategory(StrEnum):
    """What the customer's trouble is about."""

    PAYOUT_LATE = "payout_late"  # The money has not come.
    PAYMENT_UNKNOWN = "payment_unknown"  # It is unknown whether it was paid.
    QUOTE_DISPUTE = "quote_dispute"  # The price is too low, or not the one promised.
    CARD_REJECTED = "card_rejected"  # The card was not bought.
    CARD_FAULTY = "card_faulty"  # A card that was bought from us does not work.
    CODE_TROUBLE = "code_trouble"  # The issuer's one-time code does not come or is not taken.
    PRIVACY = "privacy"  # A copy of their data, or its erasure.
    ACCOUNT = "account"  # Signing in, telephone number, payee.
    SETTLEMENT = "settlement"  # A counterparty disputes a statement of what it is owed.
    OTHER = "other"  # Anything else.


class TicketChannel(StrEnum):
    """How the customer reached us; replies take the same way."""

    WEB = "web"  # The seller pages.
    API = "api"  # A partner's system.
    MAIL = "mail"  # Electronic mail.
    PHONE = "phone"  # An agent opened it for a caller.


class InsideDesk(StrEnum):
    """A desk that an agent can ask."""

    REVIEW = "review"
    OPS = "ops"
    FINANCE = "finance"
    COMPLIANCE = "compliance"


class MessageKind(StrEnum):
    """The parts of a ticket's conversation. Internal notes are comments on its work item."""

    CUSTOMER = "customer"  # The customer's own words.
    REPLY = "reply"  # An agent's public reply.
    NOTICE = "notice"  # A public line that the product wrote, such as "we will close this in two days".


class LinkedKind(StrEnum):
    """What a ticket can be about."""

    CARD = "card"  # card.id
    PAYOUT = "payout"  # The key of a payout.
    TICKET = "ticket"  # ticket.id
    SETTLEMENT = "settlement"  # settlement_run.id


class ClockKind(StrEnum):
    """The three promises to a customer, each with a clock of its own."""

    FIRST_RESPONSE = "first_response"  # From opening to the first public reply.
    NEXT_RESPONSE = "next_response"  # From the customer's first unanswered message to the next public reply.
    RESOLUTION = "resolution"  # From opening, or re-opening, to the solution.


OWNER_OF_DESK = {
    InsideDesk.REVIEW: ClockOwner.REVIEWER,
    InsideDesk.OPS: ClockOwner.OPS,
    InsideDesk.FINANCE: ClockOwner.FINANCE,
    InsideDesk.COMPLIANCE: ClockOwner.COMPLIANCE,
}


def by_deadline(facts: OrderFacts) -> datetime:
    """Return the place within a band: what is due first comes first."""
    return facts.due_at - lead(facts.priority)


TICKET_WORK = KindOfWork(
    code=TICKET,
    see=Permission.SEE_TICKETS,
    take=Permission.ANSWER_TICKETS,
    take_escalated=Permission.LEAD_SUPPORT,
    page="/tickets/{subject}",
    reasons="ticket_category",
    opened_for=TicketCategory,
    facets=frozenset({Facet.REASON}),
    closes=ReasonedAct.SOLVE_TICKET,
    order_at=by_deadline,
    keeps_own_time=True,
    answers_customers=True,
    breach_escalates=False,
)
