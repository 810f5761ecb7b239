"""Sum recent commitments per payee, owner and brand of a card, and over the whole installation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from domain.cards.card import Outcome
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewReason
from domain.cards.verification import Secures
from domain.money import Currency
from domain.places import business_day
from domain.rules.brands import brand, catalogue
from domain.rules.velocity import DAY, HOUR, velocity_in_force

SPANS = {HOUR: timedelta(hours=1), DAY: timedelta(days=1)}
COMMITTED = (QuoteState.OPEN, QuoteState.ACCEPTED)
_UNKNOWN = QuoteRow.review_reasons.contains([ReviewReason.ISSUER_UNKNOWN.value])


async def beyond(session: AsyncSession, card: CardRow, value_minor: int, at: datetime) -> tuple[str, ...]:
    """Every cap that a quote of `value_minor` (CNY) would break, e.g. `payee.hour`.

    Holds a lock until the transaction ends: of many cards valued at once each counts those before it.
    """
    await acquire(session, AdvisoryLock.VELOCITY)
    submission = await session.get_one(SubmissionRow, card.submission_id)
    bought = await _bought(session, card, submission, at)
    return velocity_in_force(business_day(at)).beyond(bought, value_minor)


async def beyond_unsecured(
    session: AsyncSession, card: CardRow, value_minor: int, at: datetime, *, known: bool = True
) -> tuple[str, ...]:
    """Every limit of cards that can be spent after their payment which a quote of `value_minor` (CNY) would break.

    None for a card that its issuer locks or redeems, which it does only where it knows the card (`known`). Holds the lock
    as `beyond` does.
    """
    if known and brand(card.brand).secures is not Secures.NONE:
        return ()
    await acquire(session, AdvisoryLock.VELOCITY)
    owner = (await session.get_one(SubmissionRow, card.submission_id)).owner
    unsecured = [code for code, known in catalogue().items() if known.secures is Secures.NONE]
    statement = (
        select(func.coalesce(func.sum(QuoteRow.amount_minor), 0))
        .select_from(QuoteRow)
        .join(CardRow, CardRow.id == QuoteRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(*_committed(card, at), SubmissionRow.owner == owner, CardRow.brand.in_(unsecured) | _UNKNOWN)
    )
    bought = int((await session.execute(statement)).scalar_one())
    return velocity_in_force(business_day(at)).beyond_unsecured(owner.partition(":")[0], bought, value_minor)


async def _bought(
    session: AsyncSession, card: CardRow, submission: SubmissionRow, at: datetime
) -> Mapping[str, Mapping[str, int]]:
    """The sums of the quotes of other cards that are paid or may still be, by subject and span, in one statement."""
    owner = submission.owner.partition(":")[0]
    of = {
        "payee": SubmissionRow.payee_index == submission.payee_index,
        owner: SubmissionRow.owner == submission.owner,
        "brand": CardRow.brand == card.brand,
        "installation": CardRow.id.is_not(None),
    }
    wanted = [(subject, span) for subject in of for span in SPANS]
    sums = [
        func.coalesce(func.sum(QuoteRow.amount_minor).filter(of[subject], QuoteRow.created_at > at - SPANS[span]), 0)
        for subject, span in wanted
    ]
    statement = (
        select(*sums)
        .select_from(QuoteRow)
        .join(CardRow, CardRow.id == QuoteRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(*_committed(card, at))
    )
    row = (await session.execute(statement)).one()
    found: dict[str, dict[str, int]] = {subject: {} for subject in of}
    for (subject, span), total in zip(wanted, row, strict=True):
        found[subject][span] = int(total)
    return found


def _committed(card: CardRow, at: datetime) -> tuple[Any, ...]:
    """The conditions of other cards' quotes of the last day that are paid or may still be."""
    return (
        QuoteRow.created_at > at - SPANS[DAY],
        QuoteRow.state.in_(COMMITTED),
        QuoteRow.currency == Currency.CNY,
        QuoteRow.card_id != card.id,
        CardRow.outcome.is_(None) | (CardRow.outcome == Outcome.PAID),
    )
