"""Have the issuer lock or redeem a card before it is paid for: one key per request, and what is not known is only asked about."""

from __future__ import annotations

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.cards import Change
from database.tables.cards import AnswerRow, CardEventRow
from database.tables.finance.payout import PayoutRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.verification import HOLDS, Held, Party
from domain.finance.payout import PayoutState
from domain.identifiers import request_key
from domain.money import Money
from gateways.issuer import CardHeld, IssuerGateway
from services.cards.provider_calls import OpenedCard, ProviderCalls, answer_of_call

STEP = "secure"
ASKED, RELEASED = "payout.card_secured_asked", "payout.card_released"
OPERATIONS = ("secure", "secure_state", "secure_release")


class Securing:
    """Asks the issuer to hold cards for us, what became of that, and to release them again."""

    def __init__(self, asking: ProviderCalls, issuer: IssuerGateway) -> None:
        self._asking = asking
        self._issuer = issuer

    async def held(self, card: OpenedCard, request_id: str, least: Money) -> CardHeld:
        """Ask what became of a request. Raises GatewayUnavailable while it is not known, GatewayRefused."""
        async with self._asking.failures_recorded(card, Party.ISSUER, "secure_state", request_id):
            return await self._issuer.held(request_id, card.row.brand, card.number, least)

    async def secure(self, card: OpenedCard, request_id: str, least: Money) -> CardHeld:
        """Send a request; under a key that the issuer knows it has no second effect. Raises as `held` does."""
        how, brand = card.brand.secures, card.row.brand
        async with self._asking.failures_recorded(card, Party.ISSUER, "secure", request_id):
            return await self._issuer.secure(request_id, brand, card.number, card.pin, how, least)

    async def let_go(self, card: OpenedCard, quote_id: str) -> None:
        """Release the card where it is locked for this quote, which is void, and no payment for it is made or under way."""
        async with self._asking.database.transaction() as session:
            request_id = await _locked(session, card.row.id, quote_id)
        if request_id is None:
            return
        async with self._asking.failures_recorded(card, Party.ISSUER, "secure_release", request_id):
            answer = await self._issuer.release(request_id, card.row.brand, card.number)
        async with self._asking.database.transaction() as session:
            await self._asking.write(session, card, [answer_of_call(Party.ISSUER, answer.call)])
            facts = {"quote": quote_id, "request": request_id, "result": answer.held.value}
            await cards.record(session, card.row.id, Change(Stage.PAYOUT, WaitingFor.MACHINE, None, RELEASED, facts))


async def asked_for(session: AsyncSession, card_id: str, quote_id: str) -> list[str]:
    """Return the request ids under which the card was to be secured for this quote, oldest first."""
    requested = (
        CardEventRow.card_id == card_id,
        CardEventRow.what == ASKED,
        CardEventRow.facts["quote"].astext == quote_id,
    )
    return list(
        (
            await session.execute(
                select(CardEventRow.facts["request"].astext).where(*requested).order_by(CardEventRow.id)
            )
        ).scalars()
    )


def next_request(card_id: str, quote_id: str, asked: list[str]) -> str:
    """Return the key of a request beside those that were made: one more only after the card was released again."""
    again = f"-{len(asked) + 1}" if asked else ""
    return request_key(card_id, f"{STEP}{again}", int(quote_id.rpartition(":")[2]))


async def write_request(session: AsyncSession, card_id: str, quote_id: str, request_id: str) -> None:
    """Write the request down before it is sent, once; the caller holds the card."""
    if request_id in await asked_for(session, card_id, quote_id):
        return
    facts = {"quote": quote_id, "request": request_id}
    await cards.record(session, card_id, Change(Stage.PAYOUT, WaitingFor.MACHINE, None, ASKED, facts))


async def is_held(session: AsyncSession, card_id: str, quote_id: str) -> bool:
    """Return whether the issuer's last answer says that it holds the card for this quote."""
    newest = await _newest(session, card_id, quote_id)
    return newest is not None and newest.details.get("result") in HOLDS


async def _locked(session: AsyncSession, card_id: str, quote_id: str) -> str | None:
    newest = await _newest(session, card_id, quote_id)
    if newest is None or newest.details.get("result") != Held.LOCKED:
        return None
    ordered = exists().where(PayoutRow.card_id == card_id, PayoutRow.state != PayoutState.REFUSED)
    return None if (await session.execute(select(ordered))).scalar_one() else newest.request_id


async def _newest(session: AsyncSession, card_id: str, quote_id: str) -> AnswerRow | None:
    asked = await asked_for(session, card_id, quote_id)
    of_quote = (AnswerRow.card_id == card_id, AnswerRow.request_id.in_(asked), AnswerRow.operation.in_(OPERATIONS))
    newest = select(AnswerRow).where(*of_quote, AnswerRow.failure.is_(None)).order_by(AnswerRow.id.desc()).limit(1)
    return (await session.execute(newest)).scalar_one_or_none()
