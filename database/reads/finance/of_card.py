"""Quotes and payment orders of one card, the newest first."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import QuoteRow
from database.tables.finance.payout import PayoutRow


async def quotes(session: AsyncSession, card_id: str) -> tuple[QuoteRow, ...]:
    """Return every quote of the card."""
    statement = select(QuoteRow).where(QuoteRow.card_id == card_id).order_by(QuoteRow.created_at.desc())
    return tuple((await session.execute(statement)).scalars())


async def payouts(session: AsyncSession, card_id: str) -> tuple[PayoutRow, ...]:
    """Return every payment order of the card."""
    statement = select(PayoutRow).where(PayoutRow.card_id == card_id).order_by(PayoutRow.attempt.desc())
    return tuple((await session.execute(statement)).scalars())
