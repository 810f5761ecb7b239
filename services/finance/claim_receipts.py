"""A seller pays a claim back themselves: finance records what arrived, and two people take back what was recorded in error.

Of a claim that was written off it makes good what was lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories.audit import by_person
from database.repositories.matching import BACKDATED_DAYS
from database.session import Database
from database.tables.finance.rollback import ClaimReceiptRow, RollbackRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.sales import ReferenceTaken
from domain.errors.suspense import ReceiptOfSuspense
from domain.finance.ledger import cash
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance.claim_payments import UNDONE, facts_of, post, recovered_of, require_other_way, undone
from services.finance.claimed_stock import locked_claim
from services.finance.proof_files import ProofFile, kept_of
from services.finance.rail_switches import required_reason
from services.finance.receipts import REFERENCE_MAX
from services.finance.references import provider_reference
from services.finance.second_person import Proposal, stranger
from services.finance.taking_back import Posted, ask, keep, require_free, take_back
from services.people.permissions import require

POSTED = Posted("claim_receipt", Proposal.CLAIM_RECEIPT, "/claims")


@dataclass(frozen=True)
class PaidBack:
    """What arrived of a seller: amount, rail, its reference, the day, and the document that says so."""

    amount: Money
    rail: Rail
    reference: str
    received_on: date
    evidence: ProofFile | None = field(default=None, repr=False)


class ClaimReceipts:
    """Payments of sellers on claims. `person` is a person's id, of finance."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def record(self, person: str, claim_id: str, key: str, said: PaidBack, store: PhotoStore) -> str:
        """Record a payment once per key: reduce the debt, or what is lost, and notify the seller. Return its id.

        Refuses NotAllowed, NotFound, FieldInvalid (`amount`, `reference`, `received_on`, `evidence`), what files are refused for,
        ClaimOver where the claim is not agreed to, ClaimOwesLess for more than is left or was written off, ReferenceTaken, IdempotencyKeyReused for a
        key that stands for another payment, and OwnWork to people on the seller's side.
        """
        reference = provider_reference(said.reference, REFERENCE_MAX)
        self._require_sense(said)
        proof = await kept_of(self._database, person, Permission.RECORD_SALES, store, said.evidence)
        async with self._database.transaction() as session:
            claim, now = await locked_claim(session, claim_id), self._now()
            known = await session.execute(select(ClaimReceiptRow).where(ClaimReceiptRow.key == key))
            if (before := known.scalar_one_or_none()) is not None:
                return _same(before, claim.id, reference, said)
            await stranger(session, self._keyring, person, claim.owner, claim.card_id, now)
            recovered = await recovered_of(session, claim, said.amount)
            await require_other_way(session, claim, said.rail, reference, cleared=False)
            row = ClaimReceiptRow(
                id=new_id(), key=key, claim_id=claim.id, rail=said.rail, amount_minor=said.amount.amount_minor,
                currency=said.amount.currency, reference=reference, received_on=said.received_on,
                evidence_name=proof.name, evidence_type=proof.media_type, evidence_sha256=proof.sha256,
                recorded_by=person, recorded_at=now, recovered_minor=recovered.amount_minor,
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError as clash:
                raise _clash(clash) from None
            await post(session, claim, row, cash(said.rail), POSTED.key(row), POSTED.key(row), said.received_on, now)
            session.add(by_person(person, "console:claim:receive", claim.id, facts=facts_of(claim, row)))
        return row.id

    async def ask_reversal(self, person: str, receipt_id: str, reason: str) -> None:
        """Ask to take a payment back that was recorded in error. Asked for by them already, nothing changes.

        Refuses NotAllowed, NotFound, FieldInvalid (`reason`), ReceiptOver, ReceiptReconciled, ReceiptOfSuspense for one that suspense
        posted, and OwnWork to people on the seller's side.
        """
        said = required_reason(reason)
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row, claim = await _both(session, receipt_id)
            if row.clearing_id is not None and row.reversed_at is None:
                raise ReceiptOfSuspense()
            if not await require_free(session, POSTED, row, person):
                return
            ask(
                row,
                await stranger(session, self._keyring, person, claim.owner, claim.card_id, self._now()),
                said,
                self._now(),
            )
            session.add(
                by_person(person, "console:claim:ask_receipt_back", claim.id, reason=said, facts=facts_of(claim, row))
            )

    async def reverse(self, person: str, receipt_id: str) -> None:
        """Reverse the payment as the second person: the seller owes it again and is notified. Repeated by the same person, nothing changes.

        Refuses NotAllowed, NotFound, ReceiptOver, ReceiptReconciled, and OwnWork to who asked and to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            # No statement is matched with it meanwhile; before its claim, as where money leaves suspense for one.
            await acquire(session, AdvisoryLock.MATCHING)
            row, claim = await _both(session, receipt_id)
            if row.reversed_at is not None and row.reversed_by == person:
                return
            who = await stranger(session, self._keyring, person, claim.owner, claim.card_id, self._now())
            await take_back(session, POSTED, row, who, self._now(), UNDONE)
            await undone(session, claim, row)
            session.add(by_person(person, "console:claim:receipt_back", claim.id, facts=facts_of(claim, row)))

    async def keep(self, person: str, receipt_id: str) -> None:
        """Leave the payment as it is, as a second person or as who asked. Refuses NotAllowed, NotFound and ReceiptOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row, claim = await _both(session, receipt_id)
            await keep(session, POSTED, row, person)
            session.add(by_person(person, "console:claim:keep_receipt", claim.id, facts=facts_of(claim, row)))

    def _require_sense(self, said: PaidBack) -> None:
        """Refuse what cannot have arrived; a day that no statement is compared with any more is refused, too."""
        today = business_day(self._now())
        if said.amount.amount_minor <= 0:
            raise FieldInvalid(field="amount", why="out_of_range")
        if not today - timedelta(days=BACKDATED_DAYS) <= said.received_on <= today:
            raise FieldInvalid(field="received_on", why="out_of_range")


async def _both(session: AsyncSession, receipt_id: str) -> tuple[ClaimReceiptRow, RollbackRow]:
    """The payment and its claim, both locked. Refuses NotFound."""
    known = await session.get(ClaimReceiptRow, receipt_id[:26])
    if known is None:
        raise NotFound(receipt=receipt_id[:26])
    claim = await locked_claim(session, known.claim_id)
    row = await session.get_one(ClaimReceiptRow, known.id, with_for_update=True, populate_existing=True)
    return row, claim


def _same(row: ClaimReceiptRow, claim_id: str, reference: str, said: PaidBack) -> str:
    given = (claim_id, said.amount, said.rail, reference, said.received_on)
    if given != (row.claim_id, row.amount, row.rail, row.reference, row.received_on):
        raise IdempotencyKeyReused()
    return row.id


def _clash(clash: IntegrityError) -> IdempotencyKeyReused | ReferenceTaken:
    return ReferenceTaken() if "claim_receipt_reference_once" in str(clash.orig) else IdempotencyKeyReused()
