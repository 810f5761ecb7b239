"""Postings and balances. Nothing is updated: an account has no stored balance that transactions would queue up for."""

from __future__ import annotations

from collections import Counter
from typing import Any

from sqlalchemy import ARRAY, BigInteger, DateTime, String, TextClause, bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import now
from database.tables.finance import AccountRow, EntryRow, LedgerTransactionRow
from domain.finance.ledger import Postings, require_balanced
from domain.money import Currency, Money

# An account that two transactions use for the first time at once is made by one of them; the other waits for it and,
# by updating it to what it is, gets its id. Accounts are made in the order of their codes, so that two such
# transactions do not wait for each other. When the key was posted before, `posted` is empty and nothing is written.
POST = """
WITH line AS (
    SELECT * FROM unnest(:codes, :kinds, :amounts, :currencies) AS line (code, kind, amount_minor, currency)
), posted AS (
    INSERT INTO ledger_transaction (key, card_id, what, at) VALUES (:key, :card_id, :what, :moment)
    ON CONFLICT (key) DO NOTHING RETURNING id
), made AS (
    INSERT INTO account (code, kind)
    SELECT DISTINCT code, kind FROM line
    WHERE EXISTS (SELECT FROM posted) AND NOT EXISTS (SELECT FROM account WHERE account.code = line.code)
    ORDER BY code
    ON CONFLICT (code) DO UPDATE SET kind = account.kind RETURNING id, code
), known AS (
    SELECT id, code FROM account WHERE code = ANY(:codes) UNION SELECT id, code FROM made
)
INSERT INTO entry (transaction_id, account_id, amount_minor, currency)
SELECT posted.id, known.id, amount_minor, currency FROM posted, line JOIN known USING (code)
RETURNING transaction_id
"""
_TYPES: dict[str, Any] = {
    "codes": ARRAY(String), "kinds": ARRAY(String), "amounts": ARRAY(BigInteger), "currencies": ARRAY(String),
    "key": String, "card_id": String, "what": String, "moment": DateTime(timezone=True),
}  # fmt: skip
_POST: TextClause = text(POST).bindparams(*(bindparam(name, type_=kind) for name, kind in _TYPES.items()))


class PostedDifferently(Exception):
    """The key was posted before with other postings: a wrong amount is about to be paid."""


async def post(session: AsyncSession, key: str, card_id: str | None, what: str, postings: Postings) -> bool:
    """Writes the postings once per `key`, in one statement; False when they were written before.

    `what` is owed, payout_prepared, payout_paid, payout_refused or issuer_cost. Accounts are made when first used.
    Raises Unbalanced before anything is written, and PostedDifferently when the key belongs to other postings.
    """
    values = {
        **_columns(require_balanced(postings)),
        "key": key, "card_id": card_id, "what": what, "moment": now(),
    }  # fmt: skip
    written = (await session.execute(_POST, values)).first() is not None
    if not written and await postings_of(session, key) != _lines(postings):
        raise PostedDifferently(f"the key of this {what} stands for other postings")
    return written


async def balance(session: AsyncSession, code: str, currency: Currency = Currency.CNY) -> Money:
    """Sum an account's entries: positive is a debit balance. An account never used has nothing."""
    statement = (
        select(func.coalesce(func.sum(EntryRow.amount_minor), 0))
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .where(AccountRow.code == code, EntryRow.currency == currency)
    )
    return Money(int((await session.execute(statement)).scalar_one()), currency)


async def postings_of(session: AsyncSession, key: str) -> Counter[tuple[str, int, Currency]]:
    """Return what was posted under a key: account code, minor units and currency of each line; empty for an unused key."""
    statement = (
        select(AccountRow.code, EntryRow.amount_minor, EntryRow.currency)
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .join(LedgerTransactionRow, LedgerTransactionRow.id == EntryRow.transaction_id)
        .where(LedgerTransactionRow.key == key)
    )
    return Counter((code, amount, Currency(currency)) for code, amount, currency in await session.execute(statement))


def _lines(postings: Postings) -> Counter[tuple[str, int, Currency]]:
    return Counter((line.account.code, line.amount.amount_minor, line.amount.currency) for line in postings)


def _columns(postings: Postings) -> dict[str, list[Any]]:
    return {
        "codes": [line.account.code for line in postings],
        "kinds": [line.account.kind.value for line in postings],
        "amounts": [line.amount.amount_minor for line in postings],
        "currencies": [line.amount.currency.value for line in postings],
    }
