"""New people of the console: added by an administrator, they set their own password through a link that works once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256

from pwdlib import PasswordHash
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories.audit import on_account
from database.session import Database
from database.tables.people import PersonIdentityRow, PersonRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import AccountInUse, OwnRoles, SetUpLinkSpent
from domain.identifiers import new_id
from domain.people.access import AccessKind, AccessNews, split
from domain.people.roles import PASSWORD_CHARACTERS_MAX, PASSWORD_CHARACTERS_MIN, Permission, Role, is_address, is_name
from domain.sealing import KeyRing
from services.people import access
from services.people.account_ends import NOBODYS_HASH, sign_out
from services.people.accounts import WorkSetUp, require_sound
from services.people.kinship import relink
from services.people.permissions import require


@dataclass(frozen=True)
class Newcomer:
    """Whom to add; `email` is what they sign in with."""

    email: str
    name: str
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class Invitation:
    """The right to set one person's password, as long as the password that `mark` identifies is unchanged."""

    person_id: str
    mark: str


class Invitations:
    """Adding people and their passwords. `by` is the id of the acting person, who needs MANAGE_PEOPLE; refuses NotAllowed."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        hasher: PasswordHash | None = None,
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now
        self._hasher = hasher or PasswordHash.recommended()

    async def add(self, by: str, newcomer: Newcomer, work: WorkSetUp) -> str:
        """Add a person without a password; return their id. Payment and checking roles wait for a second person.

        Refuses FieldInvalid (`email`, `name`, `roles` and of the work).
        """
        require_person(newcomer)
        require_sound(work)
        async with self._database.transaction() as session:
            await require(session, by, Permission.MANAGE_PEOPLE)
            given, waiting = split(newcomer.roles, ())
            added = await insert_person(session, replace(newcomer, roles=given), NOBODYS_HASH, work)
            if added is None:
                raise FieldInvalid(field="email", why="address_taken")
            asked = [role.value for role in waiting]
            session.add(on_account(by, "add", added, roles=[role.value for role in given], asked=asked))
            await access.notify(session, by, added, AccessNews.ADDED)
            await relink(session, self._keyring, added)
            if waiting:
                await access.ask(session, by, added, AccessKind.ROLES, self._now(), roles=waiting)
        return added

    async def invite(self, by: str, person: str) -> Invitation:
        """Return the right to set a password for an unused account, recorded in the audit log; compliance is notified.

        Refuses OwnRoles for oneself, NotFound, and AccountInUse where there is a password or a provider's identity
        already: only a reset that two people made takes a password away.
        """
        if by == person:
            raise OwnRoles()
        async with self._database.transaction() as session:
            await require(session, by, Permission.MANAGE_PEOPLE)
            row = await _active(session, person)
            if row.password_hash != NOBODYS_HASH or await _vouched_for(session, person):
                raise AccountInUse()
            session.add(on_account(by, "invite", person))
            await access.notify(session, by, person, AccessNews.INVITED)
        return Invitation(person, _mark(row.password_hash))

    async def ask_reset(self, by: str, person: str) -> None:
        """Ask a second person to clear a person's lost password. Refuses OwnRoles for oneself, and NotFound."""
        if by == person:
            raise OwnRoles()
        async with self._database.transaction() as session:
            await require(session, by, Permission.MANAGE_PEOPLE)
            await _active(session, person)
            session.add(on_account(by, "ask_reset", person))
            await access.ask(session, by, person, AccessKind.RESET, self._now())

    async def own(self, person: str) -> Invitation:
        """Make the invitation for oneself, who confirmed at this moment who they are."""
        async with self._database.transaction() as session:
            return Invitation(person, _mark((await _active(session, person)).password_hash))

    async def invited(self, invitation: Invitation) -> PersonRow:
        """Whom the invitation is for. Refuses SetUpLinkSpent once their password is another, or they no longer work here."""
        async with self._database.transaction() as session:
            return await _invited(session, invitation)

    async def choose(self, invitation: Invitation, password: str) -> None:
        """Sets the password and ends every session of theirs. Refuses SetUpLinkSpent, FieldInvalid (`password`)."""
        await self.invited(invitation)
        _require_password(password)
        hashed = await asyncio.to_thread(self._hasher.hash, password)
        async with self._database.transaction() as session:
            row = await _invited(session, invitation, lock=True)
            row.password_hash = hashed
            await sign_out(session, row.id, self._now())
            session.add(on_account(row.id, "password", row.id))


def require_person(newcomer: Newcomer) -> None:
    """Refuses FieldInvalid for an address that is none, no name, or no role."""
    if not is_address(newcomer.email):
        raise FieldInvalid(field="email", why="not_an_address")
    if not is_name(newcomer.name):
        raise FieldInvalid(field="name", why="missing")
    if not newcomer.roles:
        raise FieldInvalid(field="roles", why="no_role")


async def insert_person(
    session: AsyncSession, newcomer: Newcomer, password_hash: str, work: WorkSetUp | None = None
) -> str | None:
    """Write the person; return their id, or None when the address is already in use."""
    given = {} if work is None else work.columns()
    row = PersonRow(
        id=new_id(), email=newcomer.email, name=newcomer.name, password_hash=password_hash,
        roles=[role.value for role in newcomer.roles], **given,
    )  # fmt: skip
    return row.id if await insert_once(session, row, "email") else None


def roles_of(chosen: Iterable[str]) -> tuple[Role, ...]:
    """Return the roles among what was chosen, in their own order."""
    names = set(chosen)
    return tuple(role for role in Role if role.value in names)


async def _vouched_for(session: AsyncSession, person: str) -> bool:
    """Whether an identity provider signs them in."""
    return (
        await session.execute(select(PersonIdentityRow.subject).where(PersonIdentityRow.person_id == person).limit(1))
    ).first() is not None


async def _active(session: AsyncSession, person: str, *, lock: bool = False) -> PersonRow:
    row = await session.get(PersonRow, person, with_for_update=lock or None)
    if row is None or not row.active:
        raise NotFound(person=person[:26])
    return row


async def _invited(session: AsyncSession, invitation: Invitation, *, lock: bool = False) -> PersonRow:
    try:
        row = await _active(session, invitation.person_id, lock=lock)
    except NotFound:
        raise SetUpLinkSpent() from None
    if _mark(row.password_hash) != invitation.mark:
        raise SetUpLinkSpent()
    return row


def _mark(password_hash: str) -> str:
    """Says of a password hash only whether it is still the same."""
    return sha256(password_hash.encode()).hexdigest()[:16]


def _require_password(password: str) -> None:
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise FieldInvalid(field="password", why="password_short", least=PASSWORD_CHARACTERS_MIN)
    if len(password) > PASSWORD_CHARACTERS_MAX:
        raise FieldInvalid(field="password", why="too_long")
