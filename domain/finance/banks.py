"""Batches of transfers for a bank: how far a batch is, and how a bank payee is written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from domain.finance.payout import ListedPayment, PayoutOrder, PayoutOutcome
from domain.money import Money

BANK_ACCOUNT = re.compile(r"([0-9]{8,30}) ([^\s|,\"][^|,\"]{1,38}[^\s|,\"])")


class BatchState(StrEnum):
    """How far a batch is."""

    PROPOSED = "proposed"  # A second person looks at it.
    DROPPED = "dropped"  # It was not let out; its orders wait for another batch.
    APPROVED = "approved"  # Its file may be taken to the bank.
    TAKEN = "taken"  # The file was taken: each order may be paid.
    FINISHED = "finished"  # The bank has said what became of every line.


# Nobody can keep the bank from carrying these out any more.
LET_OUT = (BatchState.APPROVED, BatchState.TAKEN, BatchState.FINISHED)


def bank_account(account: str) -> tuple[str, str]:
    """Split a bank payee, `6222020200112233445 中国工商银行`, into number and bank. Raises ValueError."""
    found = BANK_ACCOUNT.fullmatch(account)
    if found is None:
        raise ValueError("a bank payee is a number, a space and the bank's name")
    return found[1], found[2]


@dataclass(frozen=True)
class Kept:
    """An order as the book has it; `outcome` is UNKNOWN until the bank's file has said."""

    amount: Money
    outcome: PayoutOutcome = PayoutOutcome.UNKNOWN
    reference: str | None = None
    code: str | None = None


class BankBook(Protocol):
    """Where orders wait for their batch and results are kept."""

    async def enter(self, order: PayoutOrder) -> Kept:
        """Keep the order, once per key, and return it as it is kept."""
        ...

    async def kept(self, key: str) -> Kept | None:
        """Return the order of that key; None where none was entered."""
        ...

    async def paid(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """Return what the bank's files said to be paid, for orders that were let out in that time."""
        ...
