"""What finance and compliance see at the console: payment orders, and the proof of every change of one card."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.awaited import awaited
from database.repositories.orders import OrderRow
from database.tables.cards import CardRow, SubmissionRow
from database.tables.evidence import LeafRow
from database.tables.finance import PayeeCorrectionRow, PayoutRow
from database.tables.finance_settlement import SettlementOrderRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.cards.card import Outcome, WaitingFor
from domain.finance.order_kinds import OrderCode, code_of
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.money import Money

PAGE = 50


@dataclass(frozen=True)
class PayoutEntry:
    """One payment order; `payee` is masked, `subject` the id of the card, the ticket or the run that it is for."""

    key: str
    code: OrderCode
    subject: str
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
    session: AsyncSession, state: PayoutState | None, rail: Rail | None = None, limit: int = PAGE
) -> tuple[PayoutEntry, ...]:
    """Payment orders, the unknown first and the oldest of them on top, then the rest newest first."""
    found = [
        _entry(*row) for table, orders in _ORDERS.items() for row in await session.execute(_of(table, orders(), state, rail, limit))
    ]  # fmt: skip
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

    `ended` cards are of journeys from before a payee could be corrected.
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


async def owed(session: AsyncSession, limit: int = PAGE) -> tuple[OwedEntry, ...]:
    """Cards that wait for another payee, and those that ended so, the longest waiting first."""
    orders = (
        select(PayoutRow.card_id, func.count().label("attempts"), func.max(PayoutRow.key).label("last"))
        .where(PayoutRow.state == PayoutState.REFUSED)
        .group_by(PayoutRow.card_id)
        .subquery()
    )
    statement = (
        select(CardRow, SubmissionRow, PayoutRow, orders.c.attempts, PayeeCorrectionRow)
        .join(orders, orders.c.card_id == CardRow.id)
        .join(PayoutRow, PayoutRow.key == orders.c.last)
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
    card: CardRow, submission: SubmissionRow, last: PayoutRow, attempts: int, proposed: PayeeCorrectionRow | None
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
    return OwedEntry(
        card_id=card.id,
        owner=submission.owner,
        payee=last.payee_masked or submission.payee_masked,
        amount=Money(last.amount_minor, last.currency),
        attempts=attempts,
        refusal_code=last.refusal_code,
        since=card.since,
        ended=card.outcome is not None,
        proposal=proposal,
    )


def _entry(row: OrderRow, subject: str, payee: str) -> PayoutEntry:
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
