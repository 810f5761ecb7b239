"""Postings and balances. Entries are never updated, and no balance is either: no account makes transactions wait for a row.

A balance is the newest checkpoint of its account and the entries since then (`account_balance` in the database). The sign
that an account may have, sums of zero, and closed months are held by the database at commit, by any writer.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import DateTime, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import now
from database.tables.finance import AccountRow, EntryRow, LedgerTransactionRow, PeriodRow
from domain.finance.chart import account_of
from domain.finance.ledger import Posting, Postings, require_balanced, reversed_postings
from domain.finance.periods import month_of, open_day
from domain.money import Currency, Money
from domain.places import business_day

# The function `ledger_post` writes transactions and their entries, and returns the keys that were not posted before. It takes
# them as one document: an array for each column costs the driver more than the whole statement.
_POST = text("SELECT ledger_post(CAST(:steps AS jsonb), :moment)").bindparams(
    bindparam("moment", type_=DateTime(timezone=True))
)
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
    session: AsyncSession, key: str, card_id: str | None, what: str, postings: Postings, *,
    happened_on: date | None = None, cause: str = "", reverses: int | None = None,
) -> bool:  # fmt: skip
    """Write the postings once per `key`, in one statement; return False when they were written before.

    `what` names the step, e.g. owed, payout_prepared, issuer_cost; `cause` its source, as `<source>:<id>`. They count for
    `happened_on`, today unless given; where its month is closed, for the first open day, with the day itself kept.
    Accounts are made when first used. Raises Unbalanced before anything is written, and PostedDifferently when the key
    belongs to other postings; the commit fails where an account would get a sign that it may not have.
    """
    moment = now()
    day = happened_on or business_day(moment)
    # A month that is not over is never closed.
    over = month_of(day) < month_of(business_day(moment))
    counts_for = open_day(day, await closed_months(session, day)) if over else day
    late_for = None if counts_for == day else day
    step = Step(key, card_id, what, require_balanced(postings), counts_for, late_for, cause, reverses)
    given = {"steps": document_of([step]), "moment": moment}
    written = bool((await session.execute(_POST, given)).scalar_one())
    if not written:
        await require_same(session, step)
    return written


async def post_new(session: AsyncSession, steps: Sequence[Step]) -> None:
    """Write transactions under keys that nothing was posted under before, all in one statement; none for no steps.

    Raises Unbalanced before anything is written, PostedDifferently for a key that was used, and as `post` at the commit.
    """
    for step in steps:
        require_balanced(step.postings)
    if not steps:
        return
    given = {"steps": document_of(steps), "moment": now()}
    written = (await session.execute(_POST, given)).scalar_one()
    if len(written) != len(steps):
        raise PostedDifferently("a key that was to be new had been posted before")


async def require_same(session: AsyncSession, step: Step) -> None:
    """Raise PostedDifferently when the step's key stands for other postings than its own."""
    if await postings_of(session, step.key) != _lines(step.postings):
        raise PostedDifferently(f"the key of this {step.what} stands for other postings")


def document_of(steps: Sequence[Step]) -> str:
    """Return these steps as `ledger_post` takes them; their keys differ."""
    return json.dumps(
        [
            {
                "key": one.key, "card_id": one.card_id, "what": one.what, "day": one.day.isoformat(),
                "late": None if one.late_for is None else one.late_for.isoformat(), "cause": one.cause,
                "reverses": one.reverses, "lines": [_document(line) for line in one.postings],
            }
            for one in steps
        ]
    )  # fmt: skip


def _document(line: Posting) -> dict[str, str | int]:
    of = line.account.of
    return {
        "code": line.account.code, "kind": line.account.kind.value, "owner": of.owner.value, "sign": of.sign.value,
        "amount": line.amount.amount_minor, "currency": line.amount.currency.value,
    }  # fmt: skip


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


async def entry_of(session: AsyncSession, key: str, code: str) -> int:
    """Return the id of the one entry that was posted under a key to an account. Raises NoResultFound where there is none."""
    found = (
        select(EntryRow.id)
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .join(LedgerTransactionRow, LedgerTransactionRow.id == EntryRow.transaction_id)
        .where(LedgerTransactionRow.key == key, AccountRow.code == code)
    )
    return int((await session.execute(found)).scalar_one() or 0)


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
