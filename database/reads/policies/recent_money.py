"""The goodwill, claims, breaks and settlement runs of the last days as the policies of money judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.goodwill import is_gift
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import RollbackRow
from database.tables.finance.settlement import SettlementRunRow
from database.tables.finance.statements import BreakRow
from database.tables.support.goodwill import GoodwillRow
from domain.finance.breaks import BreakKind
from domain.finance.payout import PayoutState
from domain.finance.rollback import RollbackKind
from domain.finance.statements import StatementSource
from domain.money import Currency
from domain.support.goodwill import COUNTED

ROWS_MAX = 5000  # The newest; more would keep the page waiting.


@dataclass(frozen=True)
class GoodwillProposed:
    """One proposal, CNY minor units; `counted` against the seller's limit: it was paid or still may be."""

    at: datetime
    owner: str
    amount_minor: int
    counted: bool


@dataclass(frozen=True)
class ClaimProposed:
    """One claim with the price that was paid for its card, CNY minor units; `paid_at` None where the payment is not known."""

    at: datetime
    kind: RollbackKind
    price_minor: int
    paid_at: datetime | None


@dataclass(frozen=True)
class BreakFound:
    """One line that differs from our books, minor units; `ours_minor` is what our books have, None where they have nothing."""

    source: StatementSource
    kind: BreakKind
    amount_minor: int
    difference_minor: int
    ours_minor: int | None


@dataclass(frozen=True)
class RunStated:
    """One settlement run with a statement: what it pays, in minor units of its currency, and the code of its terms."""

    payable_minor: int
    currency: Currency
    terms: str


async def goodwill(session: AsyncSession, since: datetime) -> list[GoodwillProposed]:
    """Return the gifts proposed since a moment, the oldest first; at most the newest ROWS_MAX."""
    columns = (GoodwillRow.proposed_at, GoodwillRow.owner, GoodwillRow.amount_minor, GoodwillRow.state)
    wanted = (
        select(*columns)
        .where(GoodwillRow.proposed_at > since, is_gift())
        .order_by(GoodwillRow.proposed_at.desc(), GoodwillRow.id.desc())
        .limit(ROWS_MAX)
    )
    rows = (await session.execute(wanted)).all()
    return [GoodwillProposed(at, owner, minor, state in COUNTED) for at, owner, minor, state in reversed(rows)]


async def claims(session: AsyncSession, since: datetime) -> list[ClaimProposed]:
    """Return the claims in CNY proposed since a moment, the newest first; at most ROWS_MAX."""
    paid_at = (
        select(func.min(func.coalesce(PayoutRow.settled_at, PayoutRow.prepared_at)))
        .where(PayoutRow.card_id == RollbackRow.card_id, PayoutRow.state == PayoutState.PAID)
        .correlate(RollbackRow)
        .scalar_subquery()
    )
    wanted = (
        select(RollbackRow.proposed_at, RollbackRow.kind, RollbackRow.price_minor, paid_at)
        .where(RollbackRow.proposed_at > since, RollbackRow.currency == Currency.CNY, RollbackRow.order_key.is_(None))
        .order_by(RollbackRow.proposed_at.desc(), RollbackRow.id.desc())
        .limit(ROWS_MAX)
    )
    return [ClaimProposed(*row) for row in await session.execute(wanted)]


async def breaks(session: AsyncSession, since: datetime) -> list[BreakFound]:
    """Return the lines found to differ since a moment, the newest first, as they were found; at most ROWS_MAX."""
    wanted = (
        select(BreakRow)
        .where(BreakRow.found_at > since, BreakRow.line_id.is_not(None))
        .order_by(BreakRow.found_at.desc(), BreakRow.id.desc())
        .limit(ROWS_MAX)
    )
    return [_found(row) for row in (await session.execute(wanted)).scalars()]


async def runs(session: AsyncSession, since: datetime) -> list[RunStated]:
    """Return the settlement runs begun since a moment that have a statement, the newest first; at most ROWS_MAX."""
    columns: tuple[Any, ...] = (SettlementRunRow.payable_minor, SettlementRunRow.currency, SettlementRunRow.terms)
    wanted = (
        select(*columns)
        .where(SettlementRunRow.made_at > since, SettlementRunRow.version > 0)
        .order_by(SettlementRunRow.made_at.desc(), SettlementRunRow.id.desc())
        .limit(ROWS_MAX)
    )
    rows: Sequence[Any] = (await session.execute(wanted)).all()
    return [RunStated(minor, currency, str(terms.get("code", ""))) for minor, currency, terms in rows]


def _found(row: BreakRow) -> BreakFound:
    difference = row.difference_minor if row.found_minor is None else row.found_minor
    ours = None if row.entry_id is None else row.amount_minor - difference
    return BreakFound(row.source, row.kind, row.amount_minor, difference, ours)
