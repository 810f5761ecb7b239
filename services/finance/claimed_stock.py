"""Cards with an open claim are worth nothing: they are not sold, and one that its buyer returns is not in stock."""

from __future__ import annotations

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards, ledger
from database.tables.finance.ledger import AccountRow, EntryRow, LedgerTransactionRow
from database.tables.finance.rollback import RollbackRow
from domain.errors.general import NotFound
from domain.errors.sales import CardClaimed
from domain.finance.ledger import INVENTORY
from domain.finance.postings.rollback import out_of_stock
from domain.finance.rollback import OVER_FOR_NOTHING, RollbackState
from domain.money import Money

OUT_OF_STOCK = "out-of-stock"


def claim_key(row: RollbackRow, step: str) -> str:
    """Return the ledger's key of one step of a claim; that of a second payment begins with its order's, as statements name it."""
    return f"rollback-{row.id}:{step}" if row.order_key is None else f"{row.order_key}:rollback-{row.id}:{step}"


def claim_cause(row: RollbackRow) -> str:
    """Return the cause that a claim's postings name."""
    return f"rollback:{row.id}"


async def locked_claim(session: AsyncSession, claim_id: str) -> RollbackRow:
    """Return the claim, locked, its card locked before it as everywhere. Refuses NotFound."""
    known = await session.get(RollbackRow, claim_id[:26])
    if known is None:
        raise NotFound(claim=claim_id[:26])
    await cards.load_for_update(session, known.card_id)
    return await session.get_one(RollbackRow, known.id, with_for_update=True, populate_existing=True)


async def require_unclaimed(session: AsyncSession, card_id: str) -> None:
    """Refuse CardClaimed while the card has an open claim, a proposed one too: its price is or may be claimed from its seller."""
    if (claim := await _standing(session, card_id, lock=False)) is not None:
        raise CardClaimed(state=claim.state.value)


async def take_out(session: AsyncSession, card_id: str, day: date) -> None:
    """Take a card that its buyer just returned out of stock where it has an open claim; once. The caller holds the card.

    A claim that was agreed to while the card was in stock took it out then; a proposed one does when it is agreed to.
    """
    row = await _standing(session, card_id, lock=True)
    if row is None or row.state is RollbackState.PROPOSED or row.in_stock:
        return
    lines, key = out_of_stock(Money(row.price_minor, row.currency)), claim_key(row, OUT_OF_STOCK)
    what = "rollback_out_of_stock"
    await ledger.post(session, key, card_id, what, lines, happened_on=day, cause=claim_cause(row))
    row.in_stock = True


async def in_stock(session: AsyncSession, card_id: str) -> bool:
    """Return whether the card's cost is still in the inventory, by the card's own entries."""
    stands = (
        select(func.coalesce(func.sum(EntryRow.amount_minor), 0))
        .join(LedgerTransactionRow, LedgerTransactionRow.id == EntryRow.transaction_id)
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .where(LedgerTransactionRow.card_id == card_id, AccountRow.code == INVENTORY.code)
    )
    return int((await session.execute(stands)).scalar_one()) > 0


async def _standing(session: AsyncSession, card_id: str, *, lock: bool) -> RollbackRow | None:
    mine = select(RollbackRow).where(
        RollbackRow.card_id == card_id, RollbackRow.state.not_in(OVER_FOR_NOTHING), RollbackRow.order_key.is_(None)
    )
    if lock:
        mine = mine.with_for_update()
    return (await session.execute(mine.execution_options(populate_existing=True))).scalar_one_or_none()
