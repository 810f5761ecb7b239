"""Money that came back after an order was paid: our cash again, owed again, and its card waits for another payee.

A returned order is kept as refused with a `payout_return` row: nothing that counts paid orders counts it any more. One of which
a part came back stays paid; people book the part (`part_returns`).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.reads.finance.part_returns import booked
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.repositories.orders import OrderRow
from database.tables.cards import CardRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import PartReturnRow, ReturnRow
from database.tables.support.goodwill import GoodwillRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutState
from domain.finance.postings.returned import payout_returned
from domain.finance.postings.rollback import offset_undone
from domain.money import Money
from domain.support.goodwill import COUNTED, GoodwillState
from services.finance import offsets, withholding
from services.finance.payout_orders import owner_of
from services.work import sla


class Found(StrEnum):
    """What became of the news that an order's money came back."""

    BOOKED = "booked"  # Posted now; its card waits for another payee.
    KNOWN = "known"  # Posted before.
    NOT_PAID = "not_paid"  # The order is not paid in our rows: its own outcome is queried, and nothing is posted here.
    AMOUNT_DIFFERS = "amount_differs"  # Another amount came back: it is kept and shown, and people decide.
    NO_ORDER = "no_order"  # No order of ours.


async def returned(session: AsyncSession, key: str, amount: Money, reference: str | None, now: datetime) -> Found:
    """Book that the money of a paid order came back, once per order, in the caller's transaction.

    The caller has the gateway's own word for it: an answer, a bank's file or a statement's line. Posts cash and what is
    owed, notifies the seller, and continues the card's journey from its rows, to wait for another payee.
    """
    row = await session.get(PayoutRow, key, with_for_update=True, populate_existing=True)
    if row is None:
        return Found.NO_ORDER
    if (found := await judged(session, row, amount, reference, now)) is not Found.BOOKED:
        return found
    await _book(session, row, amount, now)
    return Found.BOOKED


async def judged(session: AsyncSession, row: OrderRow, amount: Money, reference: str | None, now: datetime) -> Found:
    """Return what becomes of the return of a locked order's money: BOOKED is kept here, and the caller books it."""
    claim = await session.get(ReturnRow, row.key, with_for_update=True, populate_existing=True)
    if claim is not None and claim.returned_at is not None:
        return Found.KNOWN
    if row.state is not PayoutState.PAID:
        if row.state is PayoutState.REFUSED:  # It never arrived: there is nothing to come back.
            await session.execute(delete(ReturnRow).where(ReturnRow.key == row.key, ReturnRow.returned_at.is_(None)))
        return Found.NOT_PAID
    whole = Money(row.amount_minor, row.currency)
    if amount != whole or (await booked(session, row.key) and await paid_again(session, row.key, now)):
        await _differs(session, row.key, amount, now)
        return Found.AMOUNT_DIFFERS
    await claimed(session, row.key, amount, now)
    over = update(ReturnRow).where(ReturnRow.key == row.key).values(returned_at=now, reference=reference)
    await session.execute(over.execution_options(synchronize_session=False))
    return Found.BOOKED


async def was_returned(session: AsyncSession, card_id: str) -> bool:
    """Tell whether the card was paid for once and the money came back: it is ours, and its seller is owed."""
    came_back = (PayoutRow.card_id == card_id, PayoutRow.refusal_code == RETURNED, ReturnRow.returned_at.is_not(None))
    statement = select(exists().where(*came_back, ReturnRow.key == PayoutRow.key))
    return bool((await session.execute(statement)).scalar_one())


async def claimed(session: AsyncSession, key: str, amount: Money, now: datetime) -> None:
    """Keep that an order's money is said to have come back; it counts once the gateway itself says so."""
    claim = ReturnRow(key=key, amount_minor=amount.amount_minor, currency=amount.currency, claimed_at=now)
    await insert_once(session, claim, "key")


async def said_in_part(session: AsyncSession, key: str, total: Money, now: datetime) -> None:
    """Keep that lines of a statement show so much of a paid order as come back, none of them the whole amount."""
    row = await session.get(PayoutRow, key, with_for_update=True, populate_existing=True)
    claim = await session.get(ReturnRow, key, with_for_update=True, populate_existing=True)
    if row is None or row.state is not PayoutState.PAID or (claim is not None and claim.returned_at is not None):
        return
    await _differs(session, key, total, now)


