"""What asking issuers about one owner's cards has cost within a day without a sale; beyond the budget no more are taken."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import AnswerRow, CardRow, QuoteRow, SubmissionRow
from domain.cards.pricing import QuoteState
from domain.errors.finance import QuestionsUsedUp
from domain.places import business_day
from domain.rules.velocity import velocity_in_force

WITHIN = timedelta(days=1)


async def require_budget(session: AsyncSession, owner: str, at: datetime) -> None:
    """Refuses QuestionsUsedUp to an owner whose unsold cards have cost as much within the day as they may."""
    most = velocity_in_force(business_day(at)).questions_fen[owner.partition(":")[0]]
    sold = exists().where(QuoteRow.card_id == CardRow.id, QuoteRow.state == QuoteState.ACCEPTED)
    spent = (
        select(func.coalesce(func.sum(AnswerRow.cost_fen), 0))
        .select_from(AnswerRow)
        .join(CardRow, CardRow.id == AnswerRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(SubmissionRow.owner == owner, AnswerRow.at > at - WITHIN, ~sold)
    )
    if int((await session.execute(spent)).scalar_one()) >= most:
        raise QuestionsUsedUp()
