"""The second factor of the console's people: six digits of an authenticator (RFC 6238), each good once."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyotp
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.sealed import PERSON_TOTP
from database.session import Database
from database.tables.people import PersonRow
from domain.errors.cards import NotExpectedNow
from domain.errors.general import NotFound
from domain.errors.people import TotpWrong
from domain.people.access import AccessKind
from domain.sealing import KeyRing
from services.people import access
from services.people.account_ends import sign_out
from services.people.rate_limit import Throttle

ISSUER = "Cardloop"
STEP_S = 30
STEPS_AROUND = 1  # A telephone's clock may be half a minute off, and a person takes time to type.
TRIES = "5/minute;30/hour"


@dataclass(frozen=True)
class TotpSetUp:
    """What an authenticator is given: the secret to type, and the address that its picture holds."""

    secret: str = field(repr=False)
    address: str = field(repr=False)


class Totp:
    """Sets up, checks and takes away authenticators. Secrets are sealed at `person:<id>:totp`."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now
        self._throttle = Throttle(database, TRIES)

    async def begin(self, person_id: str) -> None:
        """Makes a new secret that counts only once it is confirmed. Refuses NotExpectedNow where one is in use."""
        sealed = PERSON_TOTP.seal(self._keyring, person_id, pyotp.random_base32())
        free = (PersonRow.id == person_id, PersonRow.totp_confirmed_at.is_(None))
        statement = update(PersonRow).where(*free).values(totp_sealed=sealed, totp_step=0).returning(PersonRow.id)
        async with self._database.transaction() as session:
            if (await session.execute(statement)).first() is None:
                raise NotExpectedNow(waiting_for="totp")

    async def waiting(self, person_id: str) -> TotpSetUp | None:
        """Return the secret that waits to be confirmed; None when there is none, or one is in use."""
        async with self._database.transaction() as session:
            person = await session.get_one(PersonRow, person_id)
        if person.totp_sealed is None or person.totp_confirmed_at is not None:
            return None
        secret = self._open(person_id, person.totp_sealed)
        return TotpSetUp(secret, pyotp.TOTP(secret, name=person.email, issuer=ISSUER).provisioning_uri())

    async def confirm(self, person_id: str, code: str, keep_session: str = "") -> None:
        """Puts the waiting secret to use and ends the person's other sessions, which it did not guard.

        Refuses TotpWrong, TooManyTries.
        """
        step = await self._step(person_id, code, confirmed=False)
        async with self._database.transaction() as session:
            done = update(PersonRow).where(PersonRow.id == person_id, PersonRow.totp_confirmed_at.is_(None))
            done = done.values(totp_confirmed_at=self._now(), totp_step=step).returning(PersonRow.id)
            if (await session.execute(done)).first() is None:
                raise TotpWrong()
            await sign_out(session, person_id, datetime.now(UTC), keep_session)
            session.add(by_person(person_id, "console:totp:on", person_id))

    async def check(self, person_id: str, code: str) -> None:
        """Uses a code up. Refuses TotpWrong, also for a code that opened something before, and TooManyTries."""
        step = await self._step(person_id, code, confirmed=True)
        fresh = (PersonRow.id == person_id, PersonRow.totp_step < step, PersonRow.totp_confirmed_at.is_not(None))
        statement = update(PersonRow).where(*fresh).values(totp_step=step).returning(PersonRow.id)
        async with self._database.transaction() as session:
            if (await session.execute(statement)).first() is None:
                raise TotpWrong()

    async def switch_off(self, person_id: str, code: str) -> None:
        """Takes one's own authenticator away, by a code of it. Refuses TotpWrong, TooManyTries."""
        await self.check(person_id, code)
        async with self._database.transaction() as session:
            await _forget(session, person_id)
            session.add(by_person(person_id, "console:totp:off", person_id))

    async def ask_reset(self, by: str, person_id: str) -> None:
        """Request the reset of a lost authenticator, which ends the person's sessions. Refuses NotFound."""
        async with self._database.transaction() as session:
            if await session.get(PersonRow, person_id[:26], with_for_update=True) is None:
                raise NotFound(person=person_id[:26])
            session.add(by_person(by, "console:totp:ask_totp", person_id))
            await access.ask(session, by, person_id, AccessKind.TOTP, self._now())

    async def _step(self, person_id: str, code: str, *, confirmed: bool) -> int:
        """The time step whose code this is."""
        await self._throttle.hit("totp", person_id)
        async with self._database.transaction() as session:
            person = (await session.execute(select(PersonRow).where(PersonRow.id == person_id))).scalar_one_or_none()
        if person is None or person.totp_sealed is None or (person.totp_confirmed_at is not None) is not confirmed:
            raise TotpWrong()
        given, now = "".join(code.split()), int(self._now().timestamp()) // STEP_S
        authenticator = pyotp.TOTP(self._open(person_id, person.totp_sealed))
        for step in range(now - STEPS_AROUND, now + STEPS_AROUND + 1):
            if secrets.compare_digest(authenticator.generate_otp(step).encode(), given.encode()):
                return step
        raise TotpWrong()

    def _open(self, person_id: str, sealed: bytes) -> str:
        return PERSON_TOTP.open(self._keyring, person_id, sealed)


async def reset(session: AsyncSession, person_id: str) -> bool:
    """Reset a lost authenticator and end the person's sessions; False for an unknown id."""
    known = await _forget(session, person_id)
    await sign_out(session, person_id, datetime.now(UTC))
    return known


async def _forget(session: AsyncSession, person_id: str) -> bool:
    nothing = {"totp_sealed": None, "totp_confirmed_at": None}
    statement = update(PersonRow).where(PersonRow.id == person_id).values(nothing).returning(PersonRow.id)
    return (await session.execute(statement)).first() is not None
