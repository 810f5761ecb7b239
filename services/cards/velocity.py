"""How much has been committed lately to the payee, the owner and the brand of a card, and over the whole installation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.tables.intake import CardRow, SubmissionRow
from database.tables.pricing import QuoteRow
from domain.cards.card import Outcome
from domain.cards.pricing import QuoteState
from domain.money import Currency
from domain.places import business_day
from domain.rules.velocity import DAY, HOUR, velocity_in_force

SPANS = {HOUR: timedelta(hours=1), DAY: timedelta(days=1)}
COMMITTED = (QuoteState.OPEN, QuoteState.ACCEPTED)
_CARD: Any = CardRow
_QUOTE: Any = QuoteRow
_SUBMISSION: Any = SubmissionRow


async def beyond(session: AsyncSession, card: CardRow, value_minor: int, at: datetime) -> tuple[str, ...]:
    """Every cap that a quote of `value_minor` (CNY) would break, e.g. `payee.hour`.

    Holds a lock until the transaction ends: of many cards valued at once each counts those before it.
    """
    await acquire(session, AdvisoryLock.VELOCITY)
    submission = await session.get_one(SubmissionRow, card.submission_id)
    bought = await _bought(session, card, submission, at)
    return velocity_in_force(business_day(at)).beyond(bought, value_minor)


async def _bought(
    session: AsyncSession, card: CardRow, submission: SubmissionRow, at: datetime
) -> Mapping[str, Mapping[str, int]]:
    """The sums of the quotes of other cards that are paid or may still be, by subject and span, in one statement."""
    owner = submission.owner.partition(":")[0]
    of = {
        "payee": _SUBMISSION.payee_index == submission.payee_index,
        owner: _SUBMISSION.owner == submission.owner,
        "brand": _CARD.brand == card.brand,
        "installation": _CARD.id.is_not(None),
    }
    wanted = [(subject, span) for subject in of for span in SPANS]
    sums = [
        func.coalesce(func.sum(_QUOTE.amount_minor).filter(of[subject], _QUOTE.created_at > at - SPANS[span]), 0)
        for subject, span in wanted
    ]
    committed = (
        _QUOTE.created_at > at - SPANS[DAY],
        _QUOTE.state.in_(COMMITTED),
        _QUOTE.currency == Currency.CNY,
        _QUOTE.card_id != card.id,
        _CARD.outcome.is_(None) | (_CARD.outcome == Outcome.PAID),
    )
    statement = (
        select(*sums)
        .select_from(QuoteRow)
        .join(CardRow, _CARD.id == _QUOTE.card_id)
        .join(SubmissionRow, _SUBMISSION.id == _CARD.submission_id)
        .where(*committed)
    )
    row = (await session.execute(statement)).one()
    found: dict[str, dict[str, int]] = {subject: {} for subject in of}
    for (subject, span), total in zip(wanted, row, strict=True):
        found[subject][span] = int(total)
    return found
