"""A signed-in browser: a random token in its cookie, of which only the hash is stored, and the person it stands for."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from database.session import Database
from database.tables.columns import now
from database.tables.people import ConsoleSessionRow, PersonRow
from domain.identifiers import new_id
from domain.people import Permission, Role, permissions_of

COOKIE = "cardloop_console"
LIFETIME = timedelta(hours=12)  # One shift; a longer one signs in again.
TOKEN_BYTES = 32


@dataclass(frozen=True)
class Person:
    """Somebody signed in, with everything their roles allow."""

    id: str
    name: str
    locale: str
    roles: tuple[Role, ...]
    permissions: frozenset[Permission]

    def may(self, permission: Permission) -> bool:
        """Whether any of their roles allows it."""
        return permission in self.permissions


class Sessions:
    """Opens, recognises and ends console sessions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, person_id: str) -> str:
        """The token of a new session; it is never stored and cannot be had again."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        row = ConsoleSessionRow(token_hash=_hash(token), id=new_id(), person_id=person_id, expires_at=now() + LIFETIME)
        async with self._database.transaction() as session:
            session.add(row)
        return token

    async def person(self, token: str) -> Person | None:
        """Whose token this is, or None when it is unknown, too old, ended, or its person no longer works here."""
        row: Any = ConsoleSessionRow
        statement = (
            select(PersonRow)
            .join(ConsoleSessionRow, row.person_id == PersonRow.id)
            .where(row.token_hash == _hash(token), row.expires_at > now(), row.ended_at.is_(None))
        )
        async with self._database.transaction() as session:
            person = (await session.execute(statement)).scalar_one_or_none()
        return _person(person) if person is not None and person.active else None

    async def end(self, token: str) -> None:
        """Ends the session at the server, so that a copied cookie is worth nothing either."""
        row: Any = ConsoleSessionRow
        async with self._database.transaction() as session:
            await session.execute(
                update(ConsoleSessionRow).where(row.token_hash == _hash(token)).values(ended_at=now())
            )


def _person(row: PersonRow) -> Person:
    roles = tuple(Role(role) for role in row.roles)
    return Person(row.id, row.name, row.locale, roles, permissions_of(roles))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
