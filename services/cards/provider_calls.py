"""What every question to an outside party shares: the card's secrets opened for it, its answer and cost written down."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.plain import Plain, past
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import AnswerRow, CardRow
from database.tables.columns import now
from domain.cards.card import CardStatus, EndReason, Stage, WaitingFor
from domain.cards.facts import VerifiedFacts
from domain.cards.verification import CONSEQUENCES, Answer, Consequence, Party
from domain.finance.counterparties import costs_begin
from domain.finance.ledger import issuer_cost
from domain.identifiers import new_id
from domain.money import Money
from domain.ops.providers import FX_DESK, OUTLETS, Provider, issuer, store
from domain.places import business_day
from domain.rules.assessment import OF_ANSWERS, CardClaims, PartyAnswer, heard, reasons_of
from domain.rules.brands import Brand, brand
from domain.rules.limits import limits_in_force
from domain.sealing import KeyRing
from gateways.calls import CallRecord
from gateways.errors import GatewayError, GatewayUnavailable
from gateways.fx import FxGateway
from gateways.issuer import IssuerGateway
from gateways.outlet import OutletGateway
from gateways.pos import PosGateway
from services.work import sla

# Whose bill a party's answers are on, by the issuer of the card.
_PROVIDERS: Mapping[Party, Callable[[str], Provider]] = {
    Party.ISSUER: issuer,
    Party.POS: store,
    Party.OUTLET: lambda _: OUTLETS,
    Party.FX: lambda _: FX_DESK,
}


@dataclass(frozen=True)
class OpenedCard:
    """A card with its secrets open, for one question."""

    row: CardRow
    brand: Brand
    number: str = field(repr=False)
    pin: str | None = field(repr=False)


@dataclass(frozen=True)
class Parties:
    """All providers that can be queried; `outlet_callback_url` is where outlets report to."""

    issuer: IssuerGateway
    pos: PosGateway
    outlet: OutletGateway
    fx: FxGateway
    outlet_callback_url: str


class ProviderCaller:
    """Base of the classes whose activities ask someone outside."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        parties: Parties,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._parties = parties
        self._now = now
        self._asking = ProviderCalls(database, keyring)


class ProviderCalls:
    """Opens cards and writes answers down; one transaction before a call and one after it, none across it."""

    def __init__(self, database: Database, keyring: KeyRing) -> None:
        self.database = database
        self.keyring = keyring

    async def opened(self, card_id: str) -> OpenedCard:
        """Return the card in its current state. Refuses NotFound."""
        async with self.database.reading() as session:
            row = await cards.load(session, card_id)
        number = cards.open_number(self.keyring, row) or ""
        return OpenedCard(row, brand(row.brand), number, cards.open_pin(self.keyring, row))

    @asynccontextmanager
    async def failures_recorded(
        self, card: OpenedCard, party: Party, operation: str, request_id: str
    ) -> AsyncIterator[None]:
        """Record a failing call as a row too, with its failure named and the time it took; then let it fail on."""
        started = time.perf_counter()
        try:
            yield
        except GatewayError as error:
            unavailable = isinstance(error, GatewayUnavailable)
            row = AnswerRow(
                card_id=card.row.id,
                party=party,
                operation=operation,
                request_id=request_id,
                fields_revision=card.row.fields_revision,
                status=CardStatus.UNKNOWN,
                details={"reason": error.reason},
                failure="unavailable" if unavailable else f"refused:{error.reason}",
                cost_fen=0,
                latency_ms=int((time.perf_counter() - started) * 1000),
            )
            async with self.database.plain() as plain:
                await plain.insert(row, "id")
            raise

    async def write(self, way: AsyncSession | Plain, card: OpenedCard, answers: Sequence[Answer]) -> None:
        """Answers and what they cost, in the caller's transaction."""
        plain = await past(way)
        for answer in answers:
            await plain.insert(_row(card.row, answer), "id")
        await self.book_cost(plain, card, answers)

    async def book_cost(self, way: AsyncSession | Plain, card: OpenedCard, answers: Sequence[Answer]) -> None:
        """Post what each call cost; nothing for one that cost nothing. A key names provider and request, as an invoice does."""
        today, costs = business_day(now()), []
        for answer in answers:
            if answer.cost_fen:
                provider = _PROVIDERS[answer.party](card.brand.issuer).id
                key, cause = f"{costs_begin(provider)}{answer.request_id}:{new_id()}", f"answers:{card.row.id}"
                lines = issuer_cost(Money(answer.cost_fen))
                costs.append(ledger.Step(key, card.row.id, "issuer_cost", lines, today, cause=cause))
        await ledger.post_new(way, costs)

    async def conclude(
        self, card: OpenedCard, answers: Sequence[Answer], what: str, actor: str = "machine", denied: bool = False
    ) -> VerifiedFacts:
        """Writes the answers, the card's step and its evidence; returns what follows from them."""
        answer = heard(answers)
        facts = verified_facts(card.row, answer, denied)
        answered = {
            "status": answer.status.value,
            "party": answers[0].party.value,
            "consequence": facts.consequence.value,
        }
        if answer.balance is not None:
            answered["balance"] = str(answer.balance)
        async with self.database.plain() as plain:
            await self.write(plain, card, answers)
            await cards.note(plain, card.row.id, verification(what, answered, actor))
            await sla.follow(plain, card.row.id, WaitingFor.MACHINE, datetime.now(UTC))
        return facts


