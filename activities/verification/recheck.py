"""Verify the card with the issuer again right before payment, and have it secured: until then it can be emptied or frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.failures import translated
from database.repositories import cards
from database.repositories.cards import Change
from database.tables.cards import CardEventRow, CardRow, QuoteRow
from database.tables.finance.payout import PayoutRow
from domain.cards.card import CardStatus, CardType, EndReason, Stage, WaitingFor
from domain.cards.facts import RecheckFacts
from domain.cards.verification import HOLDS, Answer, Held, Party, Secures
from domain.identifiers import payout_key, request_key
from domain.money import Money
from domain.places import business_day
from domain.rules.assessment import OF_WORTH, PartyAnswer, heard
from domain.rules.limits import limits_in_force
from domain.rules.recheck import still_buyable, still_held
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.issuer import SYSTEM, CardHeld
from services.cards import securing
from services.cards.confirmation import CONFIRMED, STEP, UNCONFIRMED, VOID, is_recheck
from services.cards.provider_calls import OpenedCard, ProviderCaller, answer_of_call, answers_about
from services.cards.reversing import reverse_acceptance
from services.cards.securing import Securing
from services.finance.returned import was_returned

PURCHASES_STEP = f"{STEP}-purchases"
OVER = frozenset({Held.NOT_FOUND, Held.RELEASED})  # A request that holds no card and never will.
# Longer than an attempt that Temporal has given up can run on: it must not void a quote that is being paid.
CONFIRMED_FOR = timedelta(minutes=5)


@dataclass(frozen=True)
class _Case:
    """One question before one payment: what the quote pays for, and the requests to secure the card that it led to."""

    card: OpenedCard
    quote_id: str
    attempt: int
    before: PartyAnswer
    requests: list[str]

    @property
    def quoted(self) -> Money:
        return Money(_quoted(self.card.row, self.before), self.card.row.currency)


class Rechecks(ProviderCaller):
    """The last look at a card before money is sent for it; where its issuer offers it, the card is then locked or redeemed."""

    @activity.defn(name="verification.recheck")
    @translated
    async def recheck(self, card_id: str, quote_id: str, attempt: int = 1) -> RecheckFacts:
        """Compare the card with its accepted quote before the `attempt`-th payment and secure it; the answers become evidence.

        Where the quote no longer holds, or the issuer refuses to secure the card, the debt to the seller is reversed in the
        same transaction, and that verdict is final. A card that people approved without the issuer's word is asked about
        too, and secured where the issuer knows it by now; where it does not, or is silent for longer than the
        limits' `silent_issuer_holds_s` after the acceptance, their approval counts. Raises GatewayUnavailable when nothing is known, also when the issuer refuses
        the request: that is a fault between us, not one of the card.
        """
        card = await self._asking.opened(card_id)
        async with self._database.reading() as session:
            if await session.get(PayoutRow, payout_key(card_id, attempt)) is not None:
                return RecheckFacts(None)  # Ordered already: what the gateway says counts now.
            if await was_returned(session, card_id):
                return RecheckFacts(None)  # Paid for once: the card is ours, whatever became of it since.
            known = await self._verdict(session, card_id, quote_id)
            earlier = [answer for answer in await answers_about(session, card.row) if not is_recheck(answer)]
            requests = await securing.asked_for(session, card_id, quote_id)
        case = _Case(card, quote_id, attempt, heard(earlier), requests)
        try:
            facts = known or await self._decided(case)
            if facts.end_reason is not None:
                await self._securing.let_go(card, quote_id)
        except GatewayRefused as refused:
            raise GatewayUnavailable(refused.system, f"refused_{refused.code}") from None
        except GatewayUnavailable:
            limits = limits_in_force(business_day(self._now()))
            if not await self._silent_for(case, timedelta(seconds=limits.silent_issuer_holds_s)):
                raise
            return await self._kept(case, [], None, UNCONFIRMED, limits.version)
        return facts

    async def _silent_for(self, case: _Case, span: timedelta) -> bool:
        """Whether the approval counts although no answer came for so long. Never while a request to secure the card may be under way."""
        if case.before.status is not CardStatus.UNKNOWN:
            return False
        async with self._database.reading() as session:
            quote = await session.get_one(QuoteRow, case.quote_id)
            asked = await securing.asked_for(session, case.card.row.id, case.quote_id)
        return not asked and quote.answered_at is not None and quote.answered_at < self._now() - span

    @property
    def _securing(self) -> Securing:
        return Securing(self._asking, self._parties.issuer)

    async def _decided(self, case: _Case) -> RecheckFacts:
        """Once the issuer was asked to secure the card, the result of that decides; only a released card is verified again."""
        if case.requests:
            held = await self._held(case, case.requests[-1])
            answer = answer_of_call(Party.ISSUER, held.call)
            if held.held not in OVER:
                return await self._kept(case, [answer], _why_not_held(case, held))
            async with self._database.transaction() as session:
                await self._asking.write(session, case.card, [answer])
        answers = await self._asked_again(case)
        after = heard(answers)
        reason = still_buyable(case.before, after, case.quoted.amount_minor)
        if reason is None and case.before.status is CardStatus.UNKNOWN is after.status:
            return await self._kept(case, answers, None, UNCONFIRMED)  # What it does not know, it does not lock.
        if case.card.brand.secures is Secures.NONE:
            return await self._kept(case, answers, reason)
        request_id = securing.next_request(case.card.row.id, case.quote_id, case.requests)
        # A lock of our own whose row was lost by a restore looks like another buyer's.
        if reason is not None and (await self._securing.held(case.card, request_id, case.quoted)).held not in HOLDS:
            return await self._kept(case, answers, reason)
        return await self._secured(case, answers, request_id)

    async def _held(self, case: _Case, request_id: str) -> CardHeld:
        """What became of an earlier request, sent again under its key where the issuer never received it."""
        held = await self._securing.held(case.card, request_id, case.quoted)
        if held.held is Held.NOT_FOUND and case.card.brand.secures is not Secures.NONE:
            held = await self._securing.secure(case.card, request_id, case.quoted)
        return held

    async def _secured(self, case: _Case, answers: list[Answer], request_id: str) -> RecheckFacts:
        """Write the answers and the request down before sending it, so that a successor asks about it first."""
        async with self._database.transaction() as session:
            row = await cards.load_for_update(session, case.card.row.id)
            known = await self._verdict(session, row.id, case.quote_id)  # Of an attempt that was faster.
            if known is not None:
                return known
            if row.outcome is not None:  # Cancelled meanwhile: the issuer is asked to hold nothing for us.
                return RecheckFacts(row.reason)
            await self._asking.write(session, case.card, answers)
            await securing.write_request(session, row.id, case.quote_id, request_id)
        held = await self._securing.secure(case.card, request_id, case.quoted)
        if held.held in OVER:
            raise GatewayUnavailable(
                SYSTEM, "released"
            )  # Used up before a restore: the next attempt takes the next key.
        return await self._kept(case, [answer_of_call(Party.ISSUER, held.call)], _why_not_held(case, held))

    async def _asked_again(self, case: _Case) -> list[Answer]:
        """Return the issuer's answers. A card that it does not know is an answer; a refused request is none."""
        card, row, issuer, number = (
            case.card,
            case.card.row,
            self._parties.issuer,
            int(case.quote_id.rpartition(":")[2]),
        )
        again = (
            f"-{case.attempt}" if case.attempt > 1 else ""
        )  # A question of its own: the issuer repeats its answer to an old one.
        request_id = request_key(row.id, f"{STEP}{again}", number)
        async with self._asking.failures_recorded(card, Party.ISSUER, "inquire", request_id):
            answers = [await issuer.inquire(request_id, row.brand, card.number, card.pin)]
        if row.card_type is CardType.ECOMMERCE:
            request_id = request_key(row.id, f"{PURCHASES_STEP}{again}", number)
            async with self._asking.failures_recorded(card, Party.ISSUER, "consumption", request_id):
                answers.append(await issuer.consumption(request_id, row.brand, card.number))
        return answers

    async def _verdict(self, session: AsyncSession, card_id: str, quote_id: str) -> RecheckFacts | None:
        """Return the verdict on the quote that still counts: a void one always, a confirmation for CONFIRMED_FOR.

        An earlier attempt may have committed without Temporal hearing of it, or may still run beside this one.
        """
        results = (
            CardEventRow.card_id == card_id,
            CardEventRow.what.in_((CONFIRMED, UNCONFIRMED, VOID)),
            CardEventRow.facts["quote"].astext == quote_id,
        )
        newest = select(CardEventRow).where(*results).order_by(CardEventRow.what == VOID, CardEventRow.id)
        found = (await session.execute(newest)).scalars().all()
        if not found or (found[-1].what != VOID and found[-1].at < self._now() - CONFIRMED_FOR):
            return None
        return RecheckFacts(EndReason(found[-1].facts["reason"]) if found[-1].what == VOID else None)

    async def _kept(
        self, case: _Case, answers: list[Answer], reason: EndReason | None, what: str = CONFIRMED, limits: str = ""
    ) -> RecheckFacts:
        """Write down what was found; `limits` is the version of the limits by which silence counted."""
        quote_id = case.quote_id
        async with self._database.transaction() as session:
            row = await cards.load_for_update(session, case.card.row.id)
            quote = await session.get_one(QuoteRow, quote_id, with_for_update=True)
            known = await self._verdict(session, row.id, quote_id)  # Of an attempt that was faster.
            if known is not None:
                return known
            speaks_of_card = any(answer.operation in OF_WORTH for answer in answers)
            if speaks_of_card and await securing.asked_for(session, row.id, quote_id) != case.requests:
                raise GatewayUnavailable(
                    SYSTEM, "asked_meanwhile"
                )  # What the issuer holds for us by now, it calls frozen.
            await self._asking.write(session, case.card, answers)
            secures = case.card.brand.secures if what == CONFIRMED else Secures.NONE
            facts = {
                "quote": quote_id, "status": _heard_last(answers),
                "reason": reason.value if reason else "", "secures": secures.value,
            }  # fmt: skip
            if limits:
                facts["limits"] = limits
            change = Change(Stage.PAYOUT, WaitingFor.MACHINE, None, VOID if reason else what, facts)
            await cards.record(session, row.id, change)
            if reason is not None:
                await reverse_acceptance(session, row, quote)
        return RecheckFacts(reason)


def _heard_last(answers: list[Answer]) -> str:
    if not answers:
        return "silent"
    return str(answers[-1].details.get("result") or heard(answers).status.value)


def _why_not_held(case: _Case, held: CardHeld) -> EndReason | None:
    fits = held.amount is not None and held.amount.currency is case.quoted.currency
    return still_held(held.held, held.amount.amount_minor if held.amount and fits else None, case.quoted.amount_minor)


def _quoted(card: CardRow, before: PartyAnswer) -> int:
    """Return what the quote was made for, in minor units of the card's own currency: the quote's basis may be converted."""
    balance = None if before.balance is None else before.balance.amount_minor
    return min((minor for minor in (balance, card.face_value_minor) if minor is not None), default=0)
