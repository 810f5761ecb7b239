"""Postings and balances. Entries are never updated, and no balance is either: no account makes transactions wait for a row.

A balance is the newest checkpoint of its account and the entries since then (`account_balance` in the database). The sign
that an account may have, sums of zero, and closed months are held by the database at commit, by any writer.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, Date, DateTime, String, TextClause, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import now
from database.tables.finance import AccountRow, EntryRow, LedgerTransactionRow, PeriodRow
from domain.finance.chart import account_of
from domain.finance.ledger import Posting, Postings, require_balanced, reversed_postings
from domain.finance.periods import month_of, open_day
from domain.money import Currency, Money
from domain.places import business_day

# An account that two transactions use for the first time at once is made by one of them; the other waits for it and,
# by updating it to what it is, gets its id. Accounts are made in the order of their codes, and entries written in that of
# the accounts, so that two such transactions do not wait for each other. When the key was posted before, `posted` is
# empty and nothing is written.
POST = """
WITH line AS (
    SELECT * FROM unnest(:codes, :kinds, :owners, :signs, :amounts, :currencies)
        AS line (code, kind, owner, sign, amount_minor, currency)
), posted AS (
    INSERT INTO ledger_transaction (key, card_id, what, at, effective_on, late_for, cause, reverses)
    VALUES (:key, :card_id, :what, :moment, :effective_on, :late_for, :cause, :reverses)
    ON CONFLICT (key) DO NOTHING RETURNING id
), made AS (
    INSERT INTO account (code, kind, owner, sign, currency)
    SELECT DISTINCT code, kind, owner, sign, currency FROM line
    WHERE EXISTS (SELECT FROM posted)
      AND NOT EXISTS (SELECT FROM account WHERE account.code = line.code AND account.currency = line.currency)
    ORDER BY code, currency
    ON CONFLICT (code, currency) DO UPDATE SET kind = account.kind RETURNING id, code, currency
), known AS (
    SELECT id, code, currency FROM account WHERE code = ANY(:codes) UNION SELECT id, code, currency FROM made
)
INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)
SELECT posted.id, known.id, amount_minor, line.currency, :moment
FROM posted, line JOIN known ON known.code = line.code AND known.currency = line.currency
ORDER BY known.id
RETURNING transaction_id
"""
_TYPES: dict[str, Any] = {
    "codes": ARRAY(String), "kinds": ARRAY(String), "owners": ARRAY(String), "signs": ARRAY(String),
    "amounts": ARRAY(BigInteger), "currencies": ARRAY(String), "key": String, "card_id": String, "what": String,
    "moment": DateTime(timezone=True), "effective_on": Date, "late_for": Date, "cause": String, "reverses": BigInteger,
}  # fmt: skip
_POST: TextClause = text(POST).bindparams(*(bindparam(name, type_=kind) for name, kind in _TYPES.items()))
_BALANCE = text("SELECT account_balance(id) FROM account WHERE code = :code AND currency = :currency")
# Entries are written within this span of their moment: no transaction of ours lasts longer.
SLACK = timedelta(minutes=15)
_BALANCE_AT = text("""
SELECT coalesce(before.balance_minor, 0) + coalesce((
    SELECT sum(e.amount_minor) FROM entry e
    WHERE e.account_id = account.id AND e.id > coalesce(before.upto, 0) AND e.at <= :moment
      AND e.id <= coalesce((SELECT min(upto) FROM balance_checkpoint
                            WHERE account_id = account.id AND made_at > :certain), 9223372036854775807)), 0)::bigint
