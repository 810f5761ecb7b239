"""Two people of finance state what became of a payment that nobody else says anything about: by a document, never by sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance import PayoutRow
from database.tables.finance_rollback import StatedOutcomeRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from domain.errors.finance import OutcomeKnown, OutcomeTooEarly, StatementOver, StatementWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.identifiers import is_goodwill_key, new_id
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from domain.sealing import KeyRing
from gateways.attachments import Attachment
from gateways.pictures.store import PhotoStore
from services.finance.proof_files import ProofFile, kept
from services.finance.rail_switches import required_reason
from services.finance.second_person import require_apart, stranger
from services.people.permissions import require
from services.work.secret_scan import require_no_number

SENDING_MAX = timedelta(minutes=2)  # Longer than one sending may take.
REFERENCE_MAX = 100
STATED = "STATED_BY_TWO"  # In the place of the provider's code of a refusal.


@dataclass(frozen=True)
class Statement:
    """What one person states: paid with the provider's reference, or refused; why, and the document that says so."""

    outcome: PayoutOutcome
    reason: str
    reference: str = ""
    evidence: ProofFile | None = field(default=None, repr=False)


@dataclass(frozen=True)
class _Order:
    row: PayoutRow | GoodwillOrderRow
    owner: str
    card_id: str | None  # Of the seller whose people may not take part.


class Statements:
    """Statements and their second persons. `person` is a person's id; nothing here can send a payment."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def state(self, person: str, key: str, said: Statement, store: PhotoStore) -> str:
        """State an outcome, to be agreed to by a second person; return the statement's id.

        Refuses NotAllowed, NotFound, FieldInvalid (`outcome`, `reason`, `reference`, `evidence`), what files are refused
        for, SecretInWords, OutcomeKnown, OutcomeTooEarly, StatementWaits, and OwnWork to people on the seller's side.
        """
        reason, reference = required_reason(said.reason), _reference(said)
        require_no_number(reason)
        await self._permitted(person)
        proof = await kept(store, said.evidence)
        async with self._database.transaction() as session:
            order = await _locked(session, key)
            self._require_unknown(order.row)
            who = await stranger(session, self._keyring, person, order.owner, order.card_id, self._now())
            row = _row(order.row.key, said.outcome, reason, reference, proof)
            row.stated_by, row.staters, row.stated_at = person, sorted(who.circle), self._now()
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise StatementWaits() from None
            session.add(_audited(person, "state", row))
        return row.id

    async def agree(self, person: str, statement_id: str) -> None:
        """Agree as the second person: the outcome is certain from now on, and posted as a provider's answer would be.

        Agreed to already by them, nothing changes. Refuses NotAllowed, NotFound, StatementOver, OutcomeKnown,
        OutcomeTooEarly while the order is being sent, and OwnWork to the first person and to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            order, row = await self._both(session, statement_id)
            if row.agreed_at is not None and row.agreed_by == person:
                return
            if row.agreed_at is not None or row.declined_at is not None:
                raise StatementOver()
            self._require_unknown(order.row)
            who = await stranger(session, self._keyring, person, order.owner, order.card_id, self._now())
            await require_apart(session, who, row.staters, self._now())
            row.agreed_by, row.agreed_at = person, self._now()
            order.row.answered, order.row.stated_id = row.outcome, row.id
            if row.outcome is PayoutOutcome.REFUSED:
                order.row.refusal_code = STATED
            elif row.reference:
                order.row.gateway_reference = row.reference
            session.add(_audited(person, "agree", row))

    async def decline(self, person: str, statement_id: str) -> None:
        """Discard a statement, one's own too. Refuses NotAllowed, NotFound and StatementOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            _, row = await self._both(session, statement_id)
            if row.agreed_at is not None or row.declined_at is not None:
                raise StatementOver()
            row.declined_by, row.declined_at = person, self._now()
            session.add(_audited(person, "decline", row))

    async def unsettled(self, limit: int) -> tuple[tuple[str, str | None], ...]:
        """Return key and card (None: goodwill) of orders whose outcome was stated and is not posted, the longest waiting first."""
        cards = (
            select(PayoutRow.key, PayoutRow.card_id)
            .where(PayoutRow.stated_id.is_not(None), PayoutRow.settled_at.is_(None))
            .order_by(PayoutRow.prepared_at)
            .limit(limit)
        )
        given = (
            select(GoodwillOrderRow.key)
            .where(GoodwillOrderRow.stated_id.is_not(None), GoodwillOrderRow.settled_at.is_(None))
            .order_by(GoodwillOrderRow.prepared_at)
            .limit(limit)
        )
        async with self._database.reading() as session:
            found: list[tuple[str, str | None]] = [(row.key, row.card_id) for row in await session.execute(cards)]
            found += [(key, None) for key in (await session.execute(given)).scalars()]
        return tuple(found)

    async def _permitted(self, person: str) -> None:
        """Before a file is taken apart."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)

    async def _both(self, session: AsyncSession, statement_id: str) -> tuple[_Order, StatedOutcomeRow]:
        known = await session.get(StatedOutcomeRow, statement_id[:26])
        if known is None:
            raise NotFound(statement=statement_id[:26])
        order = await _locked(session, known.key)
        row = await session.get_one(StatedOutcomeRow, known.id, with_for_update=True, populate_existing=True)
        return order, row

    def _require_unknown(self, row: PayoutRow | GoodwillOrderRow) -> None:
        if row.state is not PayoutState.UNKNOWN or row.answered is not None:
            raise OutcomeKnown(state=(row.answered or row.state).value)
        minutes, now = routing_in_force(business_day(self._now())).stated_after_minutes, self._now()
        sending = row.tried_at is not None and row.tried_at > now - SENDING_MAX
        if sending or row.prepared_at > now - timedelta(minutes=minutes):
            raise OutcomeTooEarly(minutes=minutes)


