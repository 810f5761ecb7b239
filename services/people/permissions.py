"""What a person may do, asked of the database at the moment of the act."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from domain.errors.people import NotAllowed, NotSignedIn
from domain.people.roles import Permission, Role, permissions_of


async def require(session: AsyncSession, person: str, permission: Permission) -> frozenset[Permission]:
    """Everything the person may do. Refuses NotSignedIn when they no longer work here, NotAllowed without it."""
    row = await session.get(PersonRow, person)
    if row is None or not row.active:
        raise NotSignedIn()
    allowed = permissions_of(Role(role) for role in row.roles)
    if permission not in allowed:
        raise NotAllowed(permission=permission.value)
    return allowed
