"""What we pay back to a buyer of their deposit: never what is held for a card; taken back by two people where it was recorded in error."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.repositories.matching import BACKDATED_DAYS
from database.tables.finance.debts import DepositRefundRow
from domain.errors.general import FieldInvalid
from domain.errors.sales import BuyerOwesLess, ForeignMoneyLess
from domain.finance.ledger import cash
from domain.finance.postings.debts import REFUNDED, refunded
from domain.finance.postings.sales import buyer_deposit
from domain.finance.rails import Rail
from domain.finance.sales import buyer_of
from domain.money import Currency, Money
from services.finance import taking_back
from services.finance.available import available
from services.finance.repaying import Kind, facts_of
from services.finance.second_person import Proposal
from services.finance.taking_back import Posted

PAGE = "/sales/debts#refunds"


async def _owed_since(session: AsyncSession, buyer: str, rail: Rail, amount: Money, today: date) -> date:
    """Refuse FieldInvalid (`buyer`), BuyerOwesLess for more than is free of the deposit, and ForeignMoneyLess for more than the rail keeps."""
    try:
        deposit = buyer_deposit(buyer_of(buyer))
    except ValueError:
        raise FieldInvalid(field="buyer", why="not_a_code") from None
    if amount.currency is not Currency.CNY:
        there = await ledger.balance(session, cash(rail).code, amount.currency)
        if there < amount:
            raise ForeignMoneyLess(there=str(there))
    if (free := await available(session, deposit, amount.currency)) < amount:
        raise BuyerOwesLess(there=str(free))
    return today - timedelta(days=BACKDATED_DAYS)


async def _post(session: AsyncSession, row: DepositRefundRow, key: str) -> None:
    lines = refunded(row.rail, buyer_of(row.buyer), row.amount)
    await ledger.post(session, key, None, REFUNDED, lines, happened_on=row.paid_on, cause=key)


async def _unused(_session: AsyncSession, _row: DepositRefundRow) -> None:
    """Nothing uses what was paid out."""


DEPOSITS = Kind(
    DepositRefundRow, "deposit_refund", Posted(REFUNDED, Proposal.DEPOSIT_REFUND, PAGE),
    lambda row: (row.buyer, row.amount), lambda said: {"buyer": said.to, "currency": said.amount.currency}, _owed_since,
    _post,
)  # fmt: skip
# How two people take a confirmed refund back; one that waits is discarded.
REFUNDS_BACK = taking_back.Kind(
    DepositRefundRow, Posted(REFUNDED, Proposal.REFUND_BACK, PAGE),
    lambda row: row.confirmed_at is not None, _unused, lambda row: facts_of(row, row.buyer, row.amount),
)  # fmt: skip
