"""What finance and compliance see at the console: payment orders, and the proof of every change of one card."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.awaited import awaited
from database.tables.cards import CardRow, SubmissionRow
from database.tables.evidence import LeafRow
from database.tables.finance import PayeeCorrectionRow, PayoutRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.cards.card import Outcome, WaitingFor
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.money import Money

PAGE = 50


@dataclass(frozen=True)
class PayoutEntry:
    """One payment order; `payee` is masked. A goodwill payment has a ticket, any other one a card."""

    key: str
    card_id: str | None
    ticket_id: str | None
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
        _payout(row, payee) for row, payee in await session.execute(_of(PayoutRow, _cards_orders(), state, rail, limit))
    ]
    found += [
        _given(*row) for row in await session.execute(_of(GoodwillOrderRow, _goodwill_orders(), state, rail, limit))
    ]  # fmt: skip
    found.sort(key=lambda one: one.prepared_at, reverse=True)
    unknown = [one for one in reversed(found) if one.state is PayoutState.UNKNOWN]
    parties = await awaited(session, [one.key for one in unknown])
    unknown = [replace(one, awaited=parties.get(one.key)) for one in unknown]
    unknown.sort(key=lambda one: one.awaited is not None)  # What nobody else acts on stands on top.
    return tuple([*unknown, *(one for one in found if one.state is not PayoutState.UNKNOWN)][:limit])


def _cards_orders() -> Select[PayoutRow, str]:
    return (
        select(PayoutRow, SubmissionRow.payee_masked)
        .join(CardRow, PayoutRow.card_id == CardRow.id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
    )


def _goodwill_orders() -> Select[GoodwillOrderRow, GoodwillRow]:
    return select(GoodwillOrderRow, GoodwillRow).join(GoodwillRow, GoodwillRow.id == GoodwillOrderRow.goodwill_id)


def _of(
    table: type[PayoutRow] | type[GoodwillOrderRow], all_orders: Any, state: PayoutState | None, rail: Rail | None, limit: int
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


def _payout(row: PayoutRow, payee: str) -> PayoutEntry:
    return PayoutEntry(
        key=row.key,
        card_id=row.card_id,
        ticket_id=None,
        rail=row.rail,
        payee=row.payee_masked or payee,
        amount=Money(row.amount_minor, row.currency),
        state=row.state,
        gateway_reference=row.gateway_reference,
        refusal_code=row.refusal_code,
        prepared_at=row.prepared_at,
        settled_at=row.settled_at,
    )


def _given(row: GoodwillOrderRow, given: GoodwillRow) -> PayoutEntry:
    return PayoutEntry(
        key=row.key,
        card_id=None,
        ticket_id=given.ticket_id,
        rail=row.rail,
        payee=given.payee_masked,
        amount=Money(row.amount_minor, row.currency),
        state=row.state,
        gateway_reference=row.gateway_reference,
        refusal_code=row.refusal_code,
        prepared_at=row.prepared_at,
        settled_at=row.settled_at,
    )
