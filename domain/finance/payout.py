"""Paying a seller: an order has one key for life, and its outcome is paid, refused, or not known yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from domain.money import Money


class PayoutOutcome(StrEnum):
    """What is known of a payment order."""

    PAID = "paid"  # The gateway says the money arrived.
    REFUSED = "refused"  # The gateway says for certain that no money moved and none will.
    UNKNOWN = "unknown"  # Not known yet: only reconciled by a query, never sent again.


class PayoutState(StrEnum):
    """How far a payment order is."""

    PREPARED = "prepared"  # Written down with its postings; nothing sent.
    UNKNOWN = "unknown"  # Sent, or perhaps sent; being reconciled.
    PAID = "paid"
    REFUSED = "refused"


class PayeeFault(StrEnum):
    """What is wrong with a payee that the gateway refused; the seller reads its sentence."""

    ACCOUNT_UNKNOWN = "account_unknown"  # No such account, or more than one of that name.
    NAME_DIFFERS = "name_differs"  # The account is another person's.
    ACCOUNT_BLOCKED = "account_blocked"  # The account may not receive money.
    IDENTITY_MISSING = "identity_missing"  # Its holder has not proved who they are.
    NOT_CONFIRMED = "not_confirmed"  # The receiver did not confirm the transfer in time, or called it off.


# A gateway's words about an order that is neither paid nor refused, as every gateway of ours gives them.
NOT_FOUND = "ORDER_NOT_EXIST"  # It has no order of that key, so it may be sent, with the same key.
DEALING = "DEALING"  # It has the order and has not finished.
AMOUNT_DIFFERS = "AMOUNT_DIFFERS"  # It names another amount than the order's: a person must look.
WAITS_FOR_RECEIVER = "WAIT_USER_CONFIRM"  # It has the order, and the receiver has to confirm it in time.
RETURNED = "REFUND"  # The money had arrived and came back: certain, and owed again.


@dataclass(frozen=True)
class PayoutOrder:
    """One transfer to a seller. `key` is the gateway's idempotency key; the payee never appears in a log."""

    key: str
    amount: Money
    payee_account: str = field(repr=False)
    payee_name: str = field(repr=False)
    title: str = ""
    ordered_at: datetime | None = None  # When it was written down; gateways that forget ask by it how far back to look.


@dataclass(frozen=True)
class ReceiversTurn:
    """What the receiver needs to confirm a transfer: `package` opens the confirmation in the provider's app."""

    package: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True)
class PayoutReport:
    """What the gateway answered or reported; `code` is its own refusal code."""

    key: str
    outcome: PayoutOutcome
    gateway_reference: str | None = None
    amount: Money | None = None
    code: str | None = None
    turn: ReceiversTurn | None = None  # Only while the receiver's confirmation is awaited.


@dataclass(frozen=True)
class ListedPayment:
    """One payment in the gateway's own list: what left our account under that key."""

    key: str
    amount: Money
    reference: str


class PayoutAnswer(Protocol):
    """What is known of an order after a call."""

    @property
    def report(self) -> PayoutReport:
        """Paid, refused, or unknown with the gateway's word."""
        ...


class PaymentGateway(Protocol):
    """What can pay. Only the workers' process holds one."""

    async def transfer(self, order: PayoutOrder) -> PayoutAnswer:
        """Pays; the same order again is answered as the first time."""
        ...

    async def query(self, order: PayoutOrder) -> PayoutAnswer:
        """Ask what became of an order."""
        ...

    async def cancel(self, order: PayoutOrder) -> None:
        """Ask that an order which the receiver has not confirmed is called off; what became of it says `query` alone.

        Nothing happens on a rail whose orders cannot be called off.
        """
        ...

    async def listed(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """Every payment that left our account in that time, by the gateway's own list."""
        ...

    async def bill(self, day: date) -> bytes:
        """Return the provider's own list of a day as it comes; empty where the day had no movement.

        Raises GatewayUnavailable while it is not ready or no answer came, GatewayRefused where there is none.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
