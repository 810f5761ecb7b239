"""The console's people prove themselves: by password, by six digits that open once, by a provider that vouches for them."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from sqlalchemy import select

from database.tables.people import AccessRequestRow, AuditRow, ConsoleSessionRow, PersonIdentityRow, PersonRow
from domain.errors.cards import NotExpectedNow
from domain.errors.general import NotFound
from domain.errors.people import (
    EmailNotVerified,
    NotIndependent,
    PasswordWrong,
    PersonNotKnown,
    TooManyTries,
    TotpWrong,
)
from domain.identifiers import new_id
from domain.people.roles import Identity
from domain.sealing import SealBroken
from services.people.access import Access
from services.people.passwords import ConsoleSignIn
from services.people.rate_limit import Origin
from services.people.totp import Totp
from tests.builders.world import World

PROVIDER = "https://id.example"
HERE = Origin("192.0.2.1")


@dataclass
class Clock:
    """The time as a test sets it: the tries of several minutes in one second."""

    at: datetime = field(default_factory=lambda: datetime(2031, 5, 6, 9, 0, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.at

    def on(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)


async def _person(world: World, **given: Any) -> PersonRow:
    row = PersonRow(
        **{"id": new_id(), "email": f"{new_id()}@example.com".lower(), "name": "Lin", "password_hash": "-", "roles": ["reviewer"]}
        | given
    )  # fmt: skip
    async with world.database.transaction() as session:
        session.add(row)
    return row


async def _set_up(world: World, clock: Clock) -> tuple[Totp, str, pyotp.TOTP]:
    """Add a person with an active authenticator; the code that confirmed it is used up."""
    person, totp = await _person(world), Totp(world.database, world.keyring, clock)
    await totp.begin(person.id)
    given = await totp.waiting(person.id)
    assert given is not None
    authenticator = pyotp.TOTP(given.secret)
    await totp.confirm(person.id, authenticator.at(clock.at))
    return totp, person.id, authenticator


async def _stored(world: World, person_id: str) -> PersonRow:
    async with world.database.transaction() as session:
        return await session.get_one(PersonRow, person_id)


async def test_sign_in_reveals_nothing_about_other_accounts(world: World) -> None:
    console = ConsoleSignIn(world.database)
    email = f"{new_id()}@example.com".lower()
    async with world.database.transaction() as session:
        session.add(
            PersonRow(
                id=new_id(), email=email, name="Lin", password_hash=console.hash("correct horse"), roles=["reviewer"]
            )
        )
    person = await console.check(f" {email.upper()} ", "correct horse", HERE)
    assert person.email == email
    for address, password in ((email, "wrong"), ("nobody@example.com", "correct horse")):
        with pytest.raises(PasswordWrong):
            await console.check(address, password, HERE)
    async with world.database.transaction() as session:
        (await session.get_one(PersonRow, person.id)).active = False
    with pytest.raises(PasswordWrong):
        await console.check(email, "correct horse", HERE)
    for _ in range(2):
        with pytest.raises(PasswordWrong):
            await console.check(email, "guess", HERE)
    with pytest.raises(TooManyTries):
        await ConsoleSignIn(world.database).check(email, "guess", HERE)  # Another process counts on.
    with pytest.raises(PasswordWrong):
        await console.check(email, "guess", Origin("198.51.100.7"))


def test_password_hash_is_expensive(world: World) -> None:
    kind, memory_kb, rounds = re.findall(
        r"\$(argon2id)\$v=19\$m=(\d+),t=(\d+)", ConsoleSignIn(world.database).hash("-")
    )[0]
    assert (kind, int(memory_kb) >= 65_536, int(rounds) >= 3) == ("argon2id", True, True)


async def test_a_person_without_a_password_cannot_sign_in_by_password(world: World) -> None:
    person = await _person(world)
    with pytest.raises(PasswordWrong):
        await ConsoleSignIn(world.database).check(person.email, "-", HERE)


async def test_a_secret_is_sealed_at_its_person_and_counts_only_once_it_is_confirmed(world: World) -> None:
    clock, person, other = Clock(), await _person(world), await _person(world)
    totp = Totp(world.database, world.keyring, clock)
    await totp.begin(person.id)
    given = await totp.waiting(person.id)
    assert given is not None
    assert person.email.replace("@", "%40") in given.address
    code = pyotp.TOTP(given.secret).at(clock.at)
    with pytest.raises(TotpWrong):
        await totp.check(person.id, code)
    sealed = (await _stored(world, person.id)).totp_sealed
    assert sealed is not None
    assert given.secret.encode() not in sealed
    with pytest.raises(SealBroken):
        world.keyring.open_text(sealed, purpose="totp", aad=f"person:{other.id}:totp")
    await totp.confirm(person.id, f"{code[:3]} {code[3:]}")
    assert await totp.waiting(person.id) is None
    with pytest.raises(NotExpectedNow):
        await totp.begin(person.id)


async def test_code_is_accepted_once_within_one_step(world: World) -> None:
    clock = Clock()
    totp, person_id, authenticator = await _set_up(world, clock)
    with pytest.raises(TotpWrong):
        await totp.check(person_id, authenticator.at(clock.at))
    clock.on(300)
    late, early = authenticator.at(clock.at - timedelta(seconds=30)), authenticator.at(clock.at + timedelta(seconds=30))
    await totp.check(person_id, late)
    await totp.check(person_id, early)
    with pytest.raises(TotpWrong):  # Older than one that was used: somebody may have read it over a shoulder.
        await totp.check(person_id, authenticator.at(clock.at))


@pytest.mark.parametrize("off_by_s", [-60, 60])
async def test_code_two_steps_off_is_refused(world: World, off_by_s: int) -> None:
    clock = Clock()
    totp, person_id, authenticator = await _set_up(world, clock)
    clock.on(3000)
    with pytest.raises(TotpWrong):
        await totp.check(person_id, authenticator.at(clock.at + timedelta(seconds=off_by_s)))


async def test_concurrent_use_of_a_code_signs_in_once(world: World) -> None:
    clock = Clock()
    _, person_id, authenticator = await _set_up(world, clock)
    clock.on(60)
    code = authenticator.at(clock.at)
    doors = [
        Totp(world.database, world.keyring, clock) for _ in range(4)
    ]  # The fifth try of the minute was the one that confirmed it.
    tried = await asyncio.gather(*(door.check(person_id, code) for door in doors), return_exceptions=True)
    assert sorted(type(one).__name__ for one in tried) == ["NoneType"] + ["TotpWrong"] * 3


async def test_code_guessing_locks_only_that_person(world: World) -> None:
    clock = Clock()
    totp, person_id, authenticator = await _set_up(world, clock)
    for _ in range(4):  # The fifth try of the minute was the one that confirmed it.
        with pytest.raises(TotpWrong):
            await totp.check(person_id, "not it")
    clock.on(60)
    with pytest.raises(TooManyTries):
        await totp.check(person_id, authenticator.at(clock.at))
    with pytest.raises(TotpWrong):
        await totp.check((await _person(world)).id, "000000")


async def test_authenticator_reset_takes_two_people_and_is_audited(world: World) -> None:
    clock = Clock()
    totp, person_id, _ = await _set_up(world, clock)
    async with world.database.transaction() as session:
        session.add(
            ConsoleSessionRow(token_hash=new_id(), id=new_id(), person_id=person_id, expires_at=datetime.now(UTC))
        )
    admin, officer = await world.a_person("admin"), await world.a_person("compliance")
    await totp.ask_reset(admin, person_id)
    assert (await _stored(world, person_id)).totp_confirmed_at is not None
    (request,) = await world.rows(AccessRequestRow, person_id=person_id, answer=None)
    with pytest.raises(NotIndependent):
        await Access(world.database).confirm(admin, request.id)
    await Access(world.database).confirm(officer, request.id)
    row = await _stored(world, person_id)
    assert (row.totp_sealed, row.totp_confirmed_at) == (None, None)
    (ended,) = await world.rows(ConsoleSessionRow, person_id=person_id)
    assert ended.ended_at is not None
    acts = [(one.actor, one.act) for one in await world.rows(AuditRow, subject=person_id)]
    assert (f"person:{admin}", "console:totp:reset") in acts
    with pytest.raises(NotFound):
        await totp.ask_reset(admin, "nobody")


async def test_authenticator_is_disabled_by_its_code(world: World) -> None:
    clock = Clock()
    totp, person_id, authenticator = await _set_up(world, clock)
    clock.on(60)
    with pytest.raises(TotpWrong):
        await totp.switch_off(person_id, "000000")
    await totp.switch_off(person_id, authenticator.at(clock.at))
    assert (await _stored(world, person_id)).totp_confirmed_at is None


async def test_provider_identity_is_bound_by_a_verified_address(world: World) -> None:
    person, door = await _person(world), ConsoleSignIn(world.database)
    subject = new_id()
    with pytest.raises(EmailNotVerified):
        await door.vouched_for(Identity(PROVIDER, subject, person.email))
    first = await door.vouched_for(Identity(PROVIDER, subject, person.email.upper(), email_verified=True))
    later = await door.vouched_for(Identity(PROVIDER, subject, "married@example.com"))
    assert (first.id, later.id) == (person.id, person.id)
    (joined,) = await world.rows(PersonIdentityRow, person_id=person.id)
    assert (joined.issuer, joined.subject) == (PROVIDER, subject)


async def test_provider_creates_and_reactivates_no_person(world: World) -> None:
    door, person = ConsoleSignIn(world.database), await _person(world, active=False)
    for address in (person.email, "nobody@example.com"):
        with pytest.raises(PersonNotKnown):
            await door.vouched_for(Identity(PROVIDER, new_id(), address, email_verified=True))
    async with world.database.transaction() as session:
        made = await session.execute(select(PersonRow).where(PersonRow.email == "nobody@example.com"))
        assert made.first() is None


async def test_a_reassigned_address_opens_no_old_account(world: World) -> None:
    person, door = await _person(world), ConsoleSignIn(world.database)
    await door.vouched_for(Identity(PROVIDER, new_id(), person.email, email_verified=True))
    with pytest.raises(PersonNotKnown):
        await door.vouched_for(Identity(PROVIDER, new_id(), person.email, email_verified=True))