async def paid_again(session: AsyncSession, key: str, now: datetime) -> bool:
    """Tell whether a part of the order that came back was agreed to be paid again; one that is only proposed is withdrawn.

    The caller holds the order, and books that all of it came back where nothing was paid again.
    """
    of_order = select(PartReturnRow.id).where(PartReturnRow.key == key)
    standing = select(GoodwillRow).where(GoodwillRow.part_id.in_(of_order), GoodwillRow.state.in_(COUNTED))
    found = (await session.execute(standing.order_by(GoodwillRow.id).with_for_update())).scalars().all()
    if any(one.state is not GoodwillState.PROPOSED for one in found):
        return True
    for one in found:
        one.state, one.ended_at = GoodwillState.WITHDRAWN, now
    return False


async def _differs(session: AsyncSession, key: str, amount: Money, now: datetime) -> None:
    """Keep that another amount than was paid came back, by the gateway's own word: the newest amount, and since when."""
    await claimed(session, key, amount, now)
    values = {
        "confirmed_minor": amount.amount_minor, "confirmed_at": func.coalesce(ReturnRow.confirmed_at, now),
    }  # fmt: skip
    differs = update(ReturnRow).where(ReturnRow.key == key).values(values)
    await session.execute(differs.execution_options(synchronize_session=False))


async def to_ask(session: AsyncSession, limit: int, asked_before: datetime) -> tuple[str, ...]:
    """Return the orders whose money is said to have come back and that were not asked about since, the oldest question first."""
    statement = (
        select(ReturnRow.key)
        .where(ReturnRow.returned_at.is_(None), func.coalesce(ReturnRow.asked_at, asked_before) <= asked_before)
        .order_by(ReturnRow.asked_at.asc().nulls_first(), ReturnRow.claimed_at, ReturnRow.key)
        .limit(limit)
    )
    return tuple((await session.execute(statement)).scalars())


async def _book(session: AsyncSession, row: PayoutRow, amount: Money, now: datetime) -> None:
    """Book what of the whole amount is not booked as a part, and that the order came back."""
    card = await cards.load_for_update(session, row.card_id)
    owner = await owner_of(session, card)
    rest = amount - Money(await booked(session, row.key), amount.currency)
    if rest.amount_minor:
        await book_part(session, row, owner, rest, f"{row.key}:returned", "payout_returned")
    await came_back(session, row, card, owner, now)


async def book_part(session: AsyncSession, row: PayoutRow, owner: str, amount: Money, key: str, what: str) -> None:
    """Post that so much of a paid order is our cash again, and owed to the seller again."""
    postings = payout_returned(owner, amount, row.rail)
    await ledger.post(session, key, row.card_id, what, postings, cause=f"payout:{row.key}")


async def came_back(session: AsyncSession, row: PayoutRow, card: CardRow, owner: str, now: datetime) -> None:
    """End the order as returned once all of its amount is booked: tax and offsets are as before it, and the card waits for another payee.

    The caller holds order and card, and has kept that it came back.
    """
    row.state, row.answered, row.refusal_code = PayoutState.REFUSED, PayoutOutcome.REFUSED, RETURNED
    await _reverse_tax(session, row, owner, now)
    if card.outcome is Outcome.PAID:
        await _open_again(session, card.id, now)
    facts = {"key": row.key, "amount": str(Money(row.amount_minor, row.currency)), "code": RETURNED}
    change = Change(Stage.PAYOUT, WaitingFor.SELLER_PAYEE, None, "payout.returned", facts, actor="gateway")
    await cards.record(session, card.id, change)
    await sla.follow(session, card.id, WaitingFor.SELLER_PAYEE, now)


async def _reverse_tax(session: AsyncSession, row: PayoutRow, owner: str, now: datetime) -> None:
    """What was withheld and offset with the order is owed again on both sides: the next order takes it again."""
    await withholding.reverse(session, row.key, now)
    if row.offset_minor:
        lines = offset_undone(owner, Money(row.offset_minor, row.currency))
        key, cause = f"{row.key}:offset:back", f"payout:{row.key}"
        await ledger.post(session, key, row.card_id, "offset_undone", lines, cause=cause)
        await offsets.undo(session, row.key, now)


async def _open_again(session: AsyncSession, card_id: str, now: datetime) -> None:
    """Keep the card; continue its journey from its rows, at the payment (decision 0011)."""
    values = {"outcome": None, "reason": None, "reason_detail": None, "started_at": None, "reopened_at": now}
    opened = update(CardRow).where(CardRow.id == card_id).values(values)
    await session.execute(opened.execution_options(synchronize_session=False))
    await session.flush()
