"""Read from our own rows whether a card's seller may be paid; nothing that came with a message counts."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.review.valid_decisions import approves
from database.tables.cards import AnswerRow, CardEventRow, CardRow, QuoteRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.card import CardType
from domain.cards.pricing import QuoteState
from domain.cards.review import SETTLED_BY_CORRECTION, ReviewOutcome
from domain.cards.verification import CONFIRMED_BEFORE_PAYMENT, CONSEQUENCES, Consequence, DynamicCodeResult, Secures
from domain.rules.assessment import heard
from domain.rules.brands import brand
from domain.rules.payable import PaymentProof, why_not_payable
from gateways.issuer import CODE_RESULTS
from services.cards.confirmation import CONFIRMED, is_recheck
from services.cards.provider_calls import answers_about
from services.cards.securing import asked_for, is_held

# The issuer's own words, which the answer keeps as they came.
RIGHT_WORDS = tuple(word for word, result in CODE_RESULTS.items() if result is DynamicCodeResult.RIGHT)


async def why_not(session: AsyncSession, card: CardRow, quote: QuoteRow) -> str | None:
    """Return what is missing for this card to be paid by this quote, None when nothing is; the caller holds the card."""
    status = heard([answer for answer in await answers_about(session, card) if not is_recheck(answer)]).status
    # What a machine bought needs no person, and each type only its own proofs: this blocks every payment.
    by_machine = not quote.review_reasons and CONSEQUENCES[status][0] is Consequence.PROCEED
    approved = frozenset[str]() if by_machine else await approved_reasons(session, card.id)
    coded = card.card_type is CardType.SUPERMARKET and await code_proved(session, card)
    asked_before = card.card_type in CONFIRMED_BEFORE_PAYMENT
    confirmation = await _confirmation(session, quote) if asked_before else None
    return why_not_payable(
        PaymentProof(
            card_type=card.card_type,
            brands_type=brand(card.brand).card_type,
            ended=card.outcome is not None,
            accepted=quote.state is QuoteState.ACCEPTED and quote.card_id == card.id,
            quoted_as_it_is=quote.fields_revision == card.fields_revision,
            status=status,
            open_reasons=frozenset(quote.review_reasons) - approved,
            approved=approved,
            code_proved=coded,
            rate_locked=bool(quote.locked_rate),
            confirmed=confirmation is not None,
            secured=await _secured(session, quote, confirmation),
        )
    )


async def approved_reasons(session: AsyncSession, card_id: str) -> frozenset[str]:
    """Return the reasons that an applied approval settled since an item was last asked for again, as the journey counts them."""
    statement = (
        select(WorkItemRow.reasons, ReviewDecisionRow.outcome)
        .join(ReviewDecisionRow, ReviewDecisionRow.id == WorkItemRow.decision_id)
        .where(WorkItemRow.card_id == card_id, approves(card_id))
    )
    found: set[str] = set()
    for reasons, outcome in await session.execute(statement):
        corrected = outcome is ReviewOutcome.APPROVE_CORRECTED
        found |= {reason for reason in reasons if not corrected or reason in SETTLED_BY_CORRECTION}
    return frozenset(found)


async def code_proved(session: AsyncSession, card: CardRow) -> bool:
    """Return whether the seller entered the issuer's one-time code for the fields that the card has now."""
    right = (
        AnswerRow.card_id == card.id,
        AnswerRow.operation == "check_code",
        AnswerRow.fields_revision == card.fields_revision,
        AnswerRow.failure.is_(None),
        AnswerRow.details["result"].astext.in_(RIGHT_WORDS),
    )
    return bool((await session.execute(select(exists().where(*right)))).scalar_one())


async def _confirmation(session: AsyncSession, quote: QuoteRow) -> CardEventRow | None:
    reported = (
        CardEventRow.card_id == quote.card_id,
        CardEventRow.what == CONFIRMED,
        CardEventRow.facts["quote"].astext == quote.id,
    )
    newest = select(CardEventRow).where(*reported).order_by(CardEventRow.id.desc()).limit(1)
    return (await session.execute(newest)).scalar_one_or_none()


async def _secured(session: AsyncSession, quote: QuoteRow, confirmation: CardEventRow | None) -> bool:
    """Whether the issuer holds the card, or offered no such thing when it confirmed it; before it could, none did.

    A card that it never confirmed must be held once a request for that was written.
    """
    if confirmation is None:
        held = not await asked_for(session, quote.card_id, quote.id)
    else:
        held = Secures(confirmation.facts.get("secures", Secures.NONE)) is Secures.NONE
    return held or await is_held(session, quote.card_id, quote.id)
