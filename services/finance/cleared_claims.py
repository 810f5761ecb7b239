"""Money in suspense that a seller paid of a claim: the claim has it as a payment like any other, posted and taken back with its clearing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.suspense import InSuspense
from database.repositories.audit import by_person
from database.tables.finance.rollback import ClaimReceiptRow, RollbackRow
from database.tables.finance.suspense import ReversalRow, SuspenseClearingRow
from domain.errors.general import FieldInvalid
from domain.finance.chart import account
from domain.finance.suspense import SUSPENSE, cause_of
from domain.identifiers import new_id
from domain.people.acting import ActingReviewer
from domain.places import business_day
from domain.sealing import KeyRing
from services.finance.claim_payments import facts_of, post, recovered_of, require_other_way, undone
from services.finance.claimed_stock import locked_claim
from services.finance.second_person import stranger


async def require_claim(session: AsyncSession, keyring: KeyRing, row: SuspenseClearingRow, entry: InSuspense) -> None:
    """Refuse FieldInvalid (`claim`) without a claim, what `recovered_of` and `require_other_way` refuse, and OwnWork to its proposer."""
    claim = None if row.claim_id is None else await session.get(RollbackRow, row.claim_id[:26])
    if claim is None:
        raise FieldInvalid(field="claim", why="missing")
    await stranger(session, keyring, row.proposed_by, claim.owner, claim.card_id, row.proposed_at)
    await recovered_of(session, claim, row.amount)
    await require_other_way(session, claim, row.rail, entry.reference, cleared=True)


async def paid_of(
    session: AsyncSession, keyring: KeyRing, person: str, row: SuspenseClearingRow, entry: InSuspense, now: datetime
) -> str:  # fmt: skip
    """Write the payment down and post it out of suspense, as the second person agrees; return the key of its posting.

    The caller holds the lock of matching. Refuses as `require_claim` does, and OwnWork to people on the seller's side.
    """
    claim = await locked_claim(session, row.claim_id or "")
    await stranger(session, keyring, person, claim.owner, claim.card_id, now)
    recovered = await recovered_of(session, claim, row.amount)
    await require_other_way(session, claim, row.rail, entry.reference, cleared=True)
    cause = cause_of(row.id)
    paid = ClaimReceiptRow(
        id=new_id(), key=cause, claim_id=claim.id, rail=row.rail, amount_minor=row.amount_minor, currency=row.currency,
        reference=entry.reference, received_on=entry.moved_on, evidence_name=row.evidence_name,
        evidence_type=row.evidence_type, evidence_sha256=row.evidence_sha256, recorded_by=row.proposed_by, recorded_at=now,
        recovered_minor=recovered.amount_minor, clearing_id=row.id,
    )  # fmt: skip
    session.add(paid)
    await session.flush()
    suspense, key = account(SUSPENSE, row.rail.value), f"{cause}:cleared"
    await post(session, claim, paid, suspense, key, cause, business_day(now), now)
    session.add(by_person(person, "console:claim:receive", claim.id, facts=facts_of(claim, paid)))
    return key


async def taken_back(session: AsyncSession, row: SuspenseClearingRow, reversal: ReversalRow, now: datetime) -> None:
    """Take the payment back with what was said of the money: it is owed, or lost, again. The caller reverses the posting."""
    claim = await locked_claim(session, row.claim_id or "")
    mine = select(ClaimReceiptRow).where(ClaimReceiptRow.clearing_id == row.id).with_for_update()
    paid = (await session.execute(mine)).scalar_one()
    paid.reverse_asked_by, paid.reverse_askers = reversal.asked_by, reversal.askers
    paid.reverse_asked_at, paid.reverse_reason = reversal.asked_at, reversal.reason
    paid.reversed_by, paid.reversed_at = reversal.agreed_by, now
    await undone(session, claim, paid)


async def stranger_to_claim(
    session: AsyncSession, keyring: KeyRing, person: str, row: SuspenseClearingRow, now: datetime
) -> ActingReviewer:  # fmt: skip
    """Return the standing of a person who has nothing to do with the seller whose claim it is. Refuses OwnWork."""
    claim = await session.get_one(RollbackRow, row.claim_id)
    return await stranger(session, keyring, person, claim.owner, claim.card_id, now)
