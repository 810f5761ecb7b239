"""What finance and compliance see at the console: payment orders, and the proof of every change of one card."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import case, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.evidence import LeafRow
from database.tables.intake import CardRow, SubmissionRow
from database.tables.payout import PayoutRow
from domain.money import Money
from domain.payout import PayoutState

PAGE = 50


@dataclass(frozen=True)
class PayoutEntry:
    """One payment order; `payee` is masked as it was at submission."""

    key: str
    card_id: str
    payee: str
    amount: Money
    state: PayoutState
    gateway_reference: str | None
    refusal_code: str | None
    prepared_at: datetime
    settled_at: datetime | None


async def payouts(session: AsyncSession, state: PayoutState | None, limit: int = PAGE) -> tuple[PayoutEntry, ...]:
    """Payment orders, the unknown first and the oldest of them on top, then the rest newest first."""
    row: Any = PayoutRow
    unknown_first = case((row.state == PayoutState.UNKNOWN, row.prepared_at), else_=None).asc().nulls_last()
    statement = (
        select(PayoutRow, SubmissionRow.payee_masked)  # type: ignore[call-overload]
        .join(CardRow, row.card_id == CardRow.id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .order_by(unknown_first, row.prepared_at.desc())
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(row.state == state)
    return tuple(_payout(found, payee) for found, payee in await session.execute(statement))


async def leaves(session: AsyncSession, card_id: str) -> tuple[LeafRow, ...]:
    """All evidence of one card in the order it was written; empty for a card without any."""
    leaf: Any = LeafRow
    return tuple((await session.execute(select(LeafRow).where(leaf.card_id == card_id).order_by(leaf.id))).scalars())


def _payout(row: PayoutRow, payee: str) -> PayoutEntry:
    return PayoutEntry(
        key=row.key,
        card_id=row.card_id,
        payee=payee,
        amount=Money(row.amount_minor, row.currency),
        state=row.state,
        gateway_reference=row.gateway_reference,
        refusal_code=row.refusal_code,
        prepared_at=row.prepared_at,
        settled_at=row.settled_at,
    )
