"""Reasons that people choose from a managed list: which acts need one."""

from __future__ import annotations

from enum import StrEnum


class ReasonedAct(StrEnum):
    """An act that is not done without a reason of the list."""

    REJECT = "reject"  # Not bought; the code also determines the message to the seller.
    ASK_AGAIN = "ask_again"  # The seller sends one item again.
    ESCALATE = "escalate"  # A senior should look.
    HAND_TO_STORE = "hand_to_store"  # A store or outlet should look.
    RETURN = "return"  # The checker sends an outcome back to its maker.
    REFUSE = "refuse"  # The checker lets an outcome fall.
    SNOOZE = "snooze"  # Not now.
    TAKE_OVER = "take_over"  # From a colleague who is working on it.
    REOPEN = "reopen"  # A decision could not be applied: it becomes void, and its task is open again.
    CORRECT_PAYEE = "correct_payee"  # Another payee for money that is owed.
    CLOSE_CALLBACK = "close_callback"  # A seller's request is answered; they read the reason's words.
    SOLVE_TICKET = "solve_ticket"  # A ticket is solved; figures count by it.
    TICKET_CAUSE = "ticket_cause"  # The sub-cause of a ticket, beside its category.
    HAND_OVER = "hand_over"  # A ticket is offered to a colleague.
    ASK_DESK = "ask_desk"  # Support asks another desk.
    ANSWER_OPS = "answer_ops"  # Operations answers support.
    ANSWER_FINANCE = "answer_finance"  # Finance answers support.
    ANSWER_COMPLIANCE = "answer_compliance"  # Compliance answers support.
    ANSWER_REVIEW = "answer_review"  # What a second review for support came to.
    GOODWILL = "goodwill"  # A goodwill payment is proposed.
    CLOSE_BREAK = "close_break"  # A break between a statement and our books is closed.
    RETURN_SALE = "return_sale"  # A sale is taken back.
    REPAIR = "repair"  # Running workflows are repaired.
    REVEAL = "reveal"  # A number or PIN in the clear.
