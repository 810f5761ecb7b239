"""Partner outlets confirm regional cards: a person there is asked through the gateway and answers by a signed report."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from temporalio import activity

from activities.failures import translated
from database.once import insert_once
from database.repositories import cards
from database.tables.cards import OutletRequestRow, OutletRow
from domain.cards.card import CardStatus, WaitingFor
from domain.cards.facts import OutletAsked, VerifiedFacts
from domain.cards.verification import Answer, Party
from domain.identifiers import request_key
from domain.places import business_day
from domain.rules.limits import limits_in_force
from gateways.errors import GatewayRefused
from gateways.outlet import Verdict
from services.cards.provider_calls import OpenedCard, ProviderCaller, answer_of_call, claims_of, verification
from services.work import sla

UNKNOWN_OUTLET = "unknown_outlet"


class Outlets(ProviderCaller):
    """Asks outlets, and reads their answers from our own rows."""

    @activity.defn(name="verification.ask_outlet")
    @translated
    async def ask_outlet(self, card_id: str, again: int = 0) -> OutletAsked:
        """Puts the card before an outlet of its brand; the `again`-th look that a reviewer wanted is a request of its own.

        Where no outlet takes it the deadline is now: the silence is recorded at once, and a person decides.
        """
        card = await self._asking.opened(card_id)
        step, number = ("outlet-again", again) if again else ("outlet", card.row.fields_revision)
        request_id = request_key(card_id, step, number)
        lasts = timedelta(seconds=limits_in_force(business_day(self._now())).outlet_answers_within_s)
        deadline = self._now() + lasts
        for outlet in await self._outlets(card.row.brand):
            if await self._put(card, outlet, request_id, deadline):
                return OutletAsked(request_id, deadline.isoformat())
        return OutletAsked(request_id, self._now().isoformat())

    @activity.defn(name="verification.record_outlet_report")
    @translated
    async def record_outlet_report(
        self, card_id: str, request_id: str, confirmed: bool
    ) -> VerifiedFacts:  # Recorded histories carry it.
        """Turn the answer on the request's own row into the outlet's answer: confirmed for the face value, or denied.

        The Signal only says that there is one. A report that no row of this card holds counts as silence, so that a
        message that others wrote into Temporal buys nothing.
        """
        card = await self._asking.opened(card_id)
        async with self._database.transaction() as session:
            request = await session.get(OutletRequestRow, request_id)
        if request is None or request.card_id != card_id or request.answered_at is None:
            silence = Answer(Party.OUTLET, "silence", request_id, CardStatus.UNKNOWN, None, None, 0, 0)
            return await self._asking.conclude(card, [silence], "verification.silence")
        confirmed = request.answer == Verdict.CONFIRMED
        face = claims_of(card.row).face_value
        status = CardStatus.ACTIVE if confirmed else CardStatus.UNKNOWN
        details = {"outlet": "confirmed" if confirmed else "denied"}
        answer = Answer(Party.OUTLET, "confirm", request_id, status, face if confirmed else None, None, 0, 0, details)
        return await self._asking.conclude(card, [answer], "verification.outlet_answered", denied=not confirmed)

    async def _outlets(self, brand_code: str) -> list[OutletRow]:
        serving = select(OutletRow).where(OutletRow.brand == brand_code, OutletRow.active).order_by(OutletRow.code)
        async with self._database.transaction() as session:
            return list((await session.execute(serving)).scalars())

    async def _put(self, card: OpenedCard, outlet: OutletRow, request_id: str, deadline: datetime) -> bool:
        """Whether the outlet took the request; one that the gateway does not know is passed over."""
        try:
            async with self._asking.failures_recorded(card, Party.OUTLET, "ask", request_id):
                asked = await self._parties.outlet.ask(
                    request_id, outlet.code, card.row.brand, card.number, self._parties.outlet_callback_url, deadline
                )
        except GatewayRefused as refused:
            if refused.code != UNKNOWN_OUTLET:
                raise
            return False
        facts = {"outlet": outlet.code}
        moved = verification("verification.outlet_asked", facts, waiting_for=WaitingFor.OUTLET, until=deadline)
        async with self._database.transaction() as session:
            # A request put again keeps the answer that it may have had in between.
            await insert_once(
                session, OutletRequestRow(id=request_id, card_id=card.row.id, outlet_code=outlet.code), "id"
            )
            await self._asking.write(session, card, [answer_of_call(Party.OUTLET, asked.call)])
            await cards.record(session, card.row.id, moved)
            await sla.follow(session, card.row.id, WaitingFor.OUTLET, self._now())
        return True
