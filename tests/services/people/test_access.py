"""Payment and checking roles, and password resets of active accounts, need two people; compliance is notified of each step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from database.tables.notices import NoticeRow
from database.tables.people import AccessRequestRow, AuditRow, PersonIdentityRow, PersonRow
from domain.errors.general import NotFound
from domain.errors.people import AccountInUse, NotAllowed, NotIndependent, OwnRoles
from domain.identifiers import new_id
from domain.people.access import AccessAnswer
from domain.people.roles import Role
from services.people.absences import Absences
from services.people.access import Access
from services.people.accounts import People, WorkSetUp
from services.people.invitations import Invitations, Newcomer
from tests.builders.world import World

WORK = WorkSetUp(team="cards", timezone="Asia/Shanghai")


async def a_newcomer(world: World, by: str, *roles: Role) -> str:
    """Add a person in the console as an administrator; nothing is confirmed yet."""
    newcomer = Newcomer(f"{new_id().lower()}@example.com", "Mei", roles or (Role.REVIEWER,))
    return await Invitations(world.database, world.keyring).add(by, newcomer, WORK)


async def waiting(world: World, person: str) -> str:
    """The id of the request that waits for that person."""
    (request,) = await world.rows(AccessRequestRow, person_id=person, answer=None)
    return str(request.id)


async def roles(world: World, person: str) -> list[str]:
    (row,) = await world.rows(PersonRow, id=person)
    return list(row.roles)


async def news(world: World, officer: str, person: str) -> list[str]:
    """Return the notifications of compliance about that person, in order."""
    rows = await world.rows(NoticeRow, person_id=officer, kind="access")
    return [row.facts["news"] for row in sorted(rows, key=lambda row: row.at) if row.facts["person"] == person]


async def test_a_role_that_pays_or_checks_counts_once_a_second_person_confirms_it(world: World) -> None:
    officer, root, rita = (
        await world.a_person("compliance"),
        await world.a_person("admin"),
        await world.a_person("admin"),
    )
    mei = await a_newcomer(world, root, Role.REVIEWER, Role.SUPPORT)
    assert await roles(world, mei) == ["support"]
    access, request = Access(world.database), await waiting(world, mei)
    with pytest.raises(NotIndependent):
        await access.confirm(root, request)
    with pytest.raises(NotAllowed):
        await access.confirm(await world.a_person("senior"), request)
    assert await access.confirm(rita, request) == mei
    assert await roles(world, mei) == ["reviewer", "support"]
    with pytest.raises(NotFound):
        await access.confirm(officer, request)
    assert await news(world, officer, mei) == ["added", "roles_asked", "granted"]


async def test_an_administrator_that_one_made_oneself_confirms_nothing_for_them(world: World) -> None:
    root, officer = await world.a_person("admin"), await world.a_person("compliance")
    own = await a_newcomer(world, root, Role.ADMIN)
    await Access(world.database).confirm(officer, await waiting(world, own))
    mei = await a_newcomer(world, root)
    with pytest.raises(NotIndependent):
        await Access(world.database).confirm(own, await waiting(world, mei))
    in_eight_days = Access(world.database, lambda: datetime.now(UTC) + timedelta(days=8))
    await in_eight_days.confirm(own, await waiting(world, mei))


async def test_nobody_confirms_their_own_and_a_newer_request_takes_the_place_of_the_one_before(world: World) -> None:
    root, officer, lin = (
        await world.a_person("admin"),
        await world.a_person("compliance"),
        await world.a_person("support"),
    )
    people, access = People(world.database, world.keyring), Access(world.database)
    await people.set_roles(root, officer, [Role.COMPLIANCE, Role.SENIOR])
    with pytest.raises(OwnRoles):
        await access.confirm(officer, await waiting(world, officer))
    await people.set_roles(root, lin, [Role.SUPPORT, Role.FINANCE])
    first = await waiting(world, lin)
    await people.set_roles(root, lin, [Role.SUPPORT, Role.REVIEWER])
    with pytest.raises(NotFound):
        await access.confirm(officer, first)
    await access.refuse(officer, await waiting(world, lin))
    answers = [row.answer for row in await world.rows(AccessRequestRow, person_id=lin)]
    assert sorted(answers) == [AccessAnswer.REFUSED, AccessAnswer.REPLACED]
    assert await roles(world, lin) == ["support"]


async def test_removed_access_ends_at_once_and_is_reported(world: World) -> None:
    root, officer, lin = (
        await world.a_person("admin"),
        await world.a_person("compliance"),
        await world.a_person("reviewer", "support"),
    )
    await People(world.database, world.keyring).set_roles(root, lin, [Role.SUPPORT])
    assert await roles(world, lin) == ["support"]
    await People(world.database, world.keyring).switch(root, lin, False)
    assert await news(world, officer, lin) == ["revoked", "switched_off"]


async def test_an_account_in_use_gets_a_link_only_after_two_people_reset_it(world: World) -> None:
    officer, root, rita = (
        await world.a_person("compliance"),
        await world.a_person("admin"),
        await world.a_person("admin"),
    )
    lin = await world.a_person("reviewer")
    newcomers = Invitations(world.database, world.keyring)
    with pytest.raises(AccountInUse):  # The row has a password hash of its own.
        await newcomers.invite(root, lin)
    await newcomers.ask_reset(root, lin)
    with pytest.raises(AccountInUse):
        await newcomers.invite(root, lin)
    await Access(world.database).confirm(rita, await waiting(world, lin))
    assert (await newcomers.invite(root, lin)).person_id == lin
    assert await news(world, officer, lin) == ["reset_asked", "reset", "invited"]


async def test_a_person_with_a_provider_identity_gets_no_password_link(world: World) -> None:
    root = await world.a_person("admin")
    mei = await a_newcomer(world, root)
    async with world.database.transaction() as session:
        session.add(PersonIdentityRow(issuer="https://id.example", subject=mei, person_id=mei))
    with pytest.raises(AccountInUse):
        await Invitations(world.database, world.keyring).invite(root, mei)
    async with world.database.transaction() as session:
        found = await session.execute(
            select(AuditRow).where(AuditRow.subject == mei, AuditRow.act == "console:person:invite")
        )
        assert found.first() is None


async def test_a_looser_limit_or_probation_counts_once_a_second_person_confirms_it(world: World) -> None:
    officer, other = await world.a_person("compliance"), await world.a_person("compliance")
    root = await world.a_person("admin")
    until, people = datetime.now(UTC) + timedelta(days=30), People(world.database, world.keyring)
    mei = await world.a_person("reviewer")
    await people.set_up(root, mei, replace(WORK, limit_minor=50_000, probation_until=until))
    await people.set_up(root, mei, replace(WORK, limit_minor=None, probation_until=None, capacity=3))
    (row,) = await world.rows(PersonRow, id=mei)
    assert (row.limit_minor, row.probation_until, row.capacity) == (50_000, until, 3)
    with pytest.raises(NotIndependent):
        await Access(world.database).confirm(root, await waiting(world, mei))
    await Access(world.database).confirm(officer, await waiting(world, mei))
    (row,) = await world.rows(PersonRow, id=mei)
    assert (row.limit_minor, row.probation_until, row.capacity) == (None, None, 3)
    seen = await news(world, officer, mei)
    assert seen == ["limits_tightened", "limits_asked"]  # The person who confirms is not notified as well.
    assert await news(world, other, mei) == ["limits_tightened", "limits_asked", "limits_loosened"]


async def test_a_tighter_limit_counts_at_once_and_a_looser_one_that_waited_falls(world: World) -> None:
    officer, root = await world.a_person("compliance"), await world.a_person("admin")
    people, mei = People(world.database, world.keyring), await world.a_person("reviewer")
    await people.set_up(root, mei, replace(WORK, limit_minor=50_000))
    await people.set_up(root, mei, replace(WORK, limit_minor=90_000))
    request = await waiting(world, mei)
    await people.set_up(root, mei, replace(WORK, limit_minor=50_000, capacity=2))
    assert await waiting(world, mei) == request  # Another change of their work leaves what waits.
    await people.set_up(root, mei, replace(WORK, limit_minor=20_000))
    (row,) = await world.rows(PersonRow, id=mei)
    assert (row.limit_minor, row.capacity) == (20_000, 0)
    with pytest.raises(NotFound):
        await Access(world.database).confirm(officer, request)
    assert (await news(world, officer, mei)).count("limits_tightened") == 2


async def test_compliance_is_notified_of_a_stand_in_that_another_named(world: World) -> None:
    officer, root = await world.a_person("compliance"), await world.a_person("admin")
    mei, lin = await world.a_person("reviewer"), await world.a_person("reviewer")
    begins = datetime.now(UTC) + timedelta(days=1)
    absences = Absences(world.database)
    await absences.declare(lin, lin, begins, begins + timedelta(days=1), stand_in=mei)
    assert await news(world, officer, lin) == []
    await absences.declare(root, mei, begins + timedelta(days=9), begins + timedelta(days=10), stand_in=lin)
    assert await news(world, officer, mei) == ["stand_in"]
