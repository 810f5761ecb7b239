"""Privacy requests: what a person can ask for, until when, and what the law keeps us from erasing."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

# Unverified: no source was found for this number. The deadline that counts is that of the ticket's own clock.
ANSWER_WORKING_DAYS = 15
COPY_LASTS = timedelta(days=14)  # A copy that nobody fetched is erased.
RECORDS_YEARS = 10  # Vouchers of transactions, by the anti-money-laundering law.


class PrivacyWish(StrEnum):
    """What a person asks for."""

    COPY = "copy"  # A copy of their data.
    ERASE = "erase"  # Their data erased, as far as we may.


class ErasedPart(StrEnum):
    """What an erasure takes away."""

    MESSAGES = "messages"  # The person's own words in ended questions.
    FILES = "files"  # The files that they sent with them.
    REQUESTS = "requests"  # Their words when they asked to be called, or appealed.
    RATINGS = "ratings"  # Their reasons for a rating.
    CONTACTS = "contacts"  # Their name as they wrote it in mail.


class KeptPart(StrEnum):
    """What stays, each for a reason of its own (`kept_part.<value>`)."""

    TRANSACTIONS = "transactions"  # Submissions, cards, quotes, payouts, payees and the ledger.
    EVIDENCE = "evidence"  # The tamper-evident log: hashes, no words.
    PHOTOS = "photos"  # Photographs of cards: part of the transaction's voucher.
    PHONE = "phone"  # The telephone number: the account, and proof of who was paid.
    OPEN_QUESTIONS = "open_questions"  # Questions that are not ended, this request among them.
