"""Two people of finance state the outcome of a payment that no provider reports: by a document, never by sending."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.awaited import carried_out_by
from database.repositories.audit import by_person
from database.repositories.orders import ORDER_TABLES, OrderRow, order
from database.session import Database
from database.tables.finance.rollback import StatedOutcomeRow
from domain.errors.finance import OutcomeKnown, OutcomeTooEarly, StatementOver, StatementWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.outcomes import OutcomeAwaited
from domain.finance.order_kinds import Journey
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.identifiers import new_id
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from domain.sealing import KeyRing
from gateways.attachments import Attachment
from gateways.pictures.store import PhotoStore
from services.finance import bank_lines
from services.finance.order_kinds import kind_by_key
from services.finance.proof_files import ProofFile, kept_of
from services.finance.rail_switches import required_reason
from services.finance.references import provider_reference
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.finance.whose import stranger_to
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
        for, SecretInWords, OutcomeKnown, OutcomeTooEarly, OutcomeAwaited, StatementWaits, and OwnWork to people on the seller's side.
        """
        reason, reference = required_reason(said.reason), _reference(said)
        require_no_number(reason)
        proof = await kept_of(self._database, person, Permission.STATE_OUTCOMES, store, said.evidence)
        async with self._database.transaction() as session:
            ordered = await _locked(session, key)
            await self._require_stuck(session, ordered)
            who = await self._stranger(session, person, ordered.key)
            row = _row(ordered.key, said.outcome, reason, reference, proof)
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

        An order that waits for a bank's batch leaves the queue. Agreed to already by them, nothing changes.
        Refuses NotAllowed, NotFound, StatementOver, OutcomeKnown, OutcomeAwaited, OutcomeTooEarly while the order is being sent, and OwnWork to the first person and to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            await bank_lines.hold_batches(session)
            ordered, row = await self._both(session, statement_id)
            if row.agreed_at is not None and row.agreed_by == person:
                return
            if row.agreed_at is not None or row.declined_at is not None:
                raise StatementOver()
            await self._require_stuck(session, ordered)
            who = await self._stranger(session, person, ordered.key)
            await require_apart(session, who, row.staters, self._now())
            row.agreed_by, row.agreed_at = person, self._now()
            ordered.answered, ordered.stated_id = row.outcome, row.id
            if row.outcome is PayoutOutcome.REFUSED:
                ordered.refusal_code = STATED
            elif row.reference:
                ordered.gateway_reference = row.reference
            await bank_lines.leave_batch(session, ordered, row.outcome, self._now())
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
            await notify_declined(session, row.stated_by, person, Proposal.OUTCOME, f"/payouts/{row.key}")

    async def unsettled(self, limit: int) -> tuple[Journey, ...]:
        """Return the journeys of orders whose outcome was stated and is not posted, the longest waiting first."""
        async with self._database.reading() as session:
            waiting = [await _unsettled(session, table, limit) for table in ORDER_TABLES.values()]
            keys = [key for _, key in sorted(found for of_kind in waiting for found in of_kind)][:limit]
            return tuple([await kind_by_key(key).journey(session, key) for key in keys])

    async def _both(self, session: AsyncSession, statement_id: str) -> tuple[OrderRow, StatedOutcomeRow]:
        known = await session.get(StatedOutcomeRow, statement_id[:26])
        if known is None:
            raise NotFound(statement=statement_id[:26])
        ordered = await _locked(session, known.key)
        row = await session.get_one(StatedOutcomeRow, known.id, with_for_update=True, populate_existing=True)
        return ordered, row

    async def _stranger(self, session: AsyncSession, person: str, key: str) -> ActingReviewer:
        whose = await kind_by_key(key).whose(session, key)
        return await stranger_to(session, self._keyring, person, whose, self._now())

    async def _require_stuck(self, session: AsyncSession, row: OrderRow) -> None:
        """Refuse what is known, what the provider may still answer soon, and what can still be carried out."""
        if row.state is not PayoutState.UNKNOWN or row.answered is not None:
            raise OutcomeKnown(state=(row.answered or row.state).value)
        minutes, now = routing_in_force(business_day(self._now())).stated_after_minutes, self._now()
        sending = row.tried_at is not None and row.tried_at > now - SENDING_MAX
        if sending or row.prepared_at > now - timedelta(minutes=minutes):
            raise OutcomeTooEarly(minutes=minutes)
        if (party := await carried_out_by(session, row, now)) is not None:
            raise OutcomeAwaited(party=party.value)


async def _locked(session: AsyncSession, key: str) -> OrderRow:
    """The order of this key, locked. Refuses NotFound."""
    row = await order(session, key, lock=True)
    if row is None:
        raise NotFound(payout=key[:80])
    return row


async def _unsettled(session: AsyncSession, table: type[OrderRow], limit: int) -> list[tuple[datetime, str]]:
    stated = (
        select(table.prepared_at, table.key)
        .where(table.stated_id.is_not(None), table.settled_at.is_(None))
        .order_by(table.prepared_at, table.key)
        .limit(limit)
    )
    return [(row.prepared_at, row.key) for row in await session.execute(stated)]


def _reference(said: Statement) -> str:
    if said.outcome not in (PayoutOutcome.PAID, PayoutOutcome.REFUSED):
        raise FieldInvalid(field="outcome", why="missing")
    return provider_reference(said.reference, REFERENCE_MAX, required=said.outcome is PayoutOutcome.PAID)


def _row(key: str, outcome: PayoutOutcome, reason: str, reference: str, proof: Attachment) -> StatedOutcomeRow:
    return StatedOutcomeRow(
        id=new_id(), key=key, outcome=outcome, reason=reason, reference=reference, evidence_name=proof.name,
        evidence_type=proof.media_type, evidence_sha256=proof.sha256, stated_by="",
    )  # fmt: skip


def _audited(person: str, act: str, row: StatedOutcomeRow) -> object:
    facts = {"statement": row.id, "outcome": row.outcome.value, "evidence": row.evidence_sha256}
    return by_person(person, f"console:payout:{act}", row.key, reason=row.reason, facts=facts)
