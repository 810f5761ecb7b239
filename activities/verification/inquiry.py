"""The outside is asked what a card is worth: issuers, stores and outlets; every call is recorded with its cost."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.failures import translated
from activities.verification.one_time_code import DynamicCodes
from activities.verification.outlets import Outlets
from activities.verification.recheck import Rechecks
from database.repositories import cards
from database.tables.cards import AnswerRow, CardRow
from domain.cards.card import CardStatus, CardType
from domain.cards.facts import ChannelFacts, VerifiedFacts
from domain.cards.verification import CONSEQUENCES, Answer, Consequence, Party
from domain.identifiers import request_key
from domain.money import Money
from domain.places import business_day, zoned
from domain.rules.assessment import PartyAnswer, heard
from domain.rules.limits import limits_in_force
from services.cards.provider_calls import OpenedCard, answer_of_call, answers_about, verification

NO_CHANNEL = ChannelFacts(licensed=False, lock_id="", rate="", expires_at="")


class Verification(DynamicCodes, Outlets, Rechecks):
    """Asks issuers, stores, outlets and the cross-border desk. Gateways' failures reach Temporal translated."""

    @activity.defn(name="verification.ask_issuer")
    @translated
    async def ask_issuer(self, card_id: str) -> VerifiedFacts:
        """Status and balance of the card; e-commerce cards that could be bought are asked for their purchases too."""
        card = await self._asking.opened(card_id)
        answers = [await self._inquired(card)]
        usable = CONSEQUENCES[answers[0].status][0] is Consequence.PROCEED
        if card.row.card_type is CardType.ECOMMERCE and usable:
            answers.append(await self._purchases(card))
        return await self._asking.conclude(card, answers, "verification.issuer_answered")

    @activity.defn(name="verification.ask_store")
    @translated
    async def ask_store(self, card_id: str, again: int = 0) -> VerifiedFacts:
        """Ask whether the store's till would take the card; the `again`-th look that a reviewer wanted is a request of its own."""
        card = await self._asking.opened(card_id)
        step, number = ("check-again", again) if again else ("check", card.row.fields_revision)
        request_id = request_key(card_id, step, number)
        async with self._asking.failures_recorded(card, Party.POS, "check", request_id):
            answer = await self._parties.pos.check(request_id, card.row.brand, card.number, card.pin)
        return await self._asking.conclude(card, [answer], "verification.store_answered")

    @activity.defn(name="verification.record_silence")
    @translated
    async def record_silence(self, card_id: str, party: Party) -> VerifiedFacts:
        """Record that a party gave no answer in time: as an unknown card, which a person decides on."""
        card = await self._asking.opened(card_id)
        request_id = request_key(card_id, "silence", card.row.fields_revision)
        silence = Answer(party, "silence", request_id, CardStatus.UNKNOWN, None, None, 0, 0)
        return await self._asking.conclude(card, [silence], "verification.silence")

    @activity.defn(name="verification.open_channel")
    @translated
    async def open_channel(self, card_id: str) -> ChannelFacts:
        """Ask whether the brand's cross-border channel is licensed today, and then for a rate held for the offer."""
        card = await self._asking.opened(card_id)
        request_id = request_key(card_id, "licence", card.row.fields_revision)
        async with self._asking.failures_recorded(card, Party.FX, "licence", request_id):
            answered = await self._parties.fx.licence(request_id, card.row.brand, business_day(self._now()))
        licence = answer_of_call(Party.FX, answered.call)
        if not answered.licence.licensed:
            await self._written(card, [licence], "verification.channel_not_licensed")
            return NO_CHANNEL
        rate, facts = await self._locked(card)
        await self._written(card, [licence, rate], "verification.rate_locked", rate=facts.rate)
        return facts

    async def _inquired(self, card: OpenedCard) -> Answer:
        request_id = request_key(card.row.id, "inquire", card.row.fields_revision)
        async with self._asking.failures_recorded(card, Party.ISSUER, "inquire", request_id):
            return await self._parties.issuer.inquire(request_id, card.row.brand, card.number, card.pin)

    async def _purchases(self, card: OpenedCard) -> Answer:
        request_id = request_key(card.row.id, "consumption", card.row.fields_revision)
        async with self._asking.failures_recorded(card, Party.ISSUER, "consumption", request_id):
            return await self._parties.issuer.consumption(request_id, card.row.brand, card.number)

    async def _locked(self, card: OpenedCard) -> tuple[Answer, ChannelFacts]:
        lasts_s = limits_in_force(business_day(self._now())).rate_lock_lasts_s
        async with self._database.transaction() as session:
            amount = _worth(card.row, heard(await answers_about(session, card.row)))
            request_id = await self._lock_id(session, card.row)
        async with self._asking.failures_recorded(card, Party.FX, "lock", request_id):
            locked = await self._parties.fx.lock(request_id, amount, lasts_s)
        facts = ChannelFacts(True, locked.rate.lock_id, locked.rate.rate, locked.rate.expires_at)
        said = replace(
            locked.call, details={**locked.call.details, "locked_at": self._now().isoformat(), "source": Party.FX.value}
        )
        return answer_of_call(Party.FX, said), facts

    async def _lock_id(self, session: AsyncSession, card: CardRow) -> str:
        """The request id of the lock that is wanted now: a repeated call gets the lock that holds; one that ran out, or was
        made for other fields, is followed by a new one."""
        made = (AnswerRow.card_id == card.id, AnswerRow.operation == "lock", AnswerRow.failure.is_(None))
        rows = (await session.execute(select(AnswerRow).where(*made))).scalars().all()
        over = {row.request_id for row in rows if not self._holds(row, card)}
        return request_key(card.id, "rate-lock", len(over) + 1)

    def _holds(self, row: AnswerRow, card: CardRow) -> bool:
        """Whether the lock is of these fields and still lasts; one whose stored end has no zone counts as over."""
        ends = zoned(row.details["expires_at"])
        return row.fields_revision == card.fields_revision and ends is not None and ends > self._now()

    async def _written(self, card: OpenedCard, answers: list[Answer], what: str, **facts: str) -> None:
        async with self._database.plain() as plain:
            await self._asking.write(plain, card, answers)
            await cards.note(plain, card.row.id, verification(what, facts))


def _worth(card: CardRow, answer: PartyAnswer) -> Money:
    """What is to be converted: the verified balance in the card's currency, else the claimed value, at least one minor unit."""
    verified = answer.balance if answer.balance and answer.balance.currency is card.currency else None
    known = verified or Money(card.face_value_minor or 0, card.currency)
    return Money(max(1, known.amount_minor), card.currency)
