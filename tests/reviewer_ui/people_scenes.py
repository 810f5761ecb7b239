"""People as the console lists and changes them."""

from __future__ import annotations

from sqlalchemy import select

from database.tables.people import AuditRow, PersonRow
from tests.reviewer_ui.conftest import House

WORK: dict[str, str | list[str]] = {
    "type": ["dining", "regional"], "brand": ["starbucks"], "language": ["en"], "limit": "5,000", "capacity": "7", "on_duty": "yes",
    "probation": "2031-03-01", "team": "night", "timezone": "Asia/Tokyo",
}  # fmt: skip


async def row_of(house: House, person: str) -> PersonRow:
    async with house.database.transaction() as session:
        return await session.get_one(PersonRow, person)


async def acts_on(house: House, person: str) -> list[str]:
    rows: list[AuditRow] = []
    async with house.database.transaction() as session:
        found = await session.execute(select(AuditRow).filter_by(subject=person))
        rows = sorted(found.scalars(), key=lambda row: row.id or 0)
    return [row.act.rsplit(":", 1)[-1] for row in rows]