async def _locked(session: AsyncSession, key: str) -> _Order:
    """The order of this key, locked, with whose money it is. Refuses NotFound."""
    if is_goodwill_key(key):
        order = await session.get(GoodwillOrderRow, key[:80], with_for_update=True, populate_existing=True)
        if order is None:
            raise NotFound(payout=key[:80])
        given = await session.get_one(GoodwillRow, order.goodwill_id)
        return _Order(order, given.owner, (await session.get_one(PayoutRow, given.paid_key)).card_id)
    row = await session.get(PayoutRow, key[:80], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(payout=key[:80])
    card = await session.get_one(CardRow, row.card_id)
    return _Order(row, (await session.get_one(SubmissionRow, card.submission_id)).owner, card.id)


def _reference(said: Statement) -> str:
    if said.outcome not in (PayoutOutcome.PAID, PayoutOutcome.REFUSED):
        raise FieldInvalid(field="outcome", why="missing")
    reference = said.reference.strip()
    if said.outcome is PayoutOutcome.PAID and not reference:
        raise FieldInvalid(field="reference", why="missing")
    if len(reference) > REFERENCE_MAX or not reference.isprintable():
        raise FieldInvalid(field="reference", why="too_long")
    return reference


def _row(key: str, outcome: PayoutOutcome, reason: str, reference: str, proof: Attachment) -> StatedOutcomeRow:
    return StatedOutcomeRow(
        id=new_id(), key=key, outcome=outcome, reason=reason, reference=reference, evidence_name=proof.name,
        evidence_type=proof.media_type, evidence_sha256=proof.sha256, stated_by="",
    )  # fmt: skip


def _audited(person: str, act: str, row: StatedOutcomeRow) -> object:
    facts = {"statement": row.id, "outcome": row.outcome.value, "evidence": row.evidence_sha256}
    return by_person(person, f"console:payout:{act}", row.key, reason=row.reason, facts=facts)
