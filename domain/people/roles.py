"""Who works at the console and what each role may do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

PASSWORD_CHARACTERS_MIN, PASSWORD_CHARACTERS_MAX = 12, 1024
ADDRESS_CHARACTERS_MAX, NAME_CHARACTERS_MAX = 254, 80
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class Role(StrEnum):
    """A role; a person may have several."""

    REVIEWER = "reviewer"  # Decides review tasks.
    SENIOR = "senior"  # A reviewer who also takes escalated and high-value tasks.
    OPS = "ops"  # Watches and repairs running cards.
    SUPPORT = "support"  # Answers customers.
    SUPPORT_LEAD = "support_lead"  # An agent who also takes escalated tickets and looks after the desk.
    FINANCE = "finance"  # Sees payouts and balances.
    COMPLIANCE = "compliance"  # Reads everything but secrets, verifies the trail.
    ADMIN = "admin"  # People, roles, settings.


class Permission(StrEnum):
    """One thing that may be done."""

    SEE_QUEUE = "see_queue"
    SEE_CARD = "see_card"
    SEE_SELLER = "see_seller"  # A seller's page: all their cards, payouts, messages and comments, masked.
    COMMENT = "comment"
    DECIDE = "decide"
    DECIDE_ESCALATED = "decide_escalated"
    CHECK = "check"  # Apply, return or reject what another person decided.
    REVEAL = "reveal"
    TAKE_OVER = "take_over"  # Take over a task that a colleague is working on, with a reason.
    ASSIGN = "assign"  # Give tasks to people, many at once.
    SHARE_VIEW = "share_view"
    SETTLE = "settle"  # Say who was right when two reviews differ.
    SEE_QUALITY = "see_quality"
    SEE_INSIGHT = "see_insight"
    TRY_READING = "try_reading"  # Have the reader read a photo of one's own.
    EXPORT_LABELS = "export_labels"
    SEE_PAYOUTS = "see_payouts"
    CORRECT_PAYEE = "correct_payee"  # Propose or agree to another payee for money that is owed; never both.
    RECONCILE = "reconcile"  # Bring statements, decide breaks, close a day.
    SWITCH_RAILS = "switch_rails"  # Switch a way of paying off at once, and agree with another to switch it on again.
    RELEASE_PAYMENTS = "release_payments"  # Look at payments that are held, and let them go; verify sellers' names.
    STATE_OUTCOMES = "state_outcomes"  # State what became of a payment, or agree to it; never both.
    CLAIM_BACK = "claim_back"  # Claim a card's price back from its seller, or agree to it; never both.
    WRITE_OFF = "write_off"  # Give up what a seller owes, or agree to it; never both.
    SEE_BOOKS = "see_books"  # Accounts, journal and months: what the platform has, owes and earned.
    LET_OUT_BATCHES = (
        "let_out_batches"  # Propose or approve files of payments to a bank, never both; read its answers in.
    )
    CLOSE_PERIODS = "close_periods"  # Close a month of the books, or agree to it.
    SEE_SETTLEMENTS = "see_settlements"  # What counterparties are owed, run by run.
    RUN_SETTLEMENTS = "run_settlements"  # Answer for counterparties, resolve disputes, agree to payments.
    MANAGE_COUNTERPARTIES = (
        "manage_counterparties"  # Add and change them; propose or agree to their payees, never both.
    )
    SEE_SALES = "see_sales"  # What cards were sold for and who shares in it; taxes withheld; rates. Nothing that a seller may learn.
    RECORD_SALES = "record_sales"  # Record and return sales, buyers' payments and rates.
    HANDLE_TAX = "handle_tax"  # Sign a version of the tax rules off, make certificates and the files with full names.
    SEE_TRAIL = "see_trail"
    DECODE_HISTORY = "decode_history"  # Read Temporal payloads through the codec server.
    MANAGE_PEOPLE = "manage_people"  # Skills, limits, absences, relatives.
    CONFIRM_ACCESS = "confirm_access"  # Be the second person when access is given.
    ANSWER_CALLBACKS = "answer_callbacks"  # Call sellers back and explain decisions to them.
    SEE_TICKETS = "see_tickets"  # Tickets and their conversations.
    ANSWER_TICKETS = "answer_tickets"  # Open tickets for callers, reply, solve.
    PREPARE_COPY = "prepare_copy"  # Prepare a copy of a seller's data on their request.
    ERASE_DATA = "erase_data"  # Propose or agree to erasing a seller's data on their request; never both.
    ANSWER_FOR_OPS = "answer_for_ops"  # Answer what support asks of operations.
    ANSWER_FOR_FINANCE = "answer_for_finance"  # Of finance.
    ANSWER_FOR_COMPLIANCE = "answer_for_compliance"  # Of compliance.
    AGREE_GOODWILL = "agree_goodwill"  # Be the second person of any goodwill payment.
    LEAD_SUPPORT = "lead_support"  # Take escalated tickets, look after templates and macros, agree to goodwill.
    MANAGE_REASONS = "manage_reasons"
    SEE_POLICIES = "see_policies"
    SET_POLICIES = "set_policies"  # Write a version of a policy document.
    CONFIRM_POLICIES = "confirm_policies"  # Be the second person who publishes it.
    SEE_OPERATIONS = "see_operations"  # Stuck cards, task queues, providers.
    MANAGE_PROVIDERS = "manage_providers"  # Put a provider into maintenance and take it out again.
    DRAIN_WORKERS = "drain_workers"  # Let a worker finish and end, and lift that again.
    REPAIR = "repair"  # Draft, run, suspend and cancel repairs.
    CONFIRM_REPAIR = "confirm_repair"  # Be the second person who agrees to a repair.
    HANDLE_ALERTS = "handle_alerts"  # Acknowledge and snooze alerts.


_REVIEWER = frozenset(
    {
        Permission.SEE_QUEUE,
        Permission.SEE_CARD,
        Permission.COMMENT,
        Permission.DECIDE,
        Permission.CHECK,
        Permission.REVEAL,
        Permission.TRY_READING,
    }
)
_SENIOR = _REVIEWER | {
    Permission.DECIDE_ESCALATED,
    Permission.SEE_SELLER,
    Permission.TAKE_OVER,
    Permission.ASSIGN,
    Permission.SHARE_VIEW,
    Permission.SETTLE,
    Permission.SEE_PAYOUTS,
    Permission.CORRECT_PAYEE,
    Permission.SEE_QUALITY,
    Permission.SEE_INSIGHT,
    Permission.SEE_POLICIES,
    Permission.ANSWER_CALLBACKS,
    Permission.SEE_TICKETS,
    # A repair may end reviews or pay: who answers for those agrees to it, and one person of operations is enough to repair.
    Permission.CONFIRM_REPAIR,
}

_SUPPORT = frozenset(
    {
        Permission.SEE_CARD,
        Permission.SEE_SELLER,
        Permission.COMMENT,
        Permission.ANSWER_CALLBACKS,
        Permission.SEE_TICKETS,
        Permission.ANSWER_TICKETS,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.REVIEWER: _REVIEWER,
    Role.SENIOR: _SENIOR,
    Role.OPS: frozenset(
        {
            Permission.SEE_QUEUE,
            Permission.SEE_TICKETS,
            Permission.ANSWER_FOR_OPS,
            Permission.SEE_CARD,
            Permission.SEE_SELLER,
            Permission.COMMENT,
            Permission.ASSIGN,
            Permission.SHARE_VIEW,
            Permission.SEE_INSIGHT,
            Permission.SEE_TRAIL,
            Permission.DECODE_HISTORY,
            Permission.SEE_OPERATIONS,
            Permission.MANAGE_PROVIDERS,
            Permission.DRAIN_WORKERS,
            Permission.REPAIR,
            Permission.CONFIRM_REPAIR,
            Permission.HANDLE_ALERTS,
            Permission.SWITCH_RAILS,
            Permission.SEE_POLICIES,
        }
    ),
    Role.SUPPORT: _SUPPORT,
    Role.SUPPORT_LEAD: _SUPPORT
    | {
        Permission.LEAD_SUPPORT,
        Permission.PREPARE_COPY,
        Permission.TAKE_OVER,
        Permission.ASSIGN,
        Permission.SHARE_VIEW,
        Permission.SEE_INSIGHT,
        Permission.SEE_PAYOUTS,
        Permission.SEE_POLICIES,
    },
    Role.FINANCE: frozenset(
        {
            Permission.SEE_TICKETS,
            Permission.ANSWER_FOR_FINANCE,
            Permission.SEE_SETTLEMENTS,
            Permission.RUN_SETTLEMENTS,
            Permission.MANAGE_COUNTERPARTIES,
            Permission.AGREE_GOODWILL,
            Permission.COMMENT,
            Permission.SEE_CARD,
            Permission.SEE_SELLER,
            Permission.SEE_BOOKS,
            Permission.CLOSE_PERIODS,
            Permission.RECONCILE,
            Permission.SWITCH_RAILS,
            Permission.RELEASE_PAYMENTS,
            Permission.STATE_OUTCOMES,
            Permission.CLAIM_BACK,
            Permission.WRITE_OFF,
            Permission.LET_OUT_BATCHES,
            Permission.SEE_SALES,
            Permission.RECORD_SALES,
            Permission.HANDLE_TAX,
            Permission.SEE_PAYOUTS,
            Permission.CORRECT_PAYEE,
            Permission.SEE_INSIGHT,
            Permission.SEE_POLICIES,
            Permission.CONFIRM_REPAIR,
        }
    ),
    Role.COMPLIANCE: frozenset(
        {
            Permission.PREPARE_COPY,
            Permission.ERASE_DATA,
            Permission.CLAIM_BACK,
            Permission.SEE_QUEUE,
            Permission.SEE_TICKETS,
            Permission.ANSWER_FOR_COMPLIANCE,
            Permission.SEE_SETTLEMENTS,
            Permission.COMMENT,
            Permission.SEE_CARD,
            Permission.SEE_SELLER,
            Permission.SEE_QUALITY,
            Permission.SEE_INSIGHT,
            Permission.SEE_PAYOUTS,
            Permission.SEE_BOOKS,
            Permission.SEE_TRAIL,
            Permission.SEE_SALES,
            Permission.CONFIRM_ACCESS,
            Permission.SEE_POLICIES,
            Permission.CONFIRM_POLICIES,
        }
    ),
    Role.ADMIN: frozenset(
        {
            Permission.SEE_QUEUE,
            Permission.SEE_CARD,
            Permission.SHARE_VIEW,
            Permission.SEE_QUALITY,
            Permission.SEE_INSIGHT,
            Permission.EXPORT_LABELS,
            Permission.TRY_READING,
            Permission.DECODE_HISTORY,
            Permission.MANAGE_PEOPLE,
            Permission.CONFIRM_ACCESS,
            Permission.MANAGE_REASONS,
            Permission.SEE_POLICIES,
            Permission.SET_POLICIES,
            Permission.CONFIRM_POLICIES,
            Permission.SEE_OPERATIONS,
            Permission.MANAGE_PROVIDERS,
            Permission.DRAIN_WORKERS,
            Permission.REPAIR,
            Permission.CONFIRM_REPAIR,
            Permission.HANDLE_ALERTS,
        }
    ),
}


def is_address(text: str) -> bool:
    """Return whether this is a valid sign-in address: an e-mail address in small letters."""
    fits = len(text) <= ADDRESS_CHARACTERS_MAX and text.isprintable() and text == text.lower()
    return fits and _ADDRESS.fullmatch(text) is not None


def is_name(text: str) -> bool:
    """Return whether a person can be called so in the console."""
    return 0 < len(text) <= NAME_CHARACTERS_MAX and text.isprintable() and text == text.strip()


def permissions_of(roles: Iterable[Role]) -> frozenset[Permission]:
    """Everything that any of the roles allows."""
    return frozenset().union(*(PERMISSIONS[role] for role in roles))


@dataclass(frozen=True)
class Identity:
    """A person as an identity provider vouches for them; `subject` is its own permanent name for them.

    `proved_at` is when they last showed the provider who they are, in seconds of the epoch; 0 when it does not say.
    """

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False
    proved_at: int = 0
