"""Tax withheld: sums by month, the newest payments, and the rows of the reports. A payment counts for the day it arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.tax import TaxSignOffRow
from domain.finance.payout import RETURNED
from domain.finance.tax import IncomeKind
from domain.money import Money
from domain.places import BUSINESS_ZONE

PAGE = 50
RETURNED_KEY = "/returned"  # Ends the key of the row that takes a payment off again.
BATCH = 500
# Orders from before tax was judged have no row of their own: nothing was withheld from them. What a licensed provider paid to
# the seller of a brokered card is their income as well; we withhold nothing of it. A payment that came back stays in its own
# month, which may have been reported, and is taken off again on the day that it came back.
_PAID = f"""
    SELECT p.key, p.card_id, s.owner, p.payee_masked, CAST(p.settled_at AT TIME ZONE '{BUSINESS_ZONE.key}' AS date) AS day,
           coalesce(t.proceeds_minor, p.amount_minor) AS proceeds, coalesce(t.cost_minor, p.amount_minor) AS cost,
           coalesce(t.base_minor, 0) AS base, coalesce(t.tax_minor, 0) AS tax, coalesce(t.rate_bp, 0) AS rate_bp,
           coalesce(t.income, 'property') AS income, coalesce(t.rule, '') AS rule, coalesce(t.policy_version, '') AS version,
           p.payee_name_sealed IS NOT NULL AS named, 1 AS payments
    FROM payout p JOIN card c ON c.id = p.card_id JOIN submission s ON s.id = c.submission_id
    LEFT JOIN tax_withholding t ON t.key = p.key
    WHERE (p.state = 'paid' OR p.refusal_code = '{RETURNED}' AND p.settled_at IS NOT NULL) AND p.currency = 'CNY'
    UNION ALL
    SELECT p.key || '{RETURNED_KEY}', p.card_id, s.owner, p.payee_masked,
           CAST(r.returned_at AT TIME ZONE '{BUSINESS_ZONE.key}' AS date), -coalesce(t.proceeds_minor, p.amount_minor),
           -coalesce(t.cost_minor, p.amount_minor), -coalesce(t.base_minor, 0), -coalesce(t.tax_minor, 0),
           coalesce(t.rate_bp, 0), coalesce(t.income, 'property'), coalesce(t.rule, ''), coalesce(t.policy_version, ''), false, -1
    FROM payout p JOIN payout_return r ON r.key = p.key AND r.returned_at IS NOT NULL
    JOIN card c ON c.id = p.card_id JOIN submission s ON s.id = c.submission_id
    LEFT JOIN tax_withholding t ON t.key = p.key
    WHERE p.refusal_code = '{RETURNED}' AND p.settled_at IS NOT NULL AND p.currency = 'CNY'
    UNION ALL
    SELECT 'brokered:' || b.id, c.id, s.owner, '', b.paid_on, b.amount_minor, b.amount_minor, 0, 0, 0, 'property', '', '', false, 1
    FROM brokered_payment b JOIN sale ON sale.id = b.sale_id JOIN card c ON c.id = sale.card_id
    JOIN submission s ON s.id = c.submission_id
    WHERE b.confirmed_at IS NOT NULL AND b.currency = 'CNY'
"""  # noqa: S608  # Only a constant of ours is put in.
_MONTHS = text(f"""
SELECT to_char(day, 'YYYY-MM') AS month, sum(payments)::bigint AS payments, sum(proceeds)::bigint AS proceeds, sum(base)::bigint AS base,
       sum(tax)::bigint AS tax
FROM ({_PAID}) AS paid GROUP BY 1 ORDER BY 1 DESC LIMIT 24
""")  # noqa: S608  # Only a statement of ours is put in.
_NEWEST = text(f"SELECT * FROM ({_PAID}) AS paid ORDER BY day DESC, key DESC LIMIT :limit")  # noqa: S608  # As above.
_LINES = text(f"""
SELECT * FROM ({_PAID}) AS paid
WHERE day BETWEEN :since AND :until AND (day, key) > (:day, :key) AND (:owner = '' OR owner = :owner)
ORDER BY day, key LIMIT :limit
""")  # noqa: S608  # As above.
_INCOMES = text(f"""
SELECT owner, sum(payments)::bigint AS payments, sum(proceeds)::bigint AS proceeds, sum(base)::bigint AS base, sum(tax)::bigint AS tax,
       (array_agg(key ORDER BY day DESC, key DESC) FILTER (WHERE named))[1] AS newest
