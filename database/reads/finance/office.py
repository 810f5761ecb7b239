"""What finance and compliance see at the console: payment orders, and the proof of every change of one card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.awaited import awaited
from database.reads.finance.part_returns import undecided
from database.reads.finance.paybacks import part_is_being_paid, part_is_owed
from database.repositories.orders import OrderRow
from database.tables.cards import CardRow, SubmissionRow
from database.tables.evidence import LeafRow
from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.finance.rails import PartReturnRow, ReturnRow
from database.tables.finance.routing import PayoutWaitRow
from database.tables.finance.settlement import SettlementOrderRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.cards.card import Outcome, WaitingFor
from domain.finance.order_kinds import OrderCode, code_of
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.money import Money

PAGE = 50
_RETURNED_IN_PART = union(
    select(ReturnRow.key).where(undecided()), select(PartReturnRow.key).where(part_is_owed(), ~part_is_being_paid())
)


@dataclass(frozen=True)
class PayoutEntry:
    """One payment order; `payee` is masked, `subject` the id of the card, the ticket or the run that it is for; None for a payment without a ticket."""

    key: str
    code: OrderCode
    subject: str | None
    rail: Rail
    payee: str
    amount: Money
    state: PayoutState
    gateway_reference: str | None
    refusal_code: str | None
    prepared_at: datetime
    settled_at: datetime | None
    awaited: WaitingFor | None = None  # The party that has to act next, while the outcome is unknown.


async def payouts(
    session: AsyncSession, state: PayoutState | None, rail: Rail | None = None, limit: int = PAGE, *, in_part: bool = False
) -> tuple[PayoutEntry, ...]:  # fmt: skip
    """Payment orders, the unknown first and the oldest of them on top, then the rest newest first.

    `in_part`: only those of which another amount came back than was paid, and nobody has decided about it or pays it again.
    """
    found = []
    for table, orders in _ORDERS.items():
        chosen = orders().where(table.key.in_(_RETURNED_IN_PART)) if in_part else orders()
        found += [_entry(*row) for row in await session.execute(_of(table, chosen, state, rail, limit))]
    found.sort(key=lambda one: one.prepared_at, reverse=True)
    unknown = [one for one in reversed(found) if one.state is PayoutState.UNKNOWN]
    parties = await awaited(session, [one.key for one in unknown])
    unknown = [replace(one, awaited=parties.get(one.key)) for one in unknown]
    unknown.sort(key=lambda one: one.awaited is not None)  # Orders that only finance can act on come first.
    return tuple([*unknown, *(one for one in found if one.state is not PayoutState.UNKNOWN)][:limit])


# Each order with the id of what it is for, and its payee as it is shown.
def _cards_orders() -> Any:
    payee = func.coalesce(PayoutRow.payee_masked, SubmissionRow.payee_masked)
    return (
        select(PayoutRow, PayoutRow.card_id, payee)
        .join(CardRow, PayoutRow.card_id == CardRow.id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
    )


def _goodwill_orders() -> Any:
    given = select(GoodwillOrderRow, GoodwillRow.ticket_id, GoodwillRow.payee_masked)
    return given.join(GoodwillRow, GoodwillRow.id == GoodwillOrderRow.goodwill_id)


def _settlement_orders() -> Any:
    return select(SettlementOrderRow, SettlementOrderRow.run_id, SettlementOrderRow.payee_masked)


_ORDERS: dict[type[OrderRow], Callable[[], Any]] = {
    PayoutRow: _cards_orders,
    GoodwillOrderRow: _goodwill_orders,
    SettlementOrderRow: _settlement_orders,
}


def each_order() -> tuple[tuple[type[OrderRow], Any], ...]:
    """Return for each kind of payment order its table, and the statement of its orders with subject and masked payee."""
    return tuple((table, orders()) for table, orders in _ORDERS.items())


def _of(
    table: type[OrderRow], all_orders: Any, state: PayoutState | None, rail: Rail | None, limit: int
) -> Any:  # fmt: skip
    unknown_first = case((table.state == PayoutState.UNKNOWN, table.prepared_at), else_=None).asc().nulls_last()
    statement = all_orders.order_by(unknown_first, table.prepared_at.desc()).limit(limit)
    if state is not None:
        statement = statement.where(table.state == state)
    return statement if rail is None else statement.where(table.rail == rail)


@dataclass(frozen=True)
class Proposal:
    """A proposed correction of a payee; `by` is the person, `proposers` they and everyone they act for."""

    id: str
    payee: str
    by: str
    proposers: tuple[str, ...]
    reason: str
    at: datetime


@dataclass(frozen=True)
class OwedEntry:
    """Money owed for a card whose payee was refused: how often, and the correction that waits for a second person.

    `ended` cards are of journeys from before a payee could be corrected. `turned_down`: nothing was sent to this payee, since
    people of finance asked the seller for another.
    """

    card_id: str
    owner: str
    payee: str
    amount: Money
    attempts: int
    refusal_code: str | None
    since: datetime
    ended: bool
    proposal: Proposal | None
    turned_down: bool


async def owed(session: AsyncSession, limit: int = PAGE) -> tuple[OwedEntry, ...]:
    """Cards that wait for another payee, and those that ended so, the longest waiting first."""
    orders = (
        select(PayoutRow.card_id, func.count().label("attempts"), func.max(PayoutRow.key).label("last"))
        .where(PayoutRow.state == PayoutState.REFUSED)
        .group_by(PayoutRow.card_id)
        .subquery()
    )
    statement = (
        select(CardRow, SubmissionRow, PayoutRow, orders.c.attempts, PayeeCorrectionRow, PayoutWaitRow)
        .outerjoin(orders, orders.c.card_id == CardRow.id)
        .outerjoin(PayoutRow, PayoutRow.key == orders.c.last)
        .outerjoin(PayoutWaitRow, and_(PayoutWaitRow.card_id == CardRow.id, PayoutWaitRow.turned_down_at.is_not(None)))
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .outerjoin(
            PayeeCorrectionRow,
            and_(
                PayeeCorrectionRow.submission_id == CardRow.submission_id,
                PayeeCorrectionRow.applied_at.is_(None),
                PayeeCorrectionRow.refused_at.is_(None),
            ),
        )
        .where(or_(CardRow.waiting_for == WaitingFor.SELLER_PAYEE, CardRow.outcome == Outcome.PAYMENT_REFUSED))
        .where(or_(PayoutRow.key.is_not(None), PayoutWaitRow.key.is_not(None)))
        .order_by(CardRow.since, CardRow.id)
        .limit(limit)
    )
    return tuple(_owed(*found) for found in await session.execute(statement))


async def leaves(session: AsyncSession, card_id: str) -> tuple[LeafRow, ...]:
    """All evidence of one card in the order it was written; empty for a card without any."""
    return tuple(
        (await session.execute(select(LeafRow).where(LeafRow.card_id == card_id).order_by(LeafRow.id))).scalars()
    )


def _owed(
    card: CardRow,
    submission: SubmissionRow,
    last: PayoutRow | None,
    attempts: int | None,
    proposed: PayeeCorrectionRow | None,
    asked: PayoutWaitRow | None,
) -> OwedEntry:
    proposal = (
        None
        if proposed is None
        else Proposal(
            proposed.id,
            proposed.masked,
            proposed.proposed_by.partition(":")[2],
            tuple(proposed.proposers),
            proposed.reason,
            proposed.proposed_at,
        )
    )
    amount, payee = _owed_to(last, asked)
    return OwedEntry(
        card_id=card.id,
        owner=submission.owner,
        payee=payee or submission.payee_masked,
        amount=amount,
        attempts=attempts or 0,
        refusal_code=None if last is None or asked is not None else last.refusal_code,
        since=card.since,
        ended=card.outcome is not None,
        proposal=proposal,
        turned_down=asked is not None,
    )


def _owed_to(last: PayoutRow | None, asked: PayoutWaitRow | None) -> tuple[Money, str]:
    """What is owed, and to whom (masked) it did not go: the payment that was turned down, or the order that was refused last."""
    if asked is not None:
        return Money(asked.amount_minor), asked.payee_masked
    if last is None:
        raise LookupError("a card that waits for a payee has an order or a payment that was turned down")
    return Money(last.amount_minor, last.currency), last.payee_masked or ""


def _entry(row: OrderRow, subject: str | None, payee: str) -> PayoutEntry:
    return PayoutEntry(
        key=row.key,
        code=code_of(row.key),
        subject=subject,
        rail=row.rail,
        payee=payee,
        amount=Money(row.amount_minor, row.currency),
        state=row.state,
        gateway_reference=row.gateway_reference,
        refusal_code=row.refusal_code,
        prepared_at=row.prepared_at,
        settled_at=row.settled_at,
    )
