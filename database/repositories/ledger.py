"""Postings and balances. Entries are never updated, and no balance is either: no account makes transactions wait for a row.

A balance is the newest checkpoint of its account and the entries since then (`account_balance` in the database). The sign
that an account may have, sums of zero, and closed months are held by the database at commit, by any writer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.plain import Plain, past
from database.tables.columns import now
from database.tables.finance.ledger import AccountRow, EntryRow, LedgerTransactionRow
from domain.finance.chart import Account, account_of
from domain.finance.ledger import Posting, Postings, require_balanced, reversed_postings
from domain.finance.periods import month_of, open_day
from domain.money import Currency, Money
from domain.places import business_day

# The function `ledger_post` writes a transaction and its entries: true; false where its key was posted before; NULL where an
# account is missing.
_POST = "SELECT ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
# In the order of their codes, so that two transactions do not wait for each other. An account that both use first is made by
# one of them; the other waits for it, and sees it in its next statement.
_OPEN = """
INSERT INTO account (code, kind, owner, sign, currency)
SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) AS line (code, kind, owner, sign, currency)
ORDER BY line.code, line.currency
ON CONFLICT (code, currency) DO NOTHING
"""
_POSTED = """
SELECT a.code, e.amount_minor, e.currency
FROM entry e JOIN account a ON a.id = e.account_id JOIN ledger_transaction t ON t.id = e.transaction_id WHERE t.key = $1
"""
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


@dataclass(frozen=True)
class Step:
    """One transaction to be posted. `what` names the step, e.g. owed; `cause` the source that it can be looked up in, as
    `<source>:<id>`. `day` is what it counts for, and `late_for` its own day where that lies in a closed month.
    """

    key: str
    card_id: str | None
    what: str
    postings: Postings
    day: date
    late_for: date | None = None
    cause: str = ""
    reverses: int | None = None


async def post(
    way: AsyncSession | Plain, key: str, card_id: str | None, what: str, postings: Postings, *,
    happened_on: date | None = None, cause: str = "", reverses: int | None = None,
) -> bool:  # fmt: skip
    """Write the postings once per `key`, in one statement; return False when they were written before.

    `what` names the step, e.g. owed, payout_prepared, issuer_cost; `cause` its source, as `<source>:<id>`. They count for
    `happened_on`, today unless given; where its month is closed, for the first open day, with the day itself kept.
    Accounts are made when first used. Raises Unbalanced before anything is written, and PostedDifferently when the key
    belongs to other postings; the commit fails where an account would get a sign that it may not have.
    """
    plain = await past(way)
    moment = now()
    today = business_day(moment)
    day = happened_on or today
    # A month that is not over is never closed.
    counts_for = open_day(day, await closed_months(plain, day)) if month_of(day) < month_of(today) else day
    late_for = None if counts_for == day else day
    step = Step(key, card_id, what, require_balanced(postings), counts_for, late_for, cause, reverses)
    written = await _write(plain, step, moment)
    if not written:
        await require_same(plain, step)
    return written


async def post_new(way: AsyncSession | Plain, steps: Sequence[Step]) -> None:
    """Write transactions under keys that nothing was posted under before; none for no steps.

    Raises Unbalanced before anything is written, PostedDifferently for a key that was used, and as `post` at the commit.
    """
    for step in steps:
        require_balanced(step.postings)
    if not steps:
        return
    plain, moment = await past(way), now()
    for step in steps:
        if not await _write(plain, step, moment):
            raise PostedDifferently("a key that was to be new had been posted before")


async def _write(plain: Plain, step: Step, moment: datetime) -> bool:
    """Whether this call wrote the step; accounts that it uses first are made."""
    lines = step.postings
    values = (
        step.key, step.card_id, step.what, moment, step.day, step.late_for, step.cause, step.reverses,
        [line.account.code for line in lines], [line.amount.currency for line in lines],
        [line.amount.amount_minor for line in lines],
    )  # fmt: skip
    written = await plain.value(_POST, *values)
    if written is None:
        await open_accounts(plain, [(line.account, line.amount.currency) for line in lines])
        written = await plain.value(_POST, *values)
    return bool(written)


async def open_accounts(way: AsyncSession | Plain, accounts: Sequence[tuple[Account, Currency]]) -> None:
    """Make those of the accounts that are not there yet; a posting does so itself for what it uses first."""
    every, currencies = [one for one, _ in accounts], [currency.value for _, currency in accounts]
    await (await past(way)).row(
        _OPEN, [one.code for one in every], [one.kind.value for one in every], [one.of.owner.value for one in every],
        [one.of.sign.value for one in every], currencies,
    )  # fmt: skip


async def require_same(way: AsyncSession | Plain, step: Step) -> None:
    """Raise PostedDifferently when the step's key belongs to other postings."""
    if await postings_of(way, step.key) != _lines(step.postings):
        raise PostedDifferently(f"the key of this {step.what} stands for other postings")


async def reverse(
    session: AsyncSession, key: str, reversed_key: str, what: str, *, happened_on: date, cause: str = ""
) -> bool:
    """Post the opposite of what `reversed_key` posted, naming it; return False when `key` was posted before.

    A reversal counts for the day given, never by default for that of what it reverses; it has the same `cause` unless another is
    given. Raises NotReversible.
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
        happened_on=happened_on, cause=cause or row.cause, reverses=row.id,
    )  # fmt: skip


async def balance(session: AsyncSession, code: str, currency: Currency = Currency.CNY) -> Money:
    """Return the balance of an account: positive is a debit balance. An account never used has nothing."""
    found = (await session.execute(_BALANCE, {"code": code, "currency": currency.value})).scalar_one_or_none()
    return Money(int(found or 0), currency)


async def balance_at(session: AsyncSession, code: str, moment: datetime, currency: Currency = Currency.CNY) -> Money:
    """Return the balance of an account after everything written up to a past moment."""
    values = {"code": code, "currency": currency.value, "moment": moment, "certain": moment + SLACK}
    found = (await session.execute(_BALANCE_AT, values)).scalar_one_or_none()
    return Money(int(found or 0), currency)


async def closed_months(way: AsyncSession | Plain, since: date) -> frozenset[str]:
    """Return the closed months from that of this day on."""
    plain = await past(way, read=True)
    rows = await plain.rows("SELECT month FROM ledger_period WHERE month >= $1", f"{since:%Y-%m}")
    return frozenset(row[0] for row in rows)


async def entry_of(session: AsyncSession, key: str, code: str) -> int:
    """Return the id of the one entry that was posted under a key to an account. Raises NoResultFound where there is none."""
    found = (
        select(EntryRow.id)
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .join(LedgerTransactionRow, LedgerTransactionRow.id == EntryRow.transaction_id)
        .where(LedgerTransactionRow.key == key, AccountRow.code == code)
    )
    return int((await session.execute(found)).scalar_one() or 0)


async def postings_of(way: AsyncSession | Plain, key: str) -> Counter[tuple[str, int, Currency]]:
    """Return what was posted under a key: account code, minor units and currency of each line; empty for an unused key."""
    rows = await (await past(way, read=True)).rows(_POSTED, key)
    return Counter((code, amount, Currency(currency)) for code, amount, currency in rows)


def _lines(postings: Postings) -> Counter[tuple[str, int, Currency]]:
    return Counter((line.account.code, line.amount.amount_minor, line.amount.currency) for line in postings)
