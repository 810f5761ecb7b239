"""Two of finance whom one administrator gave the role lately count as one; each of them is a second person beside who was there before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from database.tables.people import AuditRow
from domain.errors.work import OwnWork
from domain.places import business_day
from domain.rules.checks import check_policy
from services.finance.second_person import require_apart
from services.people.acting import standing
from tests.builders.own_world import own_world
from tests.builders.world import World

world = own_world("second_person")


async def two(world: World, first: str, second: str, now: datetime) -> bool:
    """Whether the second counts beside the first."""
    async with world.database.transaction() as session:
        try:
            await require_apart(session, await standing(session, second, now), [first], now)
        except OwnWork:
            return False
    return True


@pytest.mark.parametrize("act", ["console:person:grant", "console:person:roles", "console:person:add"])
async def test_new_people_of_one_administrator_count_as_one_only_with_each_other_and_for_the_policys_days(
    world: World, act: str
) -> None:
    long_standing = [await world.a_person("finance") for _ in range(2)]
    mei, lin = await world.a_person("finance"), await world.a_person("finance")
    other = await world.a_person("finance")
    now = datetime.now(UTC)
    async with world.database.transaction() as session:
        for person, admin in ((mei, "X"), (lin, "X"), (other, "Y")):
            session.add(AuditRow(actor=f"person:{admin}", act=act, subject=person, at=now - timedelta(hours=1)))
    assert not await two(world, mei, lin, now)
    assert await two(world, long_standing[0], long_standing[1], now)
    for one, beside in product(long_standing, (mei, lin, other)):
        assert await two(world, one, beside, now)
        assert await two(world, beside, one, now)
    assert await two(world, mei, other, now)  # Another administrator's.
    days = check_policy(business_day(now)).same_hands_days
    assert await two(world, mei, lin, now + timedelta(days=days))
