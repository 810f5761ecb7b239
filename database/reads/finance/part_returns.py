"""Parts of payments that came back: what is booked of an order, what is still open, and how far paying them again is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from database.reads.finance.paybacks import part_is_being_paid, part_is_owed
from database.tables.finance.rails import PartReturnRow, ReturnRow
from domain.errors.general import NotFound
from domain.money import Money


@dataclass(frozen=True)
class PartView:
    """A part that came back, or waits to be agreed to. `to_pay`: it is owed, and no payment of it is proposed or made."""

    row: PartReturnRow
    to_pay: bool

    @property
    def waits(self) -> bool:
        """Return whether it waits for a second person."""
        return self.row.agreed_at is None and self.row.declined_at is None


def _booked(key: ColumnElement[str] | InstrumentedAttribute[str] | str) -> Select[int]:
    """What two people have booked of an order, minor units."""
    summed = func.coalesce(func.sum(PartReturnRow.amount_minor), 0)
    return select(summed).where(PartReturnRow.key == key, PartReturnRow.agreed_at.is_not(None))


def undecided() -> ColumnElement[bool]:
    """Return the condition that another amount came back than is booked, and nobody has decided about it."""
    return and_(
        ReturnRow.returned_at.is_(None), ReturnRow.confirmed_minor.is_not(None),
        ReturnRow.confirmed_minor.is_distinct_from(ReturnRow.dismissed_minor),
        ReturnRow.confirmed_minor != _booked(ReturnRow.key).correlate(ReturnRow).scalar_subquery(),
    )  # fmt: skip


async def count_undecided(session: AsyncSession) -> int:
    """Return of how many orders another amount came back and nobody has decided about it."""
    return int((await session.execute(select(func.count()).select_from(ReturnRow).where(undecided()))).scalar_one())


async def booked(session: AsyncSession, key: str) -> int:
    """Return what is booked of an order as returned in parts, minor units."""
    return int((await session.execute(_booked(key))).scalar_one())


async def came_back(session: AsyncSession, key: str) -> ReturnRow | None:
    """Return the claim that another amount of an order came back, while nobody has decided about it."""
    found = select(ReturnRow).where(ReturnRow.key == key, undecided())
    return (await session.execute(found)).scalar_one_or_none()


async def of_order(session: AsyncSession, key: str) -> tuple[PartView, ...]:
    """Return the parts of an order, the oldest first."""
    to_pay = and_(part_is_owed(), ~part_is_being_paid())
    rows = await session.execute(
        select(PartReturnRow, to_pay).where(PartReturnRow.key == key).order_by(PartReturnRow.id)
    )
    return tuple(PartView(row, bool(to_pay)) for row, to_pay in rows)


async def evidence(session: AsyncSession, key: str, part_id: str) -> PartReturnRow:
    """Return a part of an order, for its document. Refuses NotFound."""
    row = await session.get(PartReturnRow, part_id[:26])
    if row is None or row.key != key:
        raise NotFound(part=part_id[:26])
    return row


def total(parts: tuple[PartView, ...], like: Money) -> Money:
    """Return what of the parts is booked."""
    return Money(sum(one.row.amount_minor for one in parts if one.row.agreed_at is not None), like.currency)
