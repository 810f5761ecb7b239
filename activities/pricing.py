"""The rules run here and nowhere else: a quote with its breakdown and assessment, and what becomes of the quote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import structlog
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity

from activities.counting import OFFERS
from activities.failures import translated
from database.once import insert_once
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from domain import identifiers
from domain.cards.card import CardStatus, CardType, Stage, WaitingFor
from domain.cards.facts import OfferFacts, ValuedFacts
from domain.cards.pricing import QuoteState, Valuation
from domain.cards.review import ReviewReason
from domain.cards.verification import Answer
from domain.finance.ledger import owed
from domain.money import Currency, Money
from domain.places import business_day, zoned
from domain.rules.assessment import PartyAnswer, heard, reasons_of
from domain.rules.brands import brand
from domain.rules.limits import limits_in_force
from domain.rules.prices import CardToPrice, tables_in_force
from domain.rules.reading import reading_in_force
from domain.rules.velocity import velocity_in_force
from domain.sealing import KeyRing
from services.cards import velocity
from services.cards.assessment_inputs import AssessmentInputs, assessment_inputs_of
from services.cards.provider_calls import answers_about
from services.cards.stock import Stock
from services.work import sla

_log = structlog.get_logger()
OF_STATE = {
    QuoteState.ACCEPTED: "offer.accepted",
    QuoteState.DECLINED: "offer.declined",
    QuoteState.LAPSED: "offer.lapsed",
}


class Pricing:
    """Values cards and keeps quotes. Tables and limits are those in force on the day."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        stock: Stock,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._stock = stock
        self._now = now

    @activity.defn(name="pricing.value")
    @translated
    async def value(self, card_id: str, number: int) -> ValuedFacts:
        """Make the card's `number`-th quote (from 1) with its reasons for review; made once however often it is asked for."""
        async with self._database.transaction() as session:
            card = await cards.load(session, card_id)
            answers = await answers_about(session, card)
            inputs = await assessment_inputs_of(session, self._keyring, card)
            stock = await self._stock.of(session, card.brand)
            answer, lock = heard(answers), _locked_rate(answers)
            valuation = self._valuation(card, answer, lock, stock)
            reasons = self._reasons(card, answer, inputs, valuation)
            reasons += await self._too_fast(session, card, inputs, valuation)
            reasons += await self._spendable(
                session, card, inputs, valuation, known=answer.status is not CardStatus.UNKNOWN
            )
            row = _quote_row(card, number, valuation, reasons, stock, lock)
            if await insert_once(session, row, "id"):
                await _replace_earlier(session, row, number)
                await cards.note(session, card_id, _valued(row))
            else:
                row = await session.get_one(QuoteRow, row.id)
        return ValuedFacts(row.id, row.amount_minor, tuple(row.review_reasons), row.rule_set, row.rule_version)

    @activity.defn(name="pricing.offer")
    @translated
    async def offer(self, card_id: str, quote_id: str) -> OfferFacts:
        """Puts the quote before the seller until it runs out, or accepts it where their standing acceptance is met."""
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            quote = await session.get_one(QuoteRow, quote_id, with_for_update=True)
            if fresh := quote.expires_at is None and card.outcome is None:
                await self._put_before_seller(session, card, quote)
        if fresh and quote.offered_at is not None:
            OFFERS.observe((quote.offered_at - card.created_at).total_seconds())
        ends = quote.expires_at or self._now()
        left = max(0, round((ends - self._now()).total_seconds()))
        return OfferFacts(ends.isoformat(), left, quote.state is QuoteState.ACCEPTED)

    @activity.defn(name="pricing.close")
    @translated
    async def close(self, card_id: str, quote_id: str, state: QuoteState) -> None:
        """Close the quote as accepted, declined or lapsed; an acceptance posts what is owed. A closed quote stays closed."""
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            quote = await session.get_one(QuoteRow, quote_id, with_for_update=True)
            if quote.state is QuoteState.OPEN:
                await self._closed(session, card, quote, state)

    async def _put_before_seller(self, session: AsyncSession, card: CardRow, quote: QuoteRow) -> None:
        floor = card.accept_at_or_above_minor
        quote.offered_at = self._now()
        if not await cards.hold_number(session, card.id):
            # Another card with this number is offered or bought: this one gets an offer that is over at once.
            quote.expires_at = quote.offered_at
            change = Change(Stage.OFFER, WaitingFor.MACHINE, None, "offer.withheld", {"quote": quote.id})
            await cards.note(session, card.id, change)
            return
        quote.expires_at = self._expiry(card.card_type, quote)
        if floor is not None and quote.amount_minor >= floor:
            await self._closed(session, card, quote, QuoteState.ACCEPTED, standing="true")
            return
        facts = {"quote": quote.id, "amount": str(Money(quote.amount_minor, quote.currency))}
        change = Change(Stage.OFFER, WaitingFor.SELLER_OFFER, quote.expires_at, "offer.made", facts)
        await cards.note(session, card.id, change)
        await sla.follow(session, card.id, WaitingFor.SELLER_OFFER, self._now())

    async def _closed(
        self, session: AsyncSession, card: CardRow, quote: QuoteRow, state: QuoteState, **facts: str
    ) -> None:
        amount = Money(quote.amount_minor, quote.currency)
        submission = await session.get_one(SubmissionRow, card.submission_id)
        quote.state, quote.answered_at = state, self._now()
        if state is QuoteState.ACCEPTED:
            lines, cause = owed(submission.owner, amount), f"quote:{quote.id}"
            await ledger.post(session, f"{quote.id}:owed", card.id, "owed", lines, cause=cause)
        actor = "machine" if state is QuoteState.LAPSED else submission.owner
        posted = {"quote": quote.id, "amount": str(amount), **facts}
        change = Change(Stage.OFFER, WaitingFor.MACHINE, None, OF_STATE[state], posted, actor=actor)
        await cards.note(session, card.id, change)
        await sla.follow(session, card.id, WaitingFor.MACHINE, self._now())

    def _expiry(self, card_type: CardType, quote: QuoteRow) -> datetime:
        """A foreign card's offer ends with its locked rate; one that ran out while a person looked, or whose stored end has no
        zone, still gets the shortest term."""
        limits = limits_in_force(business_day(self._now()))
        ends = self._now() + timedelta(seconds=limits.quote_lasts_s[card_type])
        locked_until = quote.locked_rate.get("expires_at")
        if locked_until is None:
            return ends
        at_least = self._now() + timedelta(seconds=min(limits.quote_lasts_s.values()))
        return max(at_least, min(ends, zoned(locked_until) or at_least))

    def _valuation(self, card: CardRow, answer: PartyAnswer, lock: dict[str, str], stock: int) -> Valuation:
        """Price on the verified balance; without one, on the face value that a person then decides on."""
        verified = answer.balance if answer.balance and answer.balance.currency is card.currency else None
        balance = verified or Money(card.face_value_minor or 0, card.currency)
        expires_on = answer.expires_on or card.expires_on
        kind, moment = brand(card.brand), self._now()
        priced = CardToPrice(
            brand=kind,
            balance=balance,
            days_left=None if expires_on is None else max(0, (expires_on - kind.today(moment)).days),
            stock=stock,
            rate=Decimal(lock["rate"]) if lock else None,
        )
        return tables_in_force(business_day(moment)).value(priced)

    def _reasons(self, card: CardRow, answer: PartyAnswer, inputs: AssessmentInputs, valuation: Valuation) -> list[str]:
        """What the rules find, without what a reviewer has approved already."""
        limits = limits_in_force(business_day(self._now()))
        worth = valuation.quote if valuation.quote.currency is Currency.CNY else None
        found = reasons_of(replace(inputs.claims, card_type=card.card_type), answer, worth, limits)
        if answer.balance is not None and answer.balance.currency is not card.currency:
            found = tuple(dict.fromkeys((*found, ReviewReason.CONFLICTING_ANSWERS)))
        return [reason.value for reason in found if reason not in inputs.approved]

    async def _too_fast(
        self, session: AsyncSession, card: CardRow, inputs: AssessmentInputs, valuation: Valuation
    ) -> list[str]:
        """The reason for review where this quote would commit more than a machine may within an hour or a day."""
        if ReviewReason.VELOCITY in inputs.approved or not valuation.quote.amount_minor:
            return []
        broken = await velocity.beyond(session, card, valuation.quote.amount_minor, self._now())
        if broken:
            _log.warning("velocity_cap", card_id=card.id, caps=broken)
        return [ReviewReason.VELOCITY.value] if broken else []

    async def _spendable(
        self, session: AsyncSession, card: CardRow, inputs: AssessmentInputs, valuation: Valuation, *, known: bool
    ) -> list[str]:
        """The reason for review where the seller can spend the card after the payment and a machine may not risk so much."""
        if ReviewReason.SPENDABLE in inputs.approved or not valuation.quote.amount_minor:
            return []
        broken = await velocity.beyond_unsecured(session, card, valuation.quote.amount_minor, self._now(), known=known)
        return [ReviewReason.SPENDABLE.value] if broken else []


