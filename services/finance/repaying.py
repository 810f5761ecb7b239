"""What we pay back to those whose money we have: recorded by one person, counted once another confirms it.

Nothing here can send a payment: we book what was paid through the bank or the gateway. What differs between licensed providers and
buyers is data: `Kind`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.sales import PaidBackRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.sales import ReferenceTaken
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.policies.schema import MINOR_MAX
from gateways.pictures.store import PhotoStore
from services.finance.brokered_payments import require_waiting
from services.finance.positions import hold_position
from services.finance.proof_files import ProofFile, kept_of
from services.finance.references import provider_reference
from services.finance.second_person import notify_declined, require_apart
from services.finance.taking_back import Posted
from services.people.acting import standing
from services.people.permissions import require

REFERENCE_MAX = 64
Row = TypeVar("Row", bound=PaidBackRow)


@dataclass(frozen=True)
class Repayment:
    """What was paid back to whom (their code): out of which rail, under which reference, when, and the document that says so."""

    to: str
    rail: Rail
    amount: Money
    reference: str
    paid_on: date
    evidence: ProofFile | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Kind(Generic[Row]):
    """What differs between those who are paid back. `act` is the word of its audited acts, `posted.cause` begins its cause.

    `owed_since` returns the first day that a payment of so much can have: it refuses more than is owed, and locks the account.
    """

    table: type[Row]
    act: str
    posted: Posted
    of: Callable[[Row], tuple[str, Money]]  # To whom, and how much.
    columns: Callable[[Repayment], dict[str, Any]]  # What its rows have besides.
    owed_since: Callable[[AsyncSession, str, Rail, Money, date], Awaitable[date]]
    post: Callable[[AsyncSession, Row, str], Awaitable[object]]  # Under a key that is its cause.


class Repayments(Generic[Row]):
    """Records one kind of repayments with their second persons. `person` is a person's id, of finance."""

    def __init__(
        self, database: Database, kind: Kind[Row], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._kind = kind
        self._now = now

    async def record(self, person: str, key: str, said: Repayment, store: PhotoStore) -> str:
        """Record a repayment once per key and return its id; nothing is posted before a second person confirms.

        Refuse NotAllowed, FieldInvalid (`amount`, `reference`, `paid_on`, `evidence`), what files are refused for, what the kind
        refuses for more than is owed, ReferenceTaken, and IdempotencyKeyReused for a key that stands for another repayment.
        """
        reference = provider_reference(said.reference, REFERENCE_MAX)
        proof = await kept_of(self._database, person, Permission.RECORD_SALES, store, said.evidence)
        table = self._kind.table
        async with self._database.transaction() as session:
            known = select(table).where(table.key == key)
            if (row := (await session.execute(known)).scalar_one_or_none()) is not None:
                return self._same(row, said, reference)
            await self._require_sense(session, said)
            who = await standing(session, person, self._now())
            row = table(
                id=new_id(), key=key, rail=said.rail, amount_minor=said.amount.amount_minor, reference=reference,
                paid_on=said.paid_on, evidence_name=proof.name, evidence_type=proof.media_type, evidence_sha256=proof.sha256,
                recorded_by=person, recorders=sorted(who.circle), recorded_at=self._now(), **self._kind.columns(said),
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ReferenceTaken() from None
            self._keep_act(session, person, "record", row)
        return row.id

    async def confirm(self, person: str, repayment_id: str) -> None:
        """Confirm as the second person: it is posted. Confirmed already by them, nothing changes.

        Refuse NotAllowed, NotFound, ProviderPaymentOver, what the kind refuses where less is owed by now, and OwnWork to who
        recorded it and those who act for them.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await self._locked(session, repayment_id)
            if row.confirmed_at is not None and row.confirmed_by == person:
                return
            require_waiting(row)
            now = self._now()
            await require_apart(session, await standing(session, person, now), row.recorders, now)
            to, amount = self._kind.of(row)
            await self._kind.owed_since(session, to, row.rail, amount, business_day(now))
            row.confirmed_by, row.confirmed_at = person, now
            await self._kind.post(session, row, self._kind.posted.key_of(row.id))
            self._keep_act(session, person, "confirm", row)

    async def discard(self, person: str, repayment_id: str) -> None:
        """Discard what waits, one's own too; it may be recorded again. Refuse NotAllowed, NotFound and ProviderPaymentOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await self._locked(session, repayment_id)
            if row.declined_at is not None and row.declined_by == person:
                return
            require_waiting(row)
            row.declined_by, row.declined_at = person, self._now()
            self._keep_act(session, person, "discard", row)
            posted = self._kind.posted
            await notify_declined(session, row.recorded_by, person, posted.proposal, posted.page)

    async def _require_sense(self, session: AsyncSession, said: Repayment) -> None:
        """Refuse what cannot be a repayment of what is owed now."""
        if not 0 < said.amount.amount_minor <= MINOR_MAX:
            raise FieldInvalid(field="amount", why="out_of_range")
        today = business_day(self._now())
        await hold_position(session, said.amount.currency)
        first = await self._kind.owed_since(session, said.to, said.rail, said.amount, today)
        if not first <= said.paid_on <= today:
            raise FieldInvalid(field="paid_on", why="out_of_range")

    async def _locked(self, session: AsyncSession, repayment_id: str) -> Row:
        known = await session.get(self._kind.table, repayment_id[:26])
        if known is None:
            raise NotFound(repayment=repayment_id[:26])
        await hold_position(session, self._kind.of(known)[1].currency)
        return await session.get_one(self._kind.table, known.id, with_for_update=True, populate_existing=True)

    def _same(self, row: Row, said: Repayment, reference: str) -> str:
        """The id of the repayment that this key stands for. Refuse IdempotencyKeyReused when it is another one."""
        given = ((said.to, said.amount), said.rail, reference, said.paid_on)
        if given != (self._kind.of(row), row.rail, row.reference, row.paid_on):
            raise IdempotencyKeyReused()
        return row.id

    def _keep_act(self, session: AsyncSession, person: str, act: str, row: Row) -> None:
        session.add(
            by_person(person, f"console:{self._kind.act}:{act}", row.id, facts=facts_of(row, *self._kind.of(row)))
        )


def facts_of(row: PaidBackRow, to: str, amount: Money) -> dict[str, str]:
    """Return what the record of acts keeps of a repayment."""
    return {
        "to": to, "rail": row.rail.value, "amount": str(amount), "reference": row.reference,
        "paid_on": row.paid_on.isoformat(), "proof": row.evidence_sha256,
    }  # fmt: skip
