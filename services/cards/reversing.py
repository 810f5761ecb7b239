"""Take back what a seller's acceptance posted: the debt is reversed under the quote's own key, once, and the quote is void."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from domain.cards.pricing import QuoteState
from domain.finance.ledger import owed_reversed
from domain.money import Money


async def reverse_acceptance(session: AsyncSession, card: CardRow, quote: QuoteRow) -> None:
    """Void an accepted quote and reverse `<quote>:owed`; any other quote stays as it is. The caller holds both rows."""
    if quote.state is not QuoteState.ACCEPTED:
        return
    quote.state = QuoteState.VOIDED
    owner = (await session.get_one(SubmissionRow, card.submission_id)).owner
    postings = owed_reversed(owner, Money(quote.amount_minor, quote.currency))
    await ledger.post(session, f"{quote.id}:voided", card.id, "offer_voided", postings, cause=f"quote:{quote.id}")