def verification(
    what: str,
    facts: dict[str, str],
    actor: str = "machine",
    waiting_for: WaitingFor = WaitingFor.MACHINE,
    until: datetime | None = None,
) -> Change:
    """Make the change that records a step of this stage."""
    return Change(Stage.VERIFICATION, waiting_for, until, what, facts, actor=actor)


def claims_of(card: CardRow) -> CardClaims:
    """Return what card and seller say, without what only the reading knows."""
    face = None if card.face_value_minor is None else Money(card.face_value_minor, card.currency)
    return CardClaims(card.card_type, face, card.expires_on)


def verified_facts(card: CardRow, answer: PartyAnswer, denied: bool = False) -> VerifiedFacts:
    """Derive the consequence of an answer: its status decides, then an empty balance, then what contradicts the card."""
    consequence, end_reason = CONSEQUENCES[answer.status]
    if denied:
        consequence, end_reason = Consequence.REJECT, EndReason.OUTLET_DENIED
    elif consequence is Consequence.PROCEED and answer.balance is not None and not answer.balance.amount_minor:
        consequence, end_reason = Consequence.REJECT, EndReason.NOTHING_LEFT
    limits = limits_in_force(business_day(datetime.now(UTC)))
    reasons = [one for one in reasons_of(claims_of(card), answer, None, limits) if one in OF_ANSWERS]
    return VerifiedFacts(
        status=answer.status,
        consequence=consequence,
        end_reason=end_reason,
        review_reasons=tuple(reason.value for reason in reasons),
        balance_minor=None if answer.balance is None else answer.balance.amount_minor,
        revision=card.fields_revision,
    )


def answer_of_call(party: Party, call: CallRecord, status: CardStatus = CardStatus.UNKNOWN) -> Answer:
    """Return the answer to record for a call that says nothing about the card's worth."""
    return Answer(
        party=party,
        operation=call.operation,
        request_id=call.request_id,
        status=status,
        balance=None,
        expires_on=None,
        cost_fen=call.cost_fen,
        latency_ms=call.latency_ms,
        details=call.details,
    )


async def answers_about(session: AsyncSession, card: CardRow) -> list[Answer]:
    """List what was answered about the card's present fields, oldest first; failed calls are left out."""
    statement = (
        select(AnswerRow)
        .where(
            AnswerRow.card_id == card.id, AnswerRow.fields_revision == card.fields_revision, AnswerRow.failure.is_(None)
        )
        .order_by(AnswerRow.id)
    )
    return [_answer(row) for row in (await session.execute(statement)).scalars()]


def _row(card: CardRow, answer: Answer) -> AnswerRow:
    return AnswerRow(
        card_id=card.id,
        party=answer.party,
        operation=answer.operation,
        request_id=answer.request_id,
        fields_revision=card.fields_revision,
        status=answer.status,
        balance_minor=None if answer.balance is None else answer.balance.amount_minor,
        currency=None if answer.balance is None else answer.balance.currency,
        expires_on=answer.expires_on,
        details=dict(answer.details),
        cost_fen=answer.cost_fen,
        latency_ms=answer.latency_ms,
    )


def _answer(row: AnswerRow) -> Answer:
    known = row.balance_minor is not None and row.currency is not None
    return Answer(
        party=row.party,
        operation=row.operation,
        request_id=row.request_id,
        status=row.status,
        balance=Money(row.balance_minor or 0, row.currency) if known and row.currency else None,
        expires_on=row.expires_on,
        cost_fen=row.cost_fen,
        latency_ms=row.latency_ms,
        details=row.details,
    )