FROM ({_PAID}) AS paid WHERE day BETWEEN :since AND :until AND owner > :after
GROUP BY owner ORDER BY owner LIMIT :limit
""")  # noqa: S608  # As above.
_VERSIONS = text(
    f"SELECT DISTINCT version FROM ({_PAID}) AS paid WHERE day BETWEEN :since AND :until AND version <> ''"  # noqa: S608  # As above.
)


@dataclass(frozen=True)
class TaxMonth:
    """What was paid to sellers in a month, and what of it was withheld; in CNY."""

    month: str
    payments: int
    proceeds: Money
    base: Money
    tax: Money


@dataclass(frozen=True)
class TaxLine:
    """One payment with its tax; `payee` is masked. `named`: its order keeps the payee's name."""

    key: str
    card_id: str
    owner: str
    payee: str
    day: date
    proceeds: Money
    cost: Money
    base: Money
    tax: Money
    rate_bp: int
    income: IncomeKind
    rule: str
    version: str
    named: bool

    @property
    def net(self) -> Money:
        """Return what was paid out."""
        return self.proceeds - self.tax


@dataclass(frozen=True)
class Income:
    """What one seller or partner was paid in a period; `newest` is the key of their last order that keeps a name."""

    owner: str
    payments: int
    proceeds: Money
    base: Money
    tax: Money
    newest: str | None


async def months(session: AsyncSession) -> tuple[TaxMonth, ...]:
    """Return the newest 24 months in which sellers were paid."""
    return tuple(
        TaxMonth(row.month, row.payments, Money(row.proceeds), Money(row.base), Money(row.tax))
        for row in await session.execute(_MONTHS)
    )


async def newest(session: AsyncSession, limit: int = PAGE) -> tuple[TaxLine, ...]:
    """Return the newest payments."""
    return tuple(_line(row) for row in (await session.execute(_NEWEST, {"limit": limit})).mappings())


async def lines(session: AsyncSession, since: date, until: date, owner: str = "") -> AsyncIterator[TaxLine]:
    """Yield every payment of these days (both included), or those to one owner, without holding them all."""
    given = {"since": since, "until": until, "owner": owner, "day": date.min, "key": "", "limit": BATCH}
    while found := [_line(row) for row in (await session.execute(_LINES, given)).mappings()]:
        for one in found:
            yield one
        given |= {"day": found[-1].day, "key": found[-1].key}


async def incomes(session: AsyncSession, since: date, until: date) -> AsyncIterator[Income]:
    """Yield what each owner was paid on these days (both included), without holding them all."""
    given = {"since": since, "until": until, "after": "", "limit": BATCH}
    while found := (await session.execute(_INCOMES, given)).all():
        for row in found:
            yield Income(row.owner, row.payments, Money(row.proceeds), Money(row.base), Money(row.tax), row.newest)
        given |= {"after": found[-1].owner}


async def versions(session: AsyncSession, since: date, until: date) -> frozenset[str]:
    """Return the versions of the rules by which the payments of these days were judged."""
    return frozenset((await session.execute(_VERSIONS, {"since": since, "until": until})).scalars())


async def signed(session: AsyncSession) -> dict[str, TaxSignOffRow]:
    """Return every signature by version."""
    return {row.version: row for row in (await session.execute(select(TaxSignOffRow))).scalars()}


def _line(row: RowMapping) -> TaxLine:
    return TaxLine(
        key=row["key"], card_id=row["card_id"], owner=row["owner"], payee=row["payee_masked"] or "", day=row["day"],
        proceeds=Money(row["proceeds"]), cost=Money(row["cost"]), base=Money(row["base"]), tax=Money(row["tax"]),
        rate_bp=row["rate_bp"], income=IncomeKind(row["income"]), rule=row["rule"], version=row["version"], named=row["named"],
    )  # fmt: skip
