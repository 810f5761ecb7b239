"""Ask the issuer once more right before payment: between quote and acceptance a card can be emptied or frozen."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.asking import Asker, OpenedCard, answers_about
from activities.failures import translated
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.tables.intake import CardRow, SubmissionRow
from database.tables.pricing import QuoteRow
from domain.cards import CardStatus, CardType, EndReason, Stage, WaitingFor
from domain.facts import RecheckFacts
from domain.identifiers import request_key
from domain.ledger import owed_reversed
from domain.money import Money
from domain.pricing import QuoteState
from domain.rules.assessment import PartyAnswer, heard
from domain.rules.recheck import still_buyable
from domain.verification import Answer, Party
from gateways.errors import GatewayRefused

STEP, PURCHASES_STEP = "recheck", "recheck-purchases"


class Rechecks(Asker):
    """The last look at a card before money is sent for it."""

    @activity.defn(name="verification.recheck")
    @translated
    async def recheck(self, card_id: str, quote_id: str) -> RecheckFacts:
        """Compare the card with its accepted quote; the answers become evidence.

        Where the quote no longer holds, the debt to the seller is reversed in the same transaction. A card that a person
        approved without the issuer's word is not asked about again. Raises GatewayUnavailable when nothing is known.
        """
        card = await self._asking.opened(card_id)
        number = int(quote_id.rpartition(":")[2])
        async with self._database.transaction() as session:
            earlier = [answer for answer in await answers_about(session, card.row) if not _is_recheck(answer)]
        before = heard(earlier)
        if before.status is CardStatus.UNKNOWN:
            return RecheckFacts(None)
        answers = await self._asked_again(card, number)
        reason = still_buyable(before, heard(answers), _quoted(card.row, before)) if answers else EndReason.CHANGED
        return await self._kept(card, quote_id, answers, reason)

    async def _asked_again(self, card: OpenedCard, number: int) -> list[Answer]:
        """Return the issuer's answers, none when it refuses to speak of this card."""
        row, issuer = card.row, self._parties.issuer
        request_id = request_key(row.id, STEP, number)
        try:
            async with self._asking.failures_recorded(card, Party.ISSUER, "inquire", request_id):
                answers = [await issuer.inquire(request_id, row.brand, card.number, card.pin)]
            if row.card_type is CardType.ECOMMERCE:
                request_id = request_key(row.id, PURCHASES_STEP, number)
                async with self._asking.failures_recorded(card, Party.ISSUER, "consumption", request_id):
                    answers.append(await issuer.consumption(request_id, row.brand, card.number))
        except GatewayRefused:
            return []
        return answers

    async def _kept(
        self, card: OpenedCard, quote_id: str, answers: list[Answer], reason: EndReason | None
    ) -> RecheckFacts:
        async with self._database.transaction() as session:
            row = await cards.load_for_update(session, card.row.id)
            quote = await session.get_one(QuoteRow, quote_id, with_for_update=True)
            await self._asking.write(session, card, answers)
            facts = {"quote": quote_id, "status": heard(answers).status.value, "reason": reason.value if reason else ""}
            what = "payout.card_changed" if reason else "payout.card_confirmed"
            await cards.record(session, row.id, Change(Stage.PAYOUT, WaitingFor.MACHINE, None, what, facts))
            if reason is not None:
                await _void(session, row, quote)
        return RecheckFacts(reason)


def _quoted(card: CardRow, before: PartyAnswer) -> int:
    """Return what the quote was made for, in minor units of the card's own currency: the quote's basis may be converted."""
    balance = None if before.balance is None else before.balance.amount_minor
    return min((minor for minor in (balance, card.face_value_minor) if minor is not None), default=0)


async def _void(session: AsyncSession, card: CardRow, quote: QuoteRow) -> None:
    """Reverse what the acceptance posted, once."""
    if quote.state is not QuoteState.ACCEPTED:
        return
    quote.state = QuoteState.VOIDED
    owner = (await session.get_one(SubmissionRow, card.submission_id)).owner
    postings = owed_reversed(owner, Money(quote.amount_minor, quote.currency))
    await ledger.post(session, f"{quote.id}:voided", card.id, "offer_voided", postings)


def _is_recheck(answer: Answer) -> bool:
    return f"-{STEP}-" in answer.request_id
