"""Clear money in suspense: one person identifies it with a document, another agrees, and one posting moves it to its account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.reads.finance import suspense as reads
from database.reads.finance.suspense import InSuspense
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.suspense import ReversalRow, SuspenseClearingRow
from domain.errors.finance import NotReversible
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.suspense import ClearingOver, MoreThanStands
from domain.finance.reversals import NotReversed
from domain.finance.statements import StatementSource
from domain.finance.suspense import OF_BUYERS, OF_PARTIES, ClearedAs, account_for, choices
from domain.identifiers import new_id
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance import cleared_claims, cleared_debts
from services.finance.proof_files import ProofFile, kept_of
from services.finance.rail_switches import required_reason
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.people.acting import standing
from services.people.permissions import require
from services.work.secret_scan import require_no_number

PAGE = "/reconciliation/suspense"


@dataclass(frozen=True)
class Found:
    """What one person found out about an entry in suspense.

    `buyer` is a buyer's code or the owner of a counterparty's accounts, `other` the other half of what went back, `claim` the id of the claim that a seller paid of.
    """

    entry_id: int
    cleared_as: ClearedAs
    amount: Money
    reason: str
    buyer: str = ""
    other: int | None = None
    claim: str = ""
    evidence: ProofFile | None = field(default=None, repr=False)


class Suspense:
    """Clears entries out of suspense. `person` is a person's id; their rights are checked here."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def propose(self, person: str, found: Found, store: PhotoStore) -> str:
        """Say what so much of an entry is, to be agreed to by a second person; return the proposal's id.

        Refuse NotAllowed, NotFound for an entry that is in no suspense account, FieldInvalid (`cleared_as`, `amount`, `buyer`, `party`,
        `claim`, `other_half`, `reason`, `evidence`), what files are refused for, SecretInWords, MoreThanStands and BuyerOwesLess; for a
        claim also ClaimOver, ClaimOwesLess, ReferenceTaken, and OwnWork to people on the seller's side.
        """
        reason = required_reason(found.reason)
        require_no_number(reason)
        proof = await kept_of(self._database, person, Permission.RECONCILE, store, found.evidence)
        async with self._database.transaction() as session:
            await acquire(session, AdvisoryLock.MATCHING)
            entry = await _entry(session, found.entry_id)
            if found.cleared_as not in choices(came_in=entry.came_in):
                raise FieldInvalid(field="cleared_as", why="not_expected")
            other = found.other if found.cleared_as is ClearedAs.RETURNED else None
            row = SuspenseClearingRow(
                id=new_id(), entry_id=entry.entry_id, rail=entry.rail, cleared_as=found.cleared_as, came_in=entry.came_in,
                amount_minor=found.amount.amount_minor, reason=reason, evidence_name=proof.name,
                evidence_type=proof.media_type, evidence_sha256=proof.sha256, proposed_by=person,
                currency=entry.amount.currency, buyer=found.buyer if found.cleared_as in OF_BUYERS | OF_PARTIES else "",
                other_entry_id=other, claim_id=found.claim[:26] or None if found.cleared_as is ClearedAs.CLAIM else None, proposers=sorted((await standing(session, person, self._now())).circle),
                proposed_at=self._now(),
            )  # fmt: skip
            if found.amount.currency is not row.currency or row.amount_minor <= 0:
                raise FieldInvalid(field="amount", why="out_of_range")
            if entry.free < row.amount:
                raise MoreThanStands(there=str(entry.free))
            await self._require_place(session, row, entry, free=True)
            session.add(row)
            session.add(_audited(person, "propose", row))
        return row.id

    async def agree(self, person: str, clearing_id: str) -> None:
        """Clear it as the second person, by one posting that names the proposal. Agreed to already by them, nothing changes.

        Refuse NotAllowed, NotFound, ClearingOver, MoreThanStands, BuyerOwesLess, OwnWork to who is no independent second person, and
        for a claim what `propose` refuses.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            await acquire(session, AdvisoryLock.MATCHING)
            row = await _clearing(session, clearing_id)
            if row.agreed_at is not None and row.agreed_by == person:
                return
            _require_waiting(row)
            now = self._now()
            await require_apart(session, await standing(session, person, now), row.proposers, now)
            entry = await _entry(session, row.entry_id)
            if entry.stands < row.amount:
                raise MoreThanStands(there=str(entry.stands))
            if row.cleared_as is ClearedAs.CLAIM:
                row.posted_key = await cleared_claims.paid_of(session, self._keyring, person, row, entry, now)
            else:
                await self._require_place(session, row, entry, free=False)
                await cleared_debts.post(session, row, now)
            row.agreed_by, row.agreed_at = person, now
            session.add(_audited(person, "agree", row))

    async def decline(self, person: str, clearing_id: str) -> None:
        """Discard a proposal, as a second person or its own. Refuse NotAllowed, NotFound and ClearingOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
            row = await _clearing(session, clearing_id)
            _require_waiting(row)
            row.declined_by, row.declined_at = person, self._now()
            session.add(_audited(person, "decline", row))
            await notify_declined(session, row.proposed_by, person, Proposal.SUSPENSE, PAGE)

    async def _require_place(
        self, session: AsyncSession, row: SuspenseClearingRow, entry: InSuspense, *, free: bool
    ) -> None:
        """Refuse an amount that has no place where it is said to belong: as `propose` does."""
        if row.cleared_as is ClearedAs.RETURNED:
            other = None if row.other_entry_id is None else await reads.entry(session, row.other_entry_id)
            if other is None or other.rail is not entry.rail or other.came_in is entry.came_in:
                raise FieldInvalid(field="other_half", why="missing" if row.other_entry_id is None else "not_expected")
            there = other.free if free else other.stands
            if there.currency is not row.currency or there < row.amount:
                raise MoreThanStands(there=str(there))
            return
        if row.cleared_as is ClearedAs.CLAIM:
            await cleared_claims.require_claim(session, self._keyring, row, entry)
            return
        try:
            place = account_for(row.cleared_as, row.rail, row.buyer)
        except ValueError:
            field = "party" if row.cleared_as in OF_PARTIES else "buyer"
            raise FieldInvalid(field=field, why="not_a_code") from None
        await cleared_debts.require_owed(session, row, place)


