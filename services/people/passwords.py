"""Who works at the console: proved by a password, or by an identity provider that vouches for a person known here."""

from __future__ import annotations

import asyncio
import functools
import secrets

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories.audit import by_person
from database.session import Database
from database.tables.people import PersonIdentityRow, PersonRow
from domain.errors.people import EmailNotVerified, PasswordWrong, PersonNotKnown
from domain.people.roles import Identity
from services.people.rate_limit import Origin, Throttle

LOGINS_PER_ORIGIN = "5/minute;30/hour"  # Of one address of mail from one client or known device.
LOGINS_OF_STRANGERS = "100/hour"  # Of one address of mail from all clients that it has never signed in from.
LOGINS_AT_ONCE = 2  # argon2 takes 150 ms and 64 MB each: more at once would be a way to stop the console.


class ConsoleSignIn:
    """Knows the console's people by e-mail address and password, or as an identity provider's.

    `hasher` also makes the passwords of people who are invited; without one it is argon2 as recommended.
    """

    def __init__(self, database: Database, hasher: PasswordHash | None = None) -> None:
        self._database = database
        self.hasher = hasher or _recommended()
        self._decoy = _decoy(self.hasher)
        self._per_origin = Throttle(database, LOGINS_PER_ORIGIN)
        self._strangers = Throttle(database, LOGINS_OF_STRANGERS)
        self._at_once = asyncio.Semaphore(LOGINS_AT_ONCE)

    async def check(self, email: str, password: str, origin: Origin) -> PersonRow:
        """Return the person. Refuses PasswordWrong, alike for an unknown address, and TooManyTries.

        Wrong passwords from elsewhere lock no one out: attempts are counted per client, or per device that signed in before.
        """
        address = email.strip().lower()
        await self._per_origin.hit(address, origin.name)
        if not origin.device:
            await self._strangers.hit(address)
        async with self._database.transaction() as session:
            statement = select(PersonRow).where(PersonRow.email == address, PersonRow.active)
            person = (await session.execute(statement)).scalar_one_or_none()
        if not await self._right(person, password) or person is None:
            raise PasswordWrong()
        return person

    async def check_again(self, person_id: str, password: str) -> None:
        """Check the password of a signed-in person. Refuses PasswordWrong, TooManyTries."""
        async with self._database.transaction() as session:
            person = await session.get_one(PersonRow, person_id)
        await self.check(person.email, password, Origin(device=f"signed-in:{person_id}"))

    async def vouched_for(self, identity: Identity) -> PersonRow:
        """Find the active person whom the provider means: by its name for them, at first by their verified address.

        It creates no account. Refuses PersonNotKnown and EmailNotVerified.
        """
        async with self._database.transaction() as session:
            known = await _known(session, identity)
            if known is None:
                known = await _by_address(session, identity)
                await _remember(session, identity, known)
        if not known.active:
            raise PersonNotKnown()
        return known

    def hash(self, password: str) -> str:
        """Hash a password as it is stored; takes 150 ms."""
        return self.hasher.hash(password)

    async def _right(self, person: PersonRow | None, password: str) -> bool:
        # An unknown address costs the same time, or its absence could be heard.
        known = person.password_hash if person is not None else self._decoy
        async with self._at_once:
            try:
                right, renewed = await asyncio.to_thread(self.hasher.verify_and_update, password, known)
            except UnknownHashError:
                return False  # No password, because a provider signs them in.
        if person is not None and right and renewed is not None:
            await self._renew(person.id, renewed)
        return right

    async def _renew(self, person_id: str, password_hash: str) -> None:
        """Hashes made with weaker settings are replaced at the next sign-in."""
        statement = update(PersonRow).where(PersonRow.id == person_id).values(password_hash=password_hash)
        async with self._database.transaction() as session:
            await session.execute(statement)


@functools.cache
def _recommended() -> PasswordHash:
    return PasswordHash.recommended()


@functools.cache
def _decoy(hasher: PasswordHash) -> str:
    """Return the hash of a random password, made once in a process, before the first sign-in."""
    return hasher.hash(secrets.token_hex(16))


async def _known(session: AsyncSession, identity: Identity) -> PersonRow | None:
    named = (PersonIdentityRow.issuer == identity.issuer, PersonIdentityRow.subject == identity.subject)
    statement = select(PersonRow).join(PersonIdentityRow, PersonIdentityRow.person_id == PersonRow.id).where(*named)
    return (await session.execute(statement)).scalar_one_or_none()


async def _by_address(session: AsyncSession, identity: Identity) -> PersonRow:
    """An address that the provider has not verified could belong to anyone."""
    if not identity.email_verified:
        raise EmailNotVerified()
    statement = select(PersonRow).where(PersonRow.email == identity.email.strip().lower(), PersonRow.active)
    found = (await session.execute(statement)).scalar_one_or_none()
    if found is None or await _has_another(session, identity.issuer, found.id):
        raise PersonNotKnown()
    return found


async def _has_another(session: AsyncSession, issuer: str, person_id: str) -> bool:
    """The provider gave the address of a known person to another one: an address is no permanent name."""
    named = (PersonIdentityRow.issuer == issuer, PersonIdentityRow.person_id == person_id)
    return (await session.execute(select(PersonIdentityRow.subject).where(*named).limit(1))).first() is not None


async def _remember(session: AsyncSession, identity: Identity, person: PersonRow) -> None:
    row = PersonIdentityRow(issuer=identity.issuer, subject=identity.subject, person_id=person.id)
    await insert_once(session, row)
    facts = {"issuer": identity.issuer}
    session.add(by_person(person.id, "console:identity:join", person.id, facts=facts))
