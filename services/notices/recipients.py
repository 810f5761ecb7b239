"""Find recipients of notifications by their permissions rather than by name."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.people import PersonRow
from domain.people.roles import Permission, Role, permissions_of


async def with_roles(session: AsyncSession, team: str | None, wanted: Callable[[list[Role]], bool]) -> list[str]:
    """List the active people, of one team or of all, whose roles are wanted."""
    found = select(PersonRow.id, PersonRow.roles).where(PersonRow.active).order_by(PersonRow.id)
    if team is not None:
        found = found.where(PersonRow.team == team)
    return [person for person, roles in await session.execute(found) if wanted([Role(role) for role in roles])]


async def compliance(session: AsyncSession, but: str = "") -> list[str]:
    """Return the compliance officers; where there are none, those who manage people. Excludes `but`, the person concerned."""
    officers = await with_roles(session, None, lambda roles: Role.COMPLIANCE in roles)
    found = [one for one in officers if one != but]
    if found:
        return found
    managers = await with_roles(session, None, lambda roles: Permission.MANAGE_PEOPLE in permissions_of(roles))
    return [one for one in managers if one != but]


async def operations(session: AsyncSession) -> list[str]:
    """Return those who watch the running system; where there are none, those who manage people."""
    watching = await with_roles(session, None, lambda roles: Role.OPS in roles)
    return watching or await with_roles(session, None, lambda roles: Permission.MANAGE_PEOPLE in permissions_of(roles))


async def seniors(session: AsyncSession, team: str) -> list[str]:
    """Those of the team who decide what is escalated."""
    return await with_roles(session, team, lambda roles: Permission.DECIDE_ESCALATED in permissions_of(roles))