class ClearingDecision:
    """What money in suspense was said to be, as what is reversed. The caller holds the lock of matching."""

    page = PAGE

    def __init__(self, row: SuspenseClearingRow) -> None:
        self.row = row

    @staticmethod
    async def locked(session: AsyncSession, clearing_id: str) -> ClearingDecision:
        """Return the decision, its row locked. Refuse NotFound and NotReversible."""
        row = await _clearing(session, clearing_id)
        if row.agreed_at is None or row.reversed_at is not None:
            raise NotReversible(what=NotReversed.STATE.value)
        return ClearingDecision(row)

    @property
    def source(self) -> StatementSource:
        """Whose days it belongs to."""
        return StatementSource(self.row.rail.value)

    @property
    def day(self) -> date:
        """The day that it counts for."""
        return business_day(self.row.agreed_at or self.row.proposed_at)

    @property
    def posted_key(self) -> str:
        """What it posted; empty for nothing."""
        return self.row.posted_key

    @property
    def of_claim(self) -> bool:
        """Whether it was a seller's payment on a claim."""
        return self.row.cleared_as is ClearedAs.CLAIM

    async def who(self, session: AsyncSession, keyring: KeyRing, person: str, now: datetime) -> ActingReviewer:
        """Return the standing of a person who may take part. Refuse OwnWork to people on the side of a claim's seller."""
        if self.of_claim:
            return await cleared_claims.stranger_to_claim(session, keyring, person, self.row, now)
        return await standing(session, person, now)

    def decided(self) -> dict[str, str]:
        """Return the decision as its reversal keeps it."""
        row = self.row
        return {
            "verb": row.cleared_as.value, "note": row.reason, "by": row.proposed_by, "checked_by": row.agreed_by or "",
            "at": "" if row.agreed_at is None else row.agreed_at.isoformat(), "posted_key": row.posted_key,
        }  # fmt: skip

    async def undo(self, session: AsyncSession, reversal: ReversalRow, now: datetime) -> None:
        """Let the amount stand in suspense again."""
        self.row.reversed_at = now
        if self.of_claim:
            await cleared_claims.taken_back(session, self.row, reversal, now)
        await session.flush()


async def _entry(session: AsyncSession, entry_id: int) -> InSuspense:
    found = await reads.entry(session, entry_id)
    if found is None:
        raise NotFound(entry=str(entry_id))
    return found


async def _clearing(session: AsyncSession, clearing_id: str) -> SuspenseClearingRow:
    row = await session.get(SuspenseClearingRow, clearing_id[:26], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(clearing=clearing_id[:26])
    return row


def _require_waiting(row: SuspenseClearingRow) -> None:
    if row.agreed_at is not None or row.declined_at is not None:
        raise ClearingOver()


def _audited(person: str, act: str, row: SuspenseClearingRow) -> object:
    facts = {
        "clearing": row.id, "as": row.cleared_as.value, "amount": str(row.amount), "buyer": row.buyer, "claim": row.claim_id or "",
        "other": "" if row.other_entry_id is None else str(row.other_entry_id), "evidence": row.evidence_sha256,
    }  # fmt: skip
    return by_person(person, f"console:suspense:{act}", str(row.entry_id), reason=row.reason, facts=facts)
