"""What is a seller's beside the price of a card: what dropped claims had taken, and parts of payments that came back; how far paying it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, Exists, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import PartReturnRow
from database.tables.finance.rollback import RollbackRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.finance.payout import PayoutState
from domain.identifiers import goodwill_key
from domain.money import Money
from domain.support.goodwill import COUNTED

LISTED_MAX = 50


class OwedFor(StrEnum):
    """Why it is owed."""

    CLAIM = "claim"  # A dropped claim had taken it.
    PART = "part"  # It is a part of a payment that came back.


@dataclass(frozen=True)
class OwedBack:
    """What is owed for a card since a moment, with the key of the order that is to pay it, once one is proposed."""

    why: OwedFor
    card_id: str
    brand: str
    amount: Money
    since: datetime
    key: str | None


@dataclass(frozen=True)
class PaybackOrder:
    """An order that pays what is owed so; `brand` is that of the card."""

    order: GoodwillOrderRow
    why: OwedFor
    card_id: str
    brand: str
    payee: str  # Masked.


def owed_back(row: RollbackRow) -> Money:
    """Return what had been offset or paid back of a dropped claim, and is the seller's; nothing for any other."""
    return Money(row.amount_minor - row.given_up_minor if row.reversed else 0, row.currency)


def is_being_paid_back(*, ordered: bool = False) -> Exists:
    """Return the condition that a payment of what a claim owes back is proposed, under way or made; `ordered`: its order is made, too."""
    return _is_paid(GoodwillRow.claim_id == RollbackRow.id, ordered)


def part_is_being_paid(*, ordered: bool = False) -> Exists:
    """Return the condition that a part that came back is proposed to be paid again, under way or paid; `ordered` as above."""
    return _is_paid(GoodwillRow.part_id == PartReturnRow.id, ordered)


def _is_paid(mine: ColumnElement[bool], ordered: bool) -> Exists:
    found = exists().where(mine, GoodwillRow.state.in_(COUNTED))
    return found.where(GoodwillOrderRow.goodwill_id == GoodwillRow.id) if ordered else found


def part_is_owed() -> ColumnElement[bool]:
    """Return the condition that a part came back of a payment that still counts as paid."""
    paid = exists().where(PayoutRow.key == PartReturnRow.key, PayoutRow.state == PayoutState.PAID)
    return and_(PartReturnRow.agreed_at.is_not(None), paid)


def owes_back() -> ColumnElement[bool]:
    """Return the condition that something had been offset or paid back of a dropped claim."""
    return and_(RollbackRow.reversed, RollbackRow.given_up_minor < RollbackRow.amount_minor)


async def to_propose(session: AsyncSession) -> int:
    """Return of how many dropped claims something is owed and no payment of it is proposed or made."""
    counted = select(func.count()).select_from(RollbackRow).where(owes_back(), ~is_being_paid_back())
    return int((await session.execute(counted)).scalar_one())


async def parts_to_propose(session: AsyncSession) -> int:
    """Return how many parts that came back are owed and not proposed to be paid again."""
    counted = select(func.count()).select_from(PartReturnRow).where(part_is_owed(), ~part_is_being_paid())
    return int((await session.execute(counted)).scalar_one())


async def payment_of_part(session: AsyncSession, part_id: str) -> GoodwillRow | None:
    """Return the payment of a part that came back; None where none was proposed, or the last one failed."""
    return await _payment(session, GoodwillRow.part_id == part_id)


async def payback_of(session: AsyncSession, claim_id: str) -> GoodwillRow | None:
    """Return the payment that gives the seller back what a claim had taken; None where none was proposed, or the last one failed."""
    return await _payment(session, GoodwillRow.claim_id == claim_id)


async def _payment(session: AsyncSession, mine: ColumnElement[bool]) -> GoodwillRow | None:
    found = select(GoodwillRow).where(mine, GoodwillRow.state.in_(COUNTED))
    return (await session.execute(found)).scalar_one_or_none()


