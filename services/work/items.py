"""Work items by id, whatever their kind."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.work.kinds import kind_of


async def item(session: AsyncSession, task_id: str) -> WorkItemRow:
    """Return the item. Refuse NotFound."""
    row = await session.get(WorkItemRow, task_id)
    if row is None:
        raise NotFound(task=task_id[:64])
    return row


async def page_of_item(session: AsyncSession, task_id: str) -> str:
    """Return the address of the item's page. Refuse NotFound."""
    row = await item(session, task_id)
    return kind_of(row.kind).page_of(row.id, row.card_id)
