"""Claims against sellers: what is left of each, what was offset and paid back, and what a dropped one owes to its seller."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Exists, case, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.paybacks import is_being_paid_back, owed_back, owes_back, payback_of
from database.tables.cards import CardRow
from database.tables.finance.rollback import ClaimReceiptRow, RollbackOffsetRow, RollbackRow
from domain.errors.general import NotFound
from domain.finance.rollback import RollbackState
from domain.money import Money

PAGE = 50


@dataclass(frozen=True)
class ClaimView:
    """A claim with what is left of it; people are ids."""

    row: RollbackRow
    brand: str
    amount: Money
    left: Money
    offset: Money
    received: Money  # What the seller paid back themselves, of what they owed.
    recovered: Money  # What they paid of what had been written off.
    unrecovered: Money  # What was written off, and they have not paid.
    receipts: tuple[ClaimReceiptRow, ...]  # Their payments, the oldest first; those that were taken back, too.
    owed_back: Money  # Of a dropped one: what had been offset or paid back, and is the seller's.
    to_pay_back: Money  # Of that: what no payment is proposed or made of.

    @property
    def disputed(self) -> bool:
        """Return whether the seller objected and has no answer."""
        return self.row.objected_at is not None and self.row.objection_answered_at is None


async def claims(session: AsyncSession, limit: int = PAGE) -> tuple[ClaimView, ...]:
    """Return what waits for a person first, then what is owed, then what is over, the newest first."""
    place = case(
        (RollbackRow.state == RollbackState.PROPOSED, 0),
        (RollbackRow.write_off_asked_at.is_not(None) & (RollbackRow.state == RollbackState.CLAIMED), 0),
        (RollbackRow.objected_at.is_not(None) & RollbackRow.objection_answered_at.is_(None), 0),
        (_reversal_waits(), 0),
        (owes_back() & ~is_being_paid_back(), 0),
        (RollbackRow.state == RollbackState.CLAIMED, 1),
        else_=2,
    )
    rows = await session.execute(
        select(RollbackRow, CardRow.brand)
        .join(CardRow, CardRow.id == RollbackRow.card_id)
        .order_by(place, RollbackRow.id.desc())
        .limit(limit)
    )
    return tuple([await _claim(session, row, brand) for row, brand in rows])


async def claims_of(session: AsyncSession, owner: str, limit: int = PAGE) -> tuple[ClaimView, ...]:
    """Return the claims against an owner that they know of, the newest first."""
    known = (RollbackRow.owner == owner, RollbackRow.state.not_in((RollbackState.PROPOSED, RollbackState.DECLINED)))
    rows = await session.execute(
        select(RollbackRow, CardRow.brand)
        .join(CardRow, CardRow.id == RollbackRow.card_id)
        .where(*known)
        .order_by(RollbackRow.id.desc())
        .limit(limit)
    )
    return tuple([await _claim(session, row, brand) for row, brand in rows])


async def claim_on(session: AsyncSession, card_id: str) -> RollbackRow | None:
    """Return the claim of a card that its seller can pay of; None where nothing is claimed of it."""
    found = select(RollbackRow).where(
        RollbackRow.card_id == card_id, RollbackRow.state.not_in((RollbackState.PROPOSED, RollbackState.DECLINED))
    )
    return (await session.execute(found.order_by(RollbackRow.id.desc()).limit(1))).scalar_one_or_none()


async def receipt(session: AsyncSession, receipt_id: str) -> ClaimReceiptRow:
    """Return a payment of a seller, for its document. Refuses NotFound."""
    row = await session.get(ClaimReceiptRow, receipt_id[:26])
    if row is None:
        raise NotFound(receipt=receipt_id[:26])
    return row


async def left_of(session: AsyncSession, row: RollbackRow) -> int:
    """Return what is left of a claim, in minor units: neither offset, nor paid back, nor given up."""
    offset, received, _ = await _taken(session, row.id)
    return row.amount_minor - row.given_up_minor - offset - received


async def unrecovered_of(session: AsyncSession, row: RollbackRow) -> int:
    """Return what of a claim was written off and has not been paid since, in minor units; nothing where two people wrote nothing off."""
    _, _, recovered = await _taken(session, row.id)
    return _unrecovered(row, recovered)


def _unrecovered(row: RollbackRow, recovered: int) -> int:
    return row.given_up_minor - recovered if row.state is RollbackState.WRITTEN_OFF else 0


async def _taken(session: AsyncSession, claim_id: str) -> tuple[int, int, int]:
    """What was offset of a claim, what was paid back of what was owed, and what of what had been written off, minor units."""
    offset = select(func.coalesce(func.sum(RollbackOffsetRow.amount_minor), 0)).where(
        RollbackOffsetRow.rollback_id == claim_id, RollbackOffsetRow.undone_at.is_(None)
    )
    owed = ClaimReceiptRow.amount_minor - ClaimReceiptRow.recovered_minor
    mine = ClaimReceiptRow.claim_id == claim_id, ClaimReceiptRow.reversed_at.is_(None)
    received, recovered = (
        select(func.coalesce(func.sum(minor), 0)).where(*mine).scalar_subquery()
        for minor in (owed, ClaimReceiptRow.recovered_minor)
    )
    row = (await session.execute(select(offset.scalar_subquery(), received, recovered))).one()
    return int(row[0]), int(row[1]), int(row[2])


async def _claim(session: AsyncSession, row: RollbackRow, brand: str) -> ClaimView:
    offset, received, recovered = await _taken(session, row.id)
    owes = row.state not in (RollbackState.PROPOSED, RollbackState.DECLINED)
    left = row.amount_minor - row.given_up_minor - offset - received if owes else 0
    mine = select(ClaimReceiptRow).where(ClaimReceiptRow.claim_id == row.id).order_by(ClaimReceiptRow.id)
    back = owed_back(row)
    proposed = back.amount_minor and await payback_of(session, row.id) is not None
    return ClaimView(
        row, brand, Money(row.amount_minor, row.currency), Money(left, row.currency), Money(offset, row.currency),
        Money(received, row.currency), Money(recovered, row.currency), Money(_unrecovered(row, recovered), row.currency), tuple((await session.execute(mine)).scalars()), back,
        Money(0, row.currency) if proposed else back,
    )  # fmt: skip


def _reversal_waits() -> Exists:
    """Whether a person asks for a payment on the claim to be taken back."""
    return exists().where(
        ClaimReceiptRow.claim_id == RollbackRow.id, ClaimReceiptRow.reverse_asked_at.is_not(None),
        ClaimReceiptRow.reversed_at.is_(None),
    )  # fmt: skip
