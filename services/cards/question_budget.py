"""What asking issuers about one owner's cards has cost within a day without a sale; beyond the budget no more are taken."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import AnswerRow, CardRow, QuoteRow, SubmissionRow
from domain.cards.pricing import QuoteState
from domain.errors.finance import QuestionsUsedUp
from domain.places import business_day
from domain.rules.velocity import velocity_in_force

WITHIN = timedelta(days=1)
_ANSWER: Any = AnswerRow  # Attributes of models are columns in a statement.
_CARD: Any = CardRow
_QUOTE: Any = QuoteRow
_SUBMISSION: Any = SubmissionRow


async def require_budget(session: AsyncSession, owner: str, at: datetime) -> None:
    """Refuses QuestionsUsedUp to an owner whose unsold cards have cost as much within the day as they may."""
    most = velocity_in_force(business_day(at)).questions_fen[owner.partition(":")[0]]
    sold = exists().where(_QUOTE.card_id == _CARD.id, _QUOTE.state == QuoteState.ACCEPTED)
    spent = (
        select(func.coalesce(func.sum(_ANSWER.cost_fen), 0))
        .select_from(AnswerRow)
        .join(CardRow, _CARD.id == _ANSWER.card_id)
        .join(SubmissionRow, _SUBMISSION.id == _CARD.submission_id)
        .where(_SUBMISSION.owner == owner, _ANSWER.at > at - WITHIN, ~sold)
    )
    if int((await session.execute(spent)).scalar_one()) >= most:
        raise QuestionsUsedUp()