def _locked_rate(answers: list[Answer]) -> dict[str, str]:
    """The rate that was last locked for these fields, with its source and moment; empty for cards in CNY."""
    locks = [answer.details for answer in answers if answer.operation == "lock"]
    kept = ("lock_id", "rate", "expires_at", "source", "locked_at")  # The last two are not of locks from before.
    return {name: locks[-1][name] for name in kept if name in locks[-1]} if locks else {}


def _quote_row(
    card: CardRow, number: int, valuation: Valuation, reasons: list[str], stock: int, lock: dict[str, str]
) -> QuoteRow:
    today = business_day(datetime.now(UTC))
    tables = tables_in_force(today)
    return QuoteRow(
        id=identifiers.quote(card.id, number),
        card_id=card.id,
        fields_revision=card.fields_revision,
        amount_minor=valuation.quote.amount_minor,
        currency=valuation.quote.currency,
        rate_bp=valuation.rate_bp,
        lines=[_line(line) for line in valuation.lines],
        internal={
            "basis_minor": valuation.basis.amount_minor,
            "resale_minor": valuation.resale.amount_minor,
            "resale_rate_bp": valuation.resale_rate_bp,
            "service_fee_minor": valuation.service_fee.amount_minor,
            "spread_minor": valuation.spread.amount_minor,
            "stock": stock,
            "stock_bp": tables.stock_bp(card.brand, stock),
            "limits_version": limits_in_force(today).version,
            "reading_version": reading_in_force(today).version,
            "velocity_version": velocity_in_force(today).version,
        },
        rule_set=valuation.rule_set,
        rule_version=valuation.rule_version,
        review_reasons=reasons,
        locked_rate=dict(lock),
    )


def _line(line: Any) -> dict[str, Any]:
    return {
        "kind": line.kind.value,
        "basis_points": line.basis_points,
        "amount_minor": line.amount.amount_minor,
        "currency": line.amount.currency.value,
    }


async def _replace_earlier(session: AsyncSession, row: QuoteRow, number: int) -> None:
    if number == 1:
        return
    earlier = (QuoteRow.card_id == row.card_id, QuoteRow.id != row.id, QuoteRow.state == QuoteState.OPEN)
    await session.execute(update(QuoteRow).where(*earlier).values(state=QuoteState.REPLACED))


def _valued(row: QuoteRow) -> Change:
    facts = {
        "quote": row.id,
        "amount": str(Money(row.amount_minor, row.currency)),
        "rules": row.rule_version,
        "review": ",".join(row.review_reasons),
    }
    return Change(Stage.PRICING, WaitingFor.MACHINE, None, "pricing.valued", facts)
