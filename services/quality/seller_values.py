"""How often sellers give what was read of their photos: agreement by brand, field and condition. They may be wrong themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality.seller_values import given
from domain.quality.reading_figures import Tally, tally
from services.quality.reading_labels import LABELLED
from services.quality.reading_quality import Cells, Table, cells_of, limit_of, table_of


@dataclass(frozen=True)
class SellerValues:
    """The figures of one span. In each Tally `right` are values that agree, `wrong` those that differ from a reading nobody would check.

    `left` counts the values that were shown to sellers, who left them as they were.
    """

    whole: Tally
    left: int
    brands: Table
    fields: Table
    conditions: Table
    cells: Cells


async def seller_values(session: AsyncSession, now: datetime, days: int, brand: str = "") -> SellerValues:
    """Return the figures of photos that were read in the last days, judged by the limits in force today."""
    found = await given(session, now - timedelta(days=days), now, tuple(name.value for name in LABELLED), brand)
    groups, limits = [one.group for one in found], limit_of(now)
    return SellerValues(
        tally(groups, limits), sum(one.group.labels for one in found if one.left),
        table_of(groups, lambda one: one.brand, limits), table_of(groups, lambda one: one.field, limits),
        table_of(groups, lambda one: one.condition, limits), cells_of(groups, limits),
    )  # fmt: skip
