"""What a person may do, asked of the database at the moment of the act."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from domain.errors.people import NotAllowed, NotSignedIn
from domain.people.roles import Permission, Role, permissions_of


async def require_any(session: AsyncSession, person: str, permissions: Iterable[Permission]) -> None:
    """Refuse NotSignedIn when the person no longer works here, and NotAllowed without at least one of the permissions."""
    wanted = list(permissions)
    allowed = await _allowed(session, person)
    if not allowed & set(wanted):
        raise NotAllowed(permission=wanted[0].value)


async def require(session: AsyncSession, person: str, permission: Permission) -> frozenset[Permission]:
    """Everything the person may do. Refuses NotSignedIn when they no longer work here, NotAllowed without it."""
    allowed = await _allowed(session, person)
    if permission not in allowed:
        raise NotAllowed(permission=permission.value)
    return allowed


async def _allowed(session: AsyncSession, person: str) -> frozenset[Permission]:
    row = await session.get(PersonRow, person)
    if row is None or not row.active:
        raise NotSignedIn()
    return permissions_of(Role(role) for role in row.roles)
