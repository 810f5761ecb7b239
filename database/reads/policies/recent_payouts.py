"""The payments of the last days as routing rules judge them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.finance.routing import ROUTING

ROWS_MAX = 5000


async def transfers(session: AsyncSession, since: datetime) -> tuple[tuple[Rail, int, int], ...]:
    """Return the transfers that arrived since a moment: rail, amount (minor units) and how many, the most frequent first."""
    many = func.count()
    found = (
        select(PayoutRow.rail, PayoutRow.amount_minor, many)
        .where(PayoutRow.state == PayoutState.PAID, PayoutRow.settled_at >= since)
        .group_by(PayoutRow.rail, PayoutRow.amount_minor)
        .order_by(many.desc(), PayoutRow.rail, PayoutRow.amount_minor)
        .limit(ROWS_MAX)
    )
    return tuple((rail, int(minor), int(number)) for rail, minor, number in await session.execute(found))


async def named_by_routing(session: AsyncSession, since: datetime) -> tuple[Mapping[str, Any], ...]:
    """Return by what routing named each payee since a moment, the newest first; those of before costs were weighed are left out."""
    found = (
        select(PayeeCorrectionRow.weighed)
        .where(
            PayeeCorrectionRow.proposed_by == ROUTING, PayeeCorrectionRow.applied_at >= since,
            PayeeCorrectionRow.weighed.op("?")("costs_minor"),
        )
        .order_by(PayeeCorrectionRow.applied_at.desc(), PayeeCorrectionRow.id.desc())
        .limit(ROWS_MAX)
    )  # fmt: skip
    return tuple((await session.execute(found)).scalars())
