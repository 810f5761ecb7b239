"""Sessions of signed-in browsers: a random token in the cookie, of which only the hash is stored, and its person.

Our own on purpose: sessions are listed, ended by others and bound to a second factor, all in our database.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.people.sessions import is_open
from database.session import Database
from database.tables.columns import now
from database.tables.people import ConsoleSessionRow, PersonRow
from domain.identifiers import new_id
from domain.people.roles import Permission, Role, permissions_of
from services.people.account_ends import end_sessions

COOKIE = "cardloop_console"
LIFETIME = timedelta(hours=12)  # One shift; a longer one signs in again.
IDLE = timedelta(hours=2)  # Without activity, the person has probably walked away.
SEEN_EVERY = timedelta(minutes=1)  # A write for each page would cost more than the page.
PROOF_LASTS = timedelta(minutes=10)
TOKEN_BYTES = 32
# The order matters: Edge calls itself Chrome too, and Chrome Safari.
_BROWSERS = (("MicroMessenger", "WeChat"), ("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"), ("Linux", "Linux"))  # fmt: skip


@dataclass(frozen=True)
class Person:
    """A signed-in person with all permissions of their roles, and how this browser authenticated them."""

    id: str
    name: str
    locale: str
    roles: tuple[Role, ...]
    permissions: frozenset[Permission]
    timezone: str = "Asia/Shanghai"  # Every moment they read is in it.
    shortcuts: Mapping[str, Any] = field(default_factory=dict)  # Keys they changed, or {"off": True}.
    session_id: str = ""
    way: str = "password"  # password | totp | oidc
    totp: bool = False  # They have an authenticator in use.
    proved_at: datetime | None = None  # When this browser last showed who they are.

    def may(self, permission: Permission) -> bool:
        """Return whether any of their roles allows it."""
        return permission in self.permissions


@dataclass(frozen=True)
class OpenSession:
    """One browser in which a person is signed in, as they see it in their own list."""

    id: str
    way: str
    browser: str
    address: str
    since: datetime
    seen_at: datetime


class Sessions:
    """Opens, recognises and ends console sessions. `totp_required` are roles that require an authenticator."""

    def __init__(self, database: Database, totp_required: frozenset[Role] = frozenset()) -> None:
        self._database = database
        self._totp_required = totp_required

    async def open(
        self, person_id: str, *, way: str = "password", browser: str = "", address: str = "", proved: bool = True
    ) -> str:
        """Open a session and return its token, which is never stored and cannot be read again.

        `proved` is False when the provider relied on an older sign-in of its own.
        """
        token, at = secrets.token_urlsafe(TOKEN_BYTES), now()
        row = ConsoleSessionRow(
            token_hash=_hash(token), id=new_id(), person_id=person_id, way=way, browser=browser, address=address,
            created_at=at, seen_at=at, stepped_up_at=at if proved else None, expires_at=at + LIFETIME,
        )  # fmt: skip
        async with self._database.transaction() as session:
            session.add(row)
        return token

    async def person(self, token: str, *, idle: bool = False) -> Person | None:
        """Whose token this is, or None when it is unknown, too old, unused for long, ended, or its person no longer
        works here. Their roles are those of this moment. `idle`: the browser asked automatically, which is no use of the session.
        """
        at = now()
        good = (
            ConsoleSessionRow.token_hash == _hash(token),
            is_open(at, IDLE),
        )
        statement = select(PersonRow, ConsoleSessionRow).join(
            ConsoleSessionRow, ConsoleSessionRow.person_id == PersonRow.id
        )
        async with self._database.reading() as session:  # Every request asks: it neither begins nor ends a transaction.
            found = (await session.execute(statement.where(*good, PersonRow.active))).first()
        if found is None or self._lacks_totp(found[0], found[1]):
            return None
        if not idle and found[1].seen_at < at - SEEN_EVERY:
            async with self._database.transaction() as session:
                await _seen(session, found[1].id, at)
        return _person(found[0], found[1])

    async def proved(self, session_id: str) -> None:
        """Record that the person has confirmed their identity again."""
        proved = update(ConsoleSessionRow).where(
            ConsoleSessionRow.id == session_id, ConsoleSessionRow.ended_at.is_(None)
        )
        async with self._database.transaction() as session:
            await session.execute(proved.values(stepped_up_at=now()))

    async def end(self, token: str) -> None:
        """Ends the session at the server, so that a copied cookie is worth nothing either."""
        await self._end(ConsoleSessionRow.token_hash == _hash(token))

    async def end_one(self, person_id: str, session_id: str) -> None:
        """Ends one browser of a person's own; another person's stays as it is."""
        await self._end(ConsoleSessionRow.id == session_id, ConsoleSessionRow.person_id == person_id)

    async def end_all(self, person_id: str) -> None:
        """Signs a person out everywhere."""
        await self._end(ConsoleSessionRow.person_id == person_id)

    async def of(self, person_id: str) -> tuple[OpenSession, ...]:
        """List the browsers in which a person is signed in, the last used first."""
        at = now()
        alive = (
            ConsoleSessionRow.person_id == person_id,
            is_open(at, IDLE),
        )
        statement = (
            select(ConsoleSessionRow).where(*alive).order_by(ConsoleSessionRow.seen_at.desc(), ConsoleSessionRow.id)
        )
        async with self._database.transaction() as session:
            rows = (await session.execute(statement)).scalars().all()
        return tuple(
            OpenSession(row.id, row.way, row.browser, row.address, row.created_at, row.seen_at) for row in rows
        )

    def _lacks_totp(self, person: PersonRow, session: ConsoleSessionRow) -> bool:
        """A role that needs an authenticator counts at once, also for who was signed in before they got it."""
        needed = not self._totp_required.isdisjoint(person.roles)
        return needed and person.totp_confirmed_at is None and session.way != "oidc"

    async def _end(self, *which: ColumnElement[bool]) -> None:
        async with self._database.transaction() as session:
            await end_sessions(session, *which, now=now())


def is_proved(person: Person, and_for: timedelta = timedelta(0)) -> bool:
    """Return whether this browser's person confirmed their identity within the last ten minutes, and it lasts `and_for` longer."""
    return person.proved_at is not None and person.proved_at > now() - PROOF_LASTS + and_for


def browser_name(user_agent: str) -> str:
    """`Chrome · Windows` of a User-Agent header; empty when it names none that we know."""
    found = [
        next((name for sign, name in known if re.search(rf"\b{sign}\b", user_agent)), "")
        for known in (_BROWSERS, _SYSTEMS)
    ]
    return " · ".join(name for name in found if name)


async def _seen(session: AsyncSession, session_id: str, at: datetime) -> None:
    await session.execute(update(ConsoleSessionRow).where(ConsoleSessionRow.id == session_id).values(seen_at=at))


def _person(row: PersonRow, session: ConsoleSessionRow) -> Person:
    roles = tuple(Role(role) for role in row.roles)
    return Person(
        id=row.id, name=row.name, locale=row.locale, roles=roles, permissions=permissions_of(roles),
        timezone=row.timezone, shortcuts=row.shortcuts, session_id=session.id, way=session.way,
        totp=row.totp_confirmed_at is not None, proved_at=session.stepped_up_at,
    )  # fmt: skip


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