FROM account LEFT JOIN LATERAL (
    SELECT balance_minor, upto FROM balance_checkpoint
    WHERE account_id = account.id AND newest_at <= :moment ORDER BY upto DESC LIMIT 1
) AS before ON true
WHERE code = :code AND currency = :currency
""")


class PostedDifferently(Exception):
    """The key was posted before with other postings: a wrong amount is about to be paid."""


class NotReversible(Exception):
    """There is no transaction of that key, it was reversed before, or it is a reversal itself."""


async def post(
    session: AsyncSession, key: str, card_id: str | None, what: str, postings: Postings, *,
    happened_on: date | None = None, cause: str = "", reverses: int | None = None,
) -> bool:  # fmt: skip
    """Write the postings once per `key`, in one statement; return False when they were written before.

    `what` names the step, e.g. owed, payout_prepared, issuer_cost; `cause` what led to it besides the card. They count for
    `happened_on`, today unless given; where its month is closed, for the first open day, with the day itself kept.
    Accounts are made when first used. Raises Unbalanced before anything is written, and PostedDifferently when the key
    belongs to other postings; the commit fails where an account would get a sign that it may not have.
    """
    moment = now()
    day = happened_on or business_day(moment)
    # A month that is not over is never closed.
    over = month_of(day) < month_of(business_day(moment))
    counts_for = open_day(day, await closed_months(session, day)) if over else day
    values = {
        **_columns(require_balanced(postings)), "key": key, "card_id": card_id, "what": what, "moment": moment,
        "effective_on": counts_for, "late_for": None if counts_for == day else day, "cause": cause, "reverses": reverses,
    }  # fmt: skip
    written = (await session.execute(_POST, values)).first() is not None
    if not written and await postings_of(session, key) != _lines(postings):
        raise PostedDifferently(f"the key of this {what} stands for other postings")
    return written


async def reverse(session: AsyncSession, key: str, reversed_key: str, what: str, *, happened_on: date) -> bool:
    """Post the opposite of what `reversed_key` posted, naming it; return False when `key` was posted before.

    A reversal counts for the day given, never by default for that of what it reverses. Raises NotReversible.
    """
    known = await session.execute(select(LedgerTransactionRow).where(LedgerTransactionRow.key == reversed_key))
    row = known.scalar_one_or_none()
    if row is None or row.reverses is not None:
        raise NotReversible(reversed_key)
    other = select(LedgerTransactionRow.key).where(LedgerTransactionRow.reverses == row.id)
    if (await session.execute(other)).scalar_one_or_none() not in (None, key):
        raise NotReversible(reversed_key)
    lines = await postings_of(session, reversed_key)
    before = tuple(
        Posting(account_of(code), Money(amount, currency))
        for (code, amount, currency), times in sorted(lines.items())
        for _ in range(times)
    )
    return await post(
        session, key, row.card_id, what, reversed_postings(before),
        happened_on=happened_on, cause=row.cause, reverses=row.id,
    )  # fmt: skip


async def balance(session: AsyncSession, code: str, currency: Currency = Currency.CNY) -> Money:
    """Return what an account stands at: positive is a debit balance. An account never used has nothing."""
    found = (await session.execute(_BALANCE, {"code": code, "currency": currency.value})).scalar_one_or_none()
    return Money(int(found or 0), currency)


async def balance_at(session: AsyncSession, code: str, moment: datetime, currency: Currency = Currency.CNY) -> Money:
    """Return what an account stood at after everything written up to a past moment."""
    values = {"code": code, "currency": currency.value, "moment": moment, "certain": moment + SLACK}
    found = (await session.execute(_BALANCE_AT, values)).scalar_one_or_none()
    return Money(int(found or 0), currency)


async def closed_months(session: AsyncSession, since: date) -> frozenset[str]:
    """Return the closed months from that of this day on."""
    later = select(PeriodRow.month).where(PeriodRow.month >= f"{since:%Y-%m}")
    return frozenset((await session.execute(later)).scalars())


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
        "owners": [line.account.of.owner.value for line in postings],
        "signs": [line.account.of.sign.value for line in postings],
        "amounts": [line.amount.amount_minor for line in postings],
        "currencies": [line.amount.currency.value for line in postings],
    }
