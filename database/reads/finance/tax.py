"""Tax withheld: sums by month, the newest payments, and the rows of the reports. A payment counts for the day it arrived."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.tax_rows import TAXED
from database.tables.finance.tax import TaxFileRow, TaxSignOffRow
from domain.finance.tax import IncomeKind
from domain.money import Money

PAGE = 50
BATCH = 500
_MONTHS = text(f"""
SELECT to_char(day, 'YYYY-MM') AS month, sum(payments)::bigint AS payments, sum(proceeds)::bigint AS proceeds, sum(base)::bigint AS base,
       sum(tax)::bigint AS tax
FROM ({TAXED}) AS paid GROUP BY 1 ORDER BY 1 DESC LIMIT 24
""")  # noqa: S608  # Only a statement of ours is put in.
_NEWEST = text(f"SELECT * FROM ({TAXED}) AS paid ORDER BY day DESC, key DESC LIMIT :limit")  # noqa: S608  # As above.
_LINES = text(f"""
SELECT * FROM ({TAXED}) AS paid
WHERE day BETWEEN :since AND :until AND (day, key) > (:day, :key) AND (:owner = '' OR owner = :owner)
ORDER BY day, key LIMIT :limit
""")  # noqa: S608  # As above.
_INCOMES = text(f"""
SELECT owner, sum(payments)::bigint AS payments, sum(proceeds)::bigint AS proceeds, sum(base)::bigint AS base, sum(tax)::bigint AS tax,
       (array_agg(key ORDER BY day DESC, key DESC) FILTER (WHERE named))[1] AS newest
FROM ({TAXED}) AS paid WHERE day BETWEEN :since AND :until AND owner > :after
GROUP BY owner ORDER BY owner LIMIT :limit
""")  # noqa: S608  # As above.
_VERSIONS = text(
    f"SELECT DISTINCT version FROM ({TAXED}) AS paid WHERE day BETWEEN :since AND :until AND version <> ''"  # noqa: S608  # As above.
)


# What rows say, whatever their order: a row that is added, gone or other in any figure changes the sum.
_FIGURES = text(f"""
SELECT f.number, count(paid.key) AS many, coalesce(sum(hashtextextended(concat_ws('|', paid.key, paid.owner, paid.day, paid.proceeds,
       paid.cost, paid.base, paid.tax, paid.rate_bp, paid.income, paid.version), 0)::numeric) FILTER (WHERE paid.key IS NOT NULL), 0)::text AS hashed
FROM unnest(CAST(:since AS date[]), CAST(:until AS date[]), CAST(:owners AS text[])) WITH ORDINALITY AS f (since, until, owner, number)
LEFT JOIN ({TAXED}) AS paid ON paid.day BETWEEN f.since AND f.until AND f.owner IN ('', paid.owner)
GROUP BY f.number ORDER BY f.number
""")  # noqa: S608  # As above.


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
    """One payment with its tax, or what takes one off again; `payee` is masked. `named`: its order keeps the payee's name.

    `what` is the kind of the row; `payments` 1, -1 for a payment that came back, and 0 for what is none.
    """

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
    payments: int = 1
    what: str = "payment"

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


@dataclass(frozen=True)
class Figures:
    """Whose figures of which days (both included) are meant; an empty owner means everybody's."""

    since: date
    until: date
    owner: str = ""


async def figures(session: AsyncSession, of: Sequence[Figures]) -> tuple[str, ...]:
    """Return a mark for what the rows of each say now: the same figures have the same mark."""
    given = {
        "since": [one.since for one in of],
        "until": [one.until for one in of],
        "owners": [one.owner for one in of],
    }
    return tuple(f"{row.many}:{row.hashed}" for row in await session.execute(_FIGURES, given))


@dataclass(frozen=True)
class KeptFile:
    """A file as it was downloaded. `differs`: the figures of its period are others by now."""

    row: TaxFileRow
    differs: bool


async def files(session: AsyncSession, limit: int = PAGE) -> tuple[KeptFile, ...]:
    """Return the newest files that were downloaded."""
    newest = select(TaxFileRow).order_by(TaxFileRow.id.desc()).limit(limit)
    rows = tuple((await session.execute(newest)).scalars())
    now = await figures(session, [Figures(row.since, row.until, row.owner) for row in rows]) if rows else ()
    return tuple(KeptFile(row, row.figures != said) for row, said in zip(rows, now, strict=True))


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
        payments=row["payments"], what=row["what"],
    )  # fmt: skip
