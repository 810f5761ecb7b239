"""A bank that takes orders by file: an order waits for a batch, which two people let out; the bank's file says what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from domain.finance.banks import BankBook, Kept
from domain.finance.payout import (
    AMOUNT_DIFFERS,
    DEALING,
    NOT_FOUND,
    ListedPayment,
    PayoutOrder,
    PayoutOutcome,
    PayoutReport,
)
from domain.money import Currency
from gateways.errors import GatewayRefused

SYSTEM = "bank"


@dataclass(frozen=True)
class PayoutAnswer:
    """What is known of an order."""

    report: PayoutReport


class BankGateway:
    """Our end of a bank. It sends nothing: people take the file there and bring the answer back."""

    def __init__(self, book: BankBook) -> None:
        self._book = book

    async def transfer(self, order: PayoutOrder) -> PayoutAnswer:
        """Let the order wait for its batch; the same order again is answered as the first time.

        Raises ValueError for an amount that is not positive CNY.
        """
        if order.amount.currency is not Currency.CNY or order.amount.amount_minor <= 0:
            raise ValueError("the bank pays positive amounts in CNY")
        return PayoutAnswer(_report(order, await self._book.enter(order)))

    async def query(self, order: PayoutOrder) -> PayoutAnswer:
        """Tell what the bank's files said: paid, refused, or unknown with NOT_FOUND, DEALING or AMOUNT_DIFFERS."""
        found = await self._book.kept(order.key)
        if found is None:
            return PayoutAnswer(PayoutReport(order.key, PayoutOutcome.UNKNOWN, code=NOT_FOUND))
        return PayoutAnswer(_report(order, found))

    async def cancel(self, order: PayoutOrder) -> None:
        """Do nothing: an order leaves its batch only by a person's refusal of the whole batch."""

    async def listed(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """Return what the bank's files said to be paid."""
        return await self._book.paid(since, until)

    async def bill(self, day: date) -> bytes:
        """Raise GatewayRefused: a bank's statement is brought by a person."""
        raise GatewayRefused(SYSTEM, f"statement_by_file_{day:%Y%m%d}")

    async def aclose(self) -> None:
        """Do nothing: there is no connection."""


def _report(order: PayoutOrder, found: Kept) -> PayoutReport:
    if found.amount != order.amount:
        return PayoutReport(order.key, PayoutOutcome.UNKNOWN, found.reference, found.amount, AMOUNT_DIFFERS)
    code = DEALING if found.outcome is PayoutOutcome.UNKNOWN else found.code
    return PayoutReport(order.key, found.outcome, found.reference, found.amount, code)