async def owed_to(session: AsyncSession, owner: str) -> tuple[OwedBack, ...]:
    """Return what is owed so to `seller:<id>` or `partner:<id>` and no order pays yet, the oldest first."""
    found = [*await _of_claims(session, owner), *await _of_parts(session, owner)]
    return tuple(sorted(found, key=lambda one: one.since))


async def _of_claims(session: AsyncSession, owner: str) -> list[OwedBack]:
    rows = await session.execute(
        select(RollbackRow, CardRow.brand, GoodwillRow.id)
        .join(CardRow, CardRow.id == RollbackRow.card_id)
        .outerjoin(GoodwillRow, and_(GoodwillRow.claim_id == RollbackRow.id, GoodwillRow.state.in_(COUNTED)))
        .where(RollbackRow.owner == owner, owes_back(), ~is_being_paid_back(ordered=True))
        .order_by(RollbackRow.ended_at, RollbackRow.id)
        .limit(LISTED_MAX)
    )
    return [
        OwedBack(
            OwedFor.CLAIM, row.card_id, brand, owed_back(row), row.ended_at or row.proposed_at,
            _key(given),
        )
        for row, brand, given in rows
    ]  # fmt: skip


async def _of_parts(session: AsyncSession, owner: str) -> list[OwedBack]:
    rows = await session.execute(
        select(PartReturnRow, CardRow.brand, GoodwillRow.id)
        .join(CardRow, CardRow.id == PartReturnRow.card_id)
        .outerjoin(GoodwillRow, and_(GoodwillRow.part_id == PartReturnRow.id, GoodwillRow.state.in_(COUNTED)))
        .where(PartReturnRow.owner == owner, part_is_owed(), ~part_is_being_paid(ordered=True))
        .order_by(PartReturnRow.agreed_at, PartReturnRow.id)
        .limit(LISTED_MAX)
    )
    return [
        OwedBack(
            OwedFor.PART, row.card_id, brand, row.amount, row.agreed_at or row.proposed_at,
            _key(given),
        )
        for row, brand, given in rows
    ]  # fmt: skip


async def orders_of(session: AsyncSession, owner: str) -> tuple[PaybackOrder, ...]:
    """Return the orders that pay an owner what is owed so, the newest first."""
    card = func.coalesce(RollbackRow.card_id, PartReturnRow.card_id)
    rows = await session.execute(
        select(GoodwillOrderRow, GoodwillRow.part_id, CardRow.id, CardRow.brand, GoodwillRow.payee_masked)
        .join(GoodwillRow, GoodwillRow.id == GoodwillOrderRow.goodwill_id)
        .outerjoin(RollbackRow, RollbackRow.id == GoodwillRow.claim_id)
        .outerjoin(PartReturnRow, PartReturnRow.id == GoodwillRow.part_id)
        .join(CardRow, CardRow.id == card)
        .where(GoodwillRow.owner == owner)
        .order_by(GoodwillOrderRow.prepared_at.desc(), GoodwillOrderRow.key)
        .limit(LISTED_MAX)
    )
    return tuple(
        PaybackOrder(order, OwedFor.CLAIM if part is None else OwedFor.PART, card_id, brand, payee)
        for order, part, card_id, brand, payee in rows
    )


async def returned_of(session: AsyncSession, owner: str) -> dict[str, Money]:
    """Return by key what came back in parts of an owner's payments that count as paid."""
    summed = func.sum(PartReturnRow.amount_minor)
    mine = select(PartReturnRow.key, PartReturnRow.currency, summed).where(PartReturnRow.owner == owner, part_is_owed())
    rows = await session.execute(mine.group_by(PartReturnRow.key, PartReturnRow.currency).order_by(PartReturnRow.key))
    return {key: Money(int(minor), currency) for key, currency, minor in rows}


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
        .where(GoodwillRow.owner == owner, or_(GoodwillRow.claim_id.is_not(None), GoodwillRow.part_id.is_not(None)))
    )
    paid, under_way = (await session.execute(sums)).one()
    return int(paid), int(under_way)


def _key(given: str | None) -> str | None:
    return None if given is None else goodwill_key(given)
