"""Ask the issuer once more right before payment: between quote and acceptance a card can be emptied or frozen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.failures import translated
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.tables.intake import CardEventRow, CardRow, SubmissionRow
from database.tables.payout import PayoutRow
from database.tables.pricing import QuoteRow
from domain.cards.card import CardStatus, CardType, EndReason, Stage, WaitingFor
from domain.cards.facts import RecheckFacts
from domain.cards.pricing import QuoteState
from domain.cards.verification import Answer, Party
from domain.finance.ledger import owed_reversed
from domain.identifiers import payout_key, request_key
from domain.money import Money
from domain.rules.assessment import PartyAnswer, heard
from domain.rules.recheck import still_buyable
from gateways.errors import GatewayRefused, GatewayUnavailable
from services.cards.provider_calls import Asker, OpenedCard, answers_about

STEP, PURCHASES_STEP = "recheck", "recheck-purchases"
CONFIRMED, VOID = "payout.card_confirmed", "payout.card_changed"
# Longer than an attempt that Temporal has given up can run on: it must not void a quote that is being paid.
CONFIRMED_FOR = timedelta(minutes=5)
_EVENT: Any = CardEventRow


class Rechecks(Asker):
    """The last look at a card before money is sent for it."""

    @activity.defn(name="verification.recheck")
    @translated
    async def recheck(self, card_id: str, quote_id: str, attempt: int = 1) -> RecheckFacts:
        """Compare the card with its accepted quote before the `attempt`-th payment; the answers become evidence.

        Where the quote no longer holds, the debt to the seller is reversed in the same transaction, and that verdict is
        final. A card that a person approved without the issuer's word is not asked about again. Raises GatewayUnavailable
        when nothing is known, also when the issuer refuses the request: that is a fault between us, not one of the card.
        """
        card = await self._asking.opened(card_id)
        async with self._database.transaction() as session:
            if await session.get(PayoutRow, payout_key(card_id, attempt)) is not None:
                return RecheckFacts(None)  # Ordered already: what the gateway says counts now.
            known = await self._verdict(session, card_id, quote_id)
            earlier = [answer for answer in await answers_about(session, card.row) if not is_recheck(answer)]
        before = heard(earlier)
        if known is not None or before.status is CardStatus.UNKNOWN:
            return known or RecheckFacts(None)
        answers = await self._asked_again(card, int(quote_id.rpartition(":")[2]), attempt)
        reason = still_buyable(before, heard(answers), _quoted(card.row, before))
        return await self._kept(card, quote_id, answers, reason)

    async def _asked_again(self, card: OpenedCard, number: int, attempt: int) -> list[Answer]:
        """Return the issuer's answers. A card that it does not know is an answer; a refused request is none."""
        row, issuer = card.row, self._parties.issuer
        again = (
            f"-{attempt}" if attempt > 1 else ""
        )  # A question of its own: the issuer repeats its answer to an old one.
        request_id = request_key(row.id, f"{STEP}{again}", number)
        try:
            async with self._asking.failures_recorded(card, Party.ISSUER, "inquire", request_id):
                answers = [await issuer.inquire(request_id, row.brand, card.number, card.pin)]
            if row.card_type is CardType.ECOMMERCE:
                request_id = request_key(row.id, f"{PURCHASES_STEP}{again}", number)
                async with self._asking.failures_recorded(card, Party.ISSUER, "consumption", request_id):
                    answers.append(await issuer.consumption(request_id, row.brand, card.number))
        except GatewayRefused as refused:
            raise GatewayUnavailable(refused.system, f"refused_{refused.code}") from None
        return answers

    async def _verdict(self, session: AsyncSession, card_id: str, quote_id: str) -> RecheckFacts | None:
        """Return the verdict on the quote that still counts: a void one always, a confirmation for CONFIRMED_FOR.

        An earlier attempt may have committed without Temporal hearing of it, or may still run beside this one.
        """
        told = (_EVENT.card_id == card_id, _EVENT.what.in_((CONFIRMED, VOID)), _EVENT.facts["quote"].astext == quote_id)
        newest = select(CardEventRow).where(*told).order_by(_EVENT.what == VOID, _EVENT.id)
        found = (await session.execute(newest)).scalars().all()
        if not found or (found[-1].what == CONFIRMED and found[-1].at < self._now() - CONFIRMED_FOR):
            return None
        return RecheckFacts(EndReason(found[-1].facts["reason"]) if found[-1].what == VOID else None)

    async def _kept(
        self, card: OpenedCard, quote_id: str, answers: list[Answer], reason: EndReason | None
    ) -> RecheckFacts:
        async with self._database.transaction() as session:
            row = await cards.load_for_update(session, card.row.id)
            quote = await session.get_one(QuoteRow, quote_id, with_for_update=True)
            known = await self._verdict(session, row.id, quote_id)  # Of an attempt that was faster.
            if known is not None:
                return known
            await self._asking.write(session, card, answers)
            facts = {"quote": quote_id, "status": heard(answers).status.value, "reason": reason.value if reason else ""}
            change = Change(Stage.PAYOUT, WaitingFor.MACHINE, None, VOID if reason else CONFIRMED, facts)
            await cards.record(session, row.id, change)
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


def is_recheck(answer: Answer) -> bool:
    """Whether the answer was given right before a payment."""
    return f"-{STEP}-" in answer.request_id
