"""People at the door of the console: with a password, with an authenticator, with a browser that proved them long ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache

import httpx
import pyotp
from sqlalchemy import select, update

from database.tables.people import AccessRequestRow, ConsoleSessionRow, PersonRow
from domain.people.roles import Role
from services.people.totp import Totp
from tests.builders.passwords import QUICK
from tests.reviewer_ui.conftest import House

PASSWORD = "a long enough password"
LONG_AGO = timedelta(minutes=11)


async def employed(house: House, role: Role = Role.REVIEWER) -> PersonRow:
    """A person whose password is PASSWORD."""
    person_id = await house.cards.person(role)
    async with house.database.transaction() as session:
        person = await session.get_one(PersonRow, person_id)
        person.password_hash = _hashed()
    return person


async def authenticator(house: House, person_id: str) -> pyotp.TOTP:
    """Their authenticator, set up a while ago, so that the codes of now are still unused."""
    then = datetime.now(UTC) - timedelta(hours=1)
    totp = Totp(house.database, house.keyring, lambda: then)
    await totp.begin(person_id)
    given = await totp.waiting(person_id)
    assert given is not None
    device = pyotp.TOTP(given.secret)
    await totp.confirm(person_id, device.at(then))
    return device


def now_code(device: pyotp.TOTP, ahead: int = 0) -> str:
    """What the authenticator shows, or will show `ahead` steps from now."""
    return device.at(datetime.now(UTC) + ahead * timedelta(seconds=30))


async def proved_long_ago(house: House, person_id: str, way: str = "password") -> httpx.AsyncClient:
    """A browser whose person showed eleven minutes ago who they are."""
    token = await house.sessions.open(person_id, way=way)
    async with house.database.transaction() as session:
        mine = update(ConsoleSessionRow).where(ConsoleSessionRow.person_id == person_id)
        await session.execute(mine.values(stepped_up_at=datetime.now(UTC) - LONG_AGO))
    return house.browser(token)


@cache
def _hashed() -> str:
    return QUICK.hash(PASSWORD)


async def request_of(house: House, person: str) -> str:
    """The one request for this person's access that waits for a second person."""
    async with house.database.transaction() as session:
        row = (await session.execute(select(AccessRequestRow).filter_by(person_id=person, answer=None))).scalar_one()
        return row.id
