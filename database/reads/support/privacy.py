"""Read the state of a privacy request: the copy, and the newest proposal to erase."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, SubmissionRow
from database.tables.people import PartnerRow, PersonRow
from database.tables.support.privacy import ErasureRow, PrivacyCopyRow


@dataclass(frozen=True)
class PrivacyRecord:
    """The newest copy and proposal, and the names of who made them."""

    copy: PrivacyCopyRow | None
    erasure: ErasureRow | None
    names: dict[str, str]


async def record(session: AsyncSession, ticket_id: str) -> PrivacyRecord:
    """Return the privacy state of the ticket."""
    copy = await session.get(PrivacyCopyRow, ticket_id)
    newest = select(ErasureRow).where(ErasureRow.ticket_id == ticket_id).order_by(ErasureRow.id.desc()).limit(1)
    erasure = (await session.execute(newest)).scalar_one_or_none()
    people = {copy.prepared_by} if copy else set()
    if erasure is not None:
        people |= {one for one in (erasure.proposed_by, erasure.checked_by) if one}
    names = await session.execute(select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(people)))
    return PrivacyRecord(copy, erasure, {one.id: one.name for one in names})


@dataclass(frozen=True)
class PartnersCards:
    """A partner and how many of its cards were to be paid to a payee of the seller."""

    name: str
    cards: int


async def of_partners(session: AsyncSession, owner: str) -> tuple[PartnersCards, ...]:
    """Return the partners that share a payee with this seller: an erasure leaves their cards alone."""
    own = select(SubmissionRow.payee_index).where(SubmissionRow.owner == owner, SubmissionRow.payee_index.is_not(None))
    rows = await session.execute(
        select(PartnerRow.name, func.count())
        .join(SubmissionRow, SubmissionRow.owner == func.concat("partner:", PartnerRow.id))
        .join(CardRow, CardRow.submission_id == SubmissionRow.id)
        .where(SubmissionRow.payee_index.in_(own))
        .group_by(PartnerRow.id, PartnerRow.name)
        .order_by(PartnerRow.name)
    )
    return tuple(PartnersCards(name, int(count)) for name, count in rows)
