"""What had been offset or paid back of dropped claims is its seller's: how far the payment that gives it to them is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Exists, and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow
from database.tables.finance.rollback import RollbackRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.finance.payout import PayoutState
from domain.identifiers import goodwill_key
from domain.money import Money
from domain.support.goodwill import COUNTED

LISTED_MAX = 50


@dataclass(frozen=True)
class OwedBack:
    """A dropped claim of which something is owed to its seller, with the key of the order that is to pay it, once one is proposed."""

    claim: RollbackRow
    brand: str
    amount: Money
    key: str | None

    @property
    def since(self) -> datetime:
        """Return since when it is owed: when the claim was dropped."""
        return self.claim.ended_at or self.claim.proposed_at


@dataclass(frozen=True)
class PaybackOrder:
    """An order that pays back what a dropped claim had taken; `brand` is that of the claim's card."""

    order: GoodwillOrderRow
    card_id: str
    brand: str
    payee: str  # Masked.


def owed_back(row: RollbackRow) -> Money:
    """Return what had been offset or paid back of a dropped claim, and is the seller's; nothing for any other."""
    return Money(row.amount_minor - row.given_up_minor if row.reversed else 0, row.currency)


def is_being_paid_back(*, ordered: bool = False) -> Exists:
    """Return the condition that a payment of what a claim owes back is proposed, under way or made; `ordered`: its order is made, too."""
    mine = (GoodwillRow.claim_id == RollbackRow.id, GoodwillRow.state.in_(COUNTED))
    if not ordered:
        return exists().where(*mine)
    return exists().where(*mine, GoodwillOrderRow.goodwill_id == GoodwillRow.id)


def owes_back() -> ColumnElement[bool]:
    """Return the condition that something had been offset or paid back of a dropped claim."""
    return and_(RollbackRow.reversed, RollbackRow.given_up_minor < RollbackRow.amount_minor)


async def to_propose(session: AsyncSession) -> int:
    """Return of how many dropped claims something is owed and no payment of it is proposed or made."""
    counted = select(func.count()).select_from(RollbackRow).where(owes_back(), ~is_being_paid_back())
    return int((await session.execute(counted)).scalar_one())


async def payback_of(session: AsyncSession, claim_id: str) -> GoodwillRow | None:
    """Return the payment that gives the seller back what a claim had taken; None where none was proposed, or the last one failed."""
    mine = select(GoodwillRow).where(GoodwillRow.claim_id == claim_id, GoodwillRow.state.in_(COUNTED))
    return (await session.execute(mine)).scalar_one_or_none()


async def owed_to(session: AsyncSession, owner: str) -> tuple[OwedBack, ...]:
    """Return what dropped claims owe to `seller:<id>` or `partner:<id>` and no order pays yet, the oldest first."""
    rows = await session.execute(
        select(RollbackRow, CardRow.brand)
        .join(CardRow, CardRow.id == RollbackRow.card_id)
        .where(RollbackRow.owner == owner, owes_back(), ~is_being_paid_back(ordered=True))
        .order_by(RollbackRow.ended_at, RollbackRow.id)
        .limit(LISTED_MAX)
    )
    found = []
    for row, brand in rows.all():
        given = await payback_of(session, row.id)
        found.append(OwedBack(row, brand, owed_back(row), None if given is None else goodwill_key(given.id)))
    return tuple(found)


async def orders_of(session: AsyncSession, owner: str) -> tuple[PaybackOrder, ...]:
    """Return the orders that pay back what dropped claims had taken of an owner, the newest first."""
    rows = await session.execute(
        select(GoodwillOrderRow, RollbackRow.card_id, CardRow.brand, GoodwillRow.payee_masked)
        .join(GoodwillRow, GoodwillRow.id == GoodwillOrderRow.goodwill_id)
        .join(RollbackRow, RollbackRow.id == GoodwillRow.claim_id)
        .join(CardRow, CardRow.id == RollbackRow.card_id)
        .where(RollbackRow.owner == owner)
        .order_by(GoodwillOrderRow.prepared_at.desc(), GoodwillOrderRow.key)
        .limit(LISTED_MAX)
    )
    return tuple(PaybackOrder(*row) for row in rows)


async def order_sums(session: AsyncSession, owner: str) -> tuple[int, int]:
    """Return what such orders of an owner have paid, and what is under way by them, minor units."""
    sums = (
        select(
            func.coalesce(
                func.sum(GoodwillOrderRow.amount_minor).filter(GoodwillOrderRow.state == PayoutState.PAID), 0
            ),
            func.coalesce(func.sum(GoodwillOrderRow.amount_minor).filter(GoodwillOrderRow.settled_at.is_(None)), 0),
        )
        .join(GoodwillRow, GoodwillRow.id == GoodwillOrderRow.goodwill_id)
        .where(GoodwillRow.owner == owner, GoodwillRow.claim_id.is_not(None))
    )
    paid, under_way = (await session.execute(sums)).one()
    return int(paid), int(under_way)
