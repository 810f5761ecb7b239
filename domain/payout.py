"""Paying a seller: an order has one key for life, and its outcome is paid, refused, or not known yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from domain.money import Money


class PayoutOutcome(StrEnum):
    """What is known of a payment order."""

    PAID = "paid"  # The gateway says the money arrived.
    REFUSED = "refused"  # The gateway says for certain that no money moved and none will.
    UNKNOWN = "unknown"  # Nobody can say yet: only ever reconciled by a query, never sent again.


class PayoutState(StrEnum):
    """How far a payment order is."""

    PREPARED = "prepared"  # Written down with its postings; nothing sent.
    UNKNOWN = "unknown"  # Sent, or perhaps sent; being reconciled.
    PAID = "paid"
    REFUSED = "refused"


@dataclass(frozen=True)
class PayoutOrder:
    """One transfer to a seller. `key` is the gateway's idempotency key; the payee never appears in a log."""

    key: str
    amount: Money
    payee_account: str = field(repr=False)
    payee_name: str = field(repr=False)
    title: str = ""


@dataclass(frozen=True)
class PayoutReport:
    """What the gateway answered or reported; `code` is its own refusal code."""

    key: str
    outcome: PayoutOutcome
    gateway_reference: str | None = None
    amount: Money | None = None
    code: str | None = None
