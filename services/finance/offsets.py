"""What a seller owes back is offset against their payments: taken in the transaction of the order, with a message, and undone when it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.claims import left_of
from database.repositories import outbox
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import RollbackOffsetRow, RollbackRow
from domain.finance.rollback import OWED_BACK, Claim, RollbackState, offsets
from domain.money import Money
from domain.places import business_day
from domain.rules.rollback import rollback_in_force
from services.finance.claim_news import OFFSET, OFFSET_UNDONE, announce

SET_OFF = "set_off"  # The message about it.


async def foreseen(session: AsyncSession, owner: str, payout: Money, now: datetime) -> Money:
    """Return what would be offset of a payment of this amount if it were ordered now; nothing is written."""
    return _sum(await _chosen(session, owner, payout, now, lock=False), payout)


async def chosen(session: AsyncSession, owner: str, payout: Money, now: datetime) -> tuple[tuple[str, int], ...]:
    """Return what is to be offset of an order that is being made: claims and minor units. The claims are locked."""
    return await _chosen(session, owner, payout, now, lock=True)


async def take(
    session: AsyncSession, owner: str, card_id: str, key: str, taken: Sequence[tuple[str, int]], now: datetime
) -> None:
    """Record what an order offsets of claims that `chosen` has locked, and notify the debtor. The order posts it."""
    for rollback_id, minor in taken:
        row = await session.get_one(RollbackRow, rollback_id, with_for_update=True)
        session.add(RollbackOffsetRow(rollback_id=rollback_id, payout_key=key, amount_minor=minor, at=now))
        await session.flush()
        left = await settled_or_left(session, row, now)
        await announce(session, row, OFFSET, left, moved=Money(minor, row.currency), payout=key)
    if taken and owner.startswith("seller:"):
        amount = str(Money(sum(minor for _, minor in taken)))
        news = {"card_id": card_id, "amount": amount, "page": "/wallet"}
        await outbox.put(session, outbox.MESSAGES, owner, SET_OFF, news)


async def undo(session: AsyncSession, key: str, now: datetime) -> None:
    """Take back what a refused order offset: it is owed again on both sides. The order's refusal posts it.

    Of a claim that was given up meanwhile it is owed, too: a dropped one's seller gets it by a payment of its own as well, and
    a written-off one's had paid it. It is offset by the next order, as any.
    """
    mine = select(RollbackOffsetRow).where(RollbackOffsetRow.payout_key == key, RollbackOffsetRow.undone_at.is_(None))
    for one in (await session.execute(mine.order_by(RollbackOffsetRow.rollback_id))).scalars().all():
        row = await session.get_one(RollbackRow, one.rollback_id, with_for_update=True, populate_existing=True)
        one.undone_at = now
        left = await left_again(session, row)
        await announce(session, row, OFFSET_UNDONE, left, moved=Money(one.amount_minor, row.currency), payout=key)


async def settled_or_left(session: AsyncSession, row: RollbackRow, now: datetime) -> Money:
    """End a claim of which nothing is left, unless its seller objected and waits for an answer; return what is left of it."""
    left = Money(await left_of(session, row), row.currency)
    waits = row.objected_at is not None and row.objection_answered_at is None
    if not left.amount_minor and row.state is RollbackState.CLAIMED and not waits:
        row.state, row.ended_at = RollbackState.SETTLED, now
    return left


async def left_again(session: AsyncSession, row: RollbackRow) -> Money:
    """Open a claim again that had ended as settled, and return what is left of it: a part of it turned out not to be paid."""
    if row.state is RollbackState.SETTLED:
        row.state, row.ended_at = RollbackState.CLAIMED, None
    await session.flush()
    return Money(await left_of(session, row), row.currency)


async def moves(session: AsyncSession, row: RollbackRow) -> bool:
    """Return whether an order that offsets a part of the claim may still be refused."""
    under_way = (
        select(RollbackOffsetRow.payout_key)
        .join(PayoutRow, PayoutRow.key == RollbackOffsetRow.payout_key)
        .where(
            RollbackOffsetRow.rollback_id == row.id, RollbackOffsetRow.undone_at.is_(None), PayoutRow.settled_at.is_(None)
        )
        .order_by(RollbackOffsetRow.payout_key)
        .limit(1)
    )  # fmt: skip
    return (await session.execute(under_way)).scalar_one_or_none() is not None


async def open_claims(session: AsyncSession, owner: str, *, lock: bool = False) -> tuple[Claim, ...]:
    """Return what the owner still owes, the oldest claim first."""
    mine = (
        select(RollbackRow).where(RollbackRow.owner == owner, RollbackRow.state.in_(OWED_BACK)).order_by(RollbackRow.id)
    )
    if lock:
        mine = mine.with_for_update()
    rows = (await session.execute(mine.execution_options(populate_existing=True))).scalars().all()
    found = [await _claim(session, row) for row in rows]
    return tuple(claim for claim in found if claim.left_minor)


async def _chosen(
    session: AsyncSession, owner: str, payout: Money, now: datetime, *, lock: bool
) -> tuple[tuple[str, int], ...]:
    rules = rollback_in_force(business_day(now))
    return offsets(rules, await open_claims(session, owner, lock=lock), payout.amount_minor, now)


async def _claim(session: AsyncSession, row: RollbackRow) -> Claim:
    disputed = row.objected_at is not None and row.objection_answered_at is None
    # While a write-off waits for its second person nothing more is taken.
    disputed = disputed or (row.state is RollbackState.CLAIMED and row.write_off_asked_at is not None)
    return Claim(row.id, await left_of(session, row), row.offset_from or row.proposed_at, disputed)


def _sum(taken: Sequence[tuple[str, int]], like: Money) -> Money:
    return Money(sum(minor for _, minor in taken), like.currency)
