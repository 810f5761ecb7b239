"""Who has room for work: the tests of one process share their people, and a freed task goes to any of them who has room."""

from __future__ import annotations

from sqlalchemy import update

from database.session import Database
from database.tables.people import PersonRow


async def nobody_has_room(database: Database) -> None:
    """Leave no person to whom work of a later test would be assigned."""
    async with database.transaction() as session:
        await session.execute(update(PersonRow).where(PersonRow.capacity > 0).values(capacity=0))
