"""What we pay back to a licensed provider of commissions whose sales came back: recorded by one person, counted once another confirms.

Nothing here can send a payment: we book what was paid through the bank or the gateway. What the provider keeps of our next part
instead is recorded with that part (`receipts`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import provider_debts
from database.repositories import ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.sales import ProviderRepaymentRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.sales import ProviderOwedLess, ReferenceTaken
from domain.finance.postings import sales as postings
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from gateways.pictures.store import PhotoStore
from services.finance.available import available
from services.finance.brokered_payments import require_waiting
from services.finance.proof_files import ProofFile, kept_of
from services.finance.references import provider_reference
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.people.acting import standing
from services.people.permissions import require

REFERENCE_MAX = 64


@dataclass(frozen=True)
class Repayment:
    """What was paid back (CNY) to a provider (its code): out of which rail, under which reference, when, and the document that says so."""

    provider: str
    rail: Rail
    amount: Money
    reference: str
    paid_on: date
    evidence: ProofFile | None = field(default=None, repr=False)


class ProviderRepayments:
    """Repayments to licensed providers with their second persons. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def record(self, person: str, key: str, said: Repayment, store: PhotoStore) -> str:
        """Record a repayment once per key and return its id; nothing is posted before a second person confirms.

        Refuse NotAllowed, FieldInvalid (`amount`, `reference`, `paid_on`, `evidence`), what files are refused for, ProviderOwedLess,
        ReferenceTaken, and IdempotencyKeyReused for a key that stands for another repayment.
        """
        reference = provider_reference(said.reference, REFERENCE_MAX)
        proof = await kept_of(self._database, person, Permission.RECORD_SALES, store, said.evidence)
        async with self._database.transaction() as session:
            known = select(ProviderRepaymentRow).where(ProviderRepaymentRow.key == key)
            if (row := (await session.execute(known)).scalar_one_or_none()) is not None:
                return _same(row, said, reference)
            await self._require_sense(session, said)
            who = await standing(session, person, self._now())
            row = ProviderRepaymentRow(
                id=new_id(), key=key, provider=said.provider, rail=said.rail, amount_minor=said.amount.amount_minor,
                reference=reference, paid_on=said.paid_on, evidence_name=proof.name, evidence_type=proof.media_type,
                evidence_sha256=proof.sha256, recorded_by=person, recorders=sorted(who.circle), recorded_at=self._now(),
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ReferenceTaken() from None
            session.add(by_person(person, "console:provider_repayment:record", row.id, facts=_facts(row)))
        return row.id

    async def confirm(self, person: str, repayment_id: str) -> None:
        """Confirm as the second person: it is posted. Confirmed already by them, nothing changes.

        Refuse NotAllowed, NotFound, ProviderPaymentOver, ProviderOwedLess where less is owed by now, and OwnWork to who recorded
        it and those who act for them.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await _locked(session, repayment_id)
            if row.confirmed_at is not None and row.confirmed_by == person:
                return
            require_waiting(row)
            await require_apart(session, await standing(session, person, self._now()), row.recorders, self._now())
            await _require_owed(session, row.provider, Money(row.amount_minor))
            row.confirmed_by, row.confirmed_at = person, self._now()
            lines = postings.provider_repaid(row.rail, row.provider, Money(row.amount_minor))
            cause = f"provider_repaid:{row.id}"
            await ledger.post(session, cause, None, "provider_repaid", lines, happened_on=row.paid_on, cause=cause)
            session.add(by_person(person, "console:provider_repayment:confirm", row.id, facts=_facts(row)))

    async def discard(self, person: str, repayment_id: str) -> None:
        """Discard what waits, one's own too; it may be recorded again. Refuse NotAllowed, NotFound and ProviderPaymentOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await _locked(session, repayment_id)
            if row.declined_at is not None and row.declined_by == person:
                return
            require_waiting(row)
            row.declined_by, row.declined_at = person, self._now()
            session.add(by_person(person, "console:provider_repayment:discard", row.id, facts=_facts(row)))
            page = "/sales/brokered#owed-back"
            await notify_declined(session, row.recorded_by, person, Proposal.PROVIDER_REPAYMENT, page)

    async def _require_sense(self, session: AsyncSession, said: Repayment) -> None:
        """Refuse what cannot be a repayment of what is owed to the provider now."""
        if said.amount.currency is not Currency.CNY or said.amount.amount_minor <= 0:
            raise FieldInvalid(field="amount", why="out_of_range")
        await _require_owed(session, said.provider, said.amount)
        debt = next(one for one in await provider_debts.owed_back(session) if one.provider == said.provider)
        if not business_day(debt.since) <= said.paid_on <= business_day(self._now()):
            raise FieldInvalid(field="paid_on", why="out_of_range")


async def _require_owed(session: AsyncSession, provider: str, amount: Money) -> None:
    """Refuse ProviderOwedLess for more than the provider is owed; the account is locked until the transaction ends."""
    if (owed := await available(session, postings.provider_payable(provider))) < amount:
        raise ProviderOwedLess(there=str(owed))


async def _locked(session: AsyncSession, repayment_id: str) -> ProviderRepaymentRow:
    row = await session.get(ProviderRepaymentRow, repayment_id[:26], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(repayment=repayment_id[:26])
    return row


def _same(row: ProviderRepaymentRow, said: Repayment, reference: str) -> str:
    """The id of the repayment that this key stands for. Refuse IdempotencyKeyReused when it is another one."""
    given = (said.provider, said.rail, said.amount, reference, said.paid_on)
    if given != (row.provider, row.rail, Money(row.amount_minor), row.reference, row.paid_on):
        raise IdempotencyKeyReused()
    return row.id


def _facts(row: ProviderRepaymentRow) -> dict[str, str]:
    return {
        "provider": row.provider, "rail": row.rail.value, "amount": str(Money(row.amount_minor)), "reference": row.reference,
        "paid_on": row.paid_on.isoformat(), "proof": row.evidence_sha256,
    }  # fmt: skip
