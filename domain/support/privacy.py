"""Privacy requests: what a person can ask for, until when, and what the law keeps us from erasing.

Copy and erasure are rights of the Personal Information Protection Law (articles 45 and 47); what another law has us keep is
stored and protected, and not used for anything else (article 47, last paragraph).
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from math import ceil

from domain.support.tickets import TEAM, TICKET, TicketCategory
from domain.work.deadlines import Policies, Terms
from domain.work.task import Priority

COPY_LASTS = timedelta(days=14)  # A copy that was not fetched by then is erased.
RECORDS_YEARS = 10  # Vouchers of transactions, by the anti-money-laundering law.
RECORDS = timedelta(days=3653)  # The same, with its leap days.


class PrivacyWish(StrEnum):
    """What a person asks for."""

    COPY = "copy"  # A copy of their data.
    ERASE = "erase"  # Their data erased, as far as we may.


class ErasedPart(StrEnum):
    """What an erasure takes away."""

    MESSAGES = "messages"  # Every word of ended questions, theirs and ours, with what colleagues wrote about them.
    FILES = "files"  # The files in them.
    REQUESTS = "requests"  # Their words when they asked to be called, or appealed.
    RATINGS = "ratings"  # Their reasons for a rating.
    NOTES = "notes"  # Colleagues' comments on cards that quote or name them.
    PHOTOS = "photos"  # Photographs of cards that we did not buy.
    CARDS = "cards"  # Numbers and PINs of those cards.
    PAYEES = "payees"  # Payees to whom nothing was paid.
    CONTACTS = "contacts"  # Their names and addresses in mail.
    PHONE = "phone"  # The telephone number: with it the account is closed.


class KeptPart(StrEnum):
    """What stays, each for a reason of its own (`kept_part.<value>`)."""

    TRANSACTIONS = "transactions"  # Bought cards, with offers, payments, payees and the ledger.
    PHOTOS = "photos"  # Photographs of bought cards: part of the transaction's voucher.
    FINGERPRINTS = "fingerprints"  # Keyed hashes by which a card that was submitted before is known again.
    EVIDENCE = "evidence"  # The tamper-evident log: hashes, no words.
    RUNNING = "running"  # Cards and payments on their way, and questions that are not ended, this request among them.


def answer_days(policies: Policies) -> int:
    """Return in how many working days a privacy request is answered, by the deadline policy in force; rounded up."""
    terms = Terms(None, 0, Priority.NORMAL, frozenset({TicketCategory.PRIVACY}), TEAM, TICKET)
    policy = policies.policy_for(terms)
    days = [sum(one.ends - one.starts for one in day) for day in policies.calendar_for(policy, TEAM).week if day]
    return ceil(policy.budget_s / (60 * max(days)))
