"""What stands on a privacy request: the copy, and the newest proposal to erase."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from database.tables.support.privacy import ErasureRow, PrivacyCopyRow


@dataclass(frozen=True)
class PrivacyRecord:
    """The newest copy and proposal, and the names of who made them."""

    copy: PrivacyCopyRow | None
    erasure: ErasureRow | None
    names: dict[str, str]


async def record(session: AsyncSession, ticket_id: str) -> PrivacyRecord:
    """Return what stands on the ticket."""
    copy = await session.get(PrivacyCopyRow, ticket_id)
    newest = select(ErasureRow).where(ErasureRow.ticket_id == ticket_id).order_by(ErasureRow.id.desc()).limit(1)
    erasure = (await session.execute(newest)).scalar_one_or_none()
    people = {copy.prepared_by} if copy else set()
    if erasure is not None:
        people |= {one for one in (erasure.proposed_by, erasure.checked_by) if one}
    names = await session.execute(select(PersonRow.id, PersonRow.name).where(PersonRow.id.in_(people)))
    return PrivacyRecord(copy, erasure, {one.id: one.name for one in names})
