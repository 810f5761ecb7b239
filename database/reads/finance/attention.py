"""What finance looks at first: payments whose outcome is unknown, and what waits for a second person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import ORDER_TABLES
from domain.money import Money

_ORDERS = " UNION ALL ".join(
    f"SELECT rail, amount_minor, prepared_at FROM {table.__tablename__} WHERE state = 'unknown'"  # noqa: S608  # Our own.
    for table in ORDER_TABLES.values()
)
_UNKNOWN = text(f"""
SELECT rail, count(*) AS many, sum(amount_minor) AS minor, min(prepared_at) AS since FROM ({_ORDERS}) AS orders
GROUP BY rail ORDER BY min(prepared_at)
""")  # noqa: S608  # Names of our own tables.
_SECONDS = text("""
SELECT (SELECT count(*) FROM payee_correction WHERE applied_at IS NULL AND refused_at IS NULL) AS payees,
       (SELECT count(*) FROM goodwill WHERE state = 'proposed') AS goodwill,
       (SELECT count(*) FROM ledger_closing WHERE state = 'asked') AS months,
       (SELECT count(*) FROM sale WHERE return_asked_at IS NOT NULL AND reversed_at IS NULL) AS returns,
       (SELECT count(*) FROM stated_outcome WHERE agreed_at IS NULL AND declined_at IS NULL) AS outcomes
""")
_WAITING_PAYEE = text("SELECT count(*) FROM card WHERE waiting_for = 'seller_payee'")


@dataclass(frozen=True)
class UnknownPayments:
    """Payments of one rail whose outcome nobody knows yet."""

    rail: str
    many: int
    amount: Money
    since: datetime


@dataclass(frozen=True)
class Seconds:
    """How much waits for a second person."""

    payees: int
    goodwill: int
    months: int
    returns: int
    outcomes: int


async def unknown(session: AsyncSession) -> tuple[UnknownPayments, ...]:
    """Return them by rail, the oldest first."""
    found = await session.execute(_UNKNOWN)
    return tuple(UnknownPayments(row.rail, int(row.many), Money(int(row.minor)), row.since) for row in found)


async def seconds(session: AsyncSession) -> Seconds:
    """Return what waits for a second person of finance."""
    row = (await session.execute(_SECONDS)).one()
    return Seconds(int(row.payees), int(row.goodwill), int(row.months), int(row.returns), int(row.outcomes))


async def waiting_for_payee(session: AsyncSession) -> int:
    """Return how many cards are owed for and have no payee that the gateway takes."""
    return int((await session.execute(_WAITING_PAYEE)).scalar_one())
