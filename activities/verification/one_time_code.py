"""The issuer's one-time code: sent to the seller's telephone on our request, and checked by the issuer alone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.failures import translated
from database.once import insert_once
from database.repositories import cards
from database.sealed import payee_of, phone_of
from database.tables.cards import AnswerRow, DynamicCodeRow, SubmissionRow
from database.tables.columns import now
from database.tables.people import SellerRow
from domain.cards.facts import CodeChecked, CodeSent
from domain.cards.verification import DynamicCodeResult, Party
from domain.identifiers import request_key
from domain.places import business_day
from domain.rules.limits import limits_in_force
from gateways.issuer import CodeChecked as IssuersVerdict
from services.cards.provider_calls import OpenedCard, ProviderCaller, answer_of_call, verification

CODE_DIGITS_OF_KEY = 8


class DynamicCodes(ProviderCaller):
    """Has codes sent and checked; repeating a call sends no second code and costs no second try."""

    @activity.defn(name="verification.send_code")
    @translated
    async def send_code(self, card_id: str, number: int) -> CodeSent:
        """Have the issuer send its `number`-th code (from 1) for this card to the owner's phone."""
        card = await self._asking.opened(card_id)
        phone, locale = await self._contact(card)
        request_id = request_key(card_id, "code", number)
        async with self._asking.failures_recorded(card, Party.ISSUER, "send_code", request_id):
            sent = await self._parties.issuer.send_code(request_id, card.row.brand, card.number, phone, locale)
        facts = {"number": str(number), "sent_to": sent.sent_to}
        async with self._database.transaction() as session:
            # A code sent again under the same number keeps its tries.
            await insert_once(session, _code_row(card_id, number, sent.expires_at), "id")
            await self._asking.write(session, card, [answer_of_call(Party.ISSUER, sent.call)])
            await cards.record(session, card_id, verification("verification.code_sent", facts))
        return CodeSent(number, sent.expires_at.isoformat())

    @activity.defn(name="verification.check_code")
    @translated
    async def check_code(self, card_id: str, number: int, code: str) -> CodeChecked:
        """Right, wrong or expired; `tries_left` counts over all codes of the card, and only a wrong one costs a try."""
        card = await self._asking.opened(card_id)
        # Part of the request id, so that the same code asked twice is one try and another code is another.
        key = self._keyring.index(f"{card_id}:{code}", purpose="dynamic_code")[:CODE_DIGITS_OF_KEY]
        request_id = request_key(card_id, f"code-{key}", number)
        async with self._asking.failures_recorded(card, Party.ISSUER, "check_code", request_id):
            verdict = await self._parties.issuer.check_code(request_id, card.row.brand, card.number, code)
        return await self._judged(card, number, request_id, verdict)

    async def _judged(self, card: OpenedCard, number: int, request_id: str, verdict: IssuersVerdict) -> CodeChecked:
        most = limits_in_force(business_day(now())).code_tries_max
        async with self._database.transaction() as session:
            heard_before = await _heard_before(session, card.row.id, number, request_id)
            wrong = await _count_try(session, card.row.id, number, verdict.result, again=heard_before)
            left = max(0, most - wrong)
            if verdict.result is DynamicCodeResult.WRONG:
                left = min(left, verdict.tries_left)
            if not heard_before:
                await self._asking.write(session, card, [answer_of_call(Party.ISSUER, verdict.call)])
            facts = {"result": verdict.result.value, "tries_left": str(left)}
            waiting = verification(
                "verification.code_checked", facts, waiting_for=card.row.waiting_for, until=card.row.until
            )
            await cards.record(session, card.row.id, waiting)
        return CodeChecked(verdict.result, left)

    async def _contact(self, card: OpenedCard) -> tuple[str, str]:
        """Telephone and language of the card's owner; a partner names the payee's telephone (see `Intake.submit`)."""
        async with self._database.transaction() as session:
            submission = await session.get_one(SubmissionRow, card.row.submission_id)
            kind, _, owner_id = submission.owner.partition(":")
            seller = await session.get_one(SellerRow, owner_id) if kind == "seller" else None
        if seller is not None:
            return phone_of(self._keyring, seller), submission.locale
        return payee_of(self._keyring, submission)[0], submission.locale


async def _heard_before(session: AsyncSession, card_id: str, number: int, request_id: str) -> bool:
    """Return whether this code was already checked: by an attempt whose result was lost, or typed again."""
    await session.get_one(DynamicCodeRow, _code_id(card_id, number), with_for_update=True)
    known = select(exists().where(AnswerRow.request_id == request_id, AnswerRow.failure.is_(None)))
    return bool((await session.execute(known)).scalar_one())


async def _count_try(
    session: AsyncSession, card_id: str, number: int, result: DynamicCodeResult, *, again: bool
) -> int:
    """Writes the result down; returns how many wrong codes were entered for the card so far, each code counted once."""
    row = await session.get_one(DynamicCodeRow, _code_id(card_id, number), with_for_update=True)
    row.result = result.value
    row.tries += result is DynamicCodeResult.WRONG and not again
    await session.flush()
    counted = select(func.coalesce(func.sum(DynamicCodeRow.tries), 0)).where(DynamicCodeRow.card_id == card_id)
    return int((await session.execute(counted)).scalar_one())


def _code_row(card_id: str, number: int, expires_at: datetime) -> DynamicCodeRow:
    return DynamicCodeRow(id=_code_id(card_id, number), card_id=card_id, number=number, expires_at=expires_at)


def _code_id(card_id: str, number: int) -> str:
    return request_key(card_id, "code", number)
