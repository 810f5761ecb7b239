"""Payment and checking roles, and password resets of active accounts, need two people; compliance is notified of each step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import pytest_asyncio
from sqlalchemy import select

from database.tables.notices import NoticeRow
from database.tables.people import AbsenceRow, AccessRequestRow, AuditRow, PersonIdentityRow, PersonRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import AccountInUse, NotAllowed, NotIndependent, OwnRoles
from domain.identifiers import new_id
from domain.people.access import AccessAnswer
from domain.people.roles import Role
from services.people.absences import Absences
from services.people.access import Access
from services.people.accounts import People, WorkSetUp
from services.people.acting import standing
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


async def test_administrator_created_by_the_requester_cannot_confirm(world: World) -> None:
    root, officer = await world.a_person("admin"), await world.a_person("compliance")
    own = await a_newcomer(world, root, Role.ADMIN)
    await Access(world.database).confirm(officer, await waiting(world, own))
    mei = await a_newcomer(world, root)
    with pytest.raises(NotIndependent):
        await Access(world.database).confirm(own, await waiting(world, mei))
    in_eight_days = Access(world.database, lambda: datetime.now(UTC) + timedelta(days=8))
    await in_eight_days.confirm(own, await waiting(world, mei))


async def test_own_request_cannot_be_confirmed_and_a_newer_one_replaces_it(world: World) -> None:
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
    invitations = Invitations(world.database, world.keyring)
    with pytest.raises(AccountInUse):  # The row has a password hash of its own.
        await invitations.invite(root, lin)
    await invitations.ask_reset(root, lin)
    with pytest.raises(AccountInUse):
        await invitations.invite(root, lin)
    await Access(world.database).confirm(rita, await waiting(world, lin))
    assert (await invitations.invite(root, lin)).person_id == lin
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


async def test_lower_limit_applies_at_once_and_cancels_a_pending_raise(world: World) -> None:
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


DAY = timedelta(days=1)


@pytest_asyncio.fixture(loop_scope="session")
async def named(world: World) -> SimpleNamespace:
    """A colleague is away today, and an administrator names who acts for them."""
    officer, root = await world.a_person("compliance"), await world.a_person("admin")
    away, stands_in = await world.a_person("senior"), await world.a_person("reviewer")
    now = datetime.now(UTC)
    absences = Absences(world.database)
    absence = await absences.declare(root, away, now, now + DAY, stand_in=stands_in)
    return SimpleNamespace(
        officer=officer, root=root, away=away, stands_in=stands_in, absences=absences, absence=absence, now=now
    )


async def acts_for(world: World, person: str) -> set[str]:
    async with world.database.transaction() as session:
        return set((await standing(session, person, datetime.now(UTC))).hands) - {person}


async def notified_to_stand_in(world: World, person: str) -> int:
    return len(await world.rows(NoticeRow, person_id=person, kind="stand_in"))


async def test_stand_in_named_by_the_absent_person_acts_at_once(world: World) -> None:
    officer, lin, mei = [await world.a_person(role) for role in ("compliance", "reviewer", "reviewer")]
    now = datetime.now(UTC)
    await Absences(world.database).declare(lin, lin, now, now + DAY, stand_in=mei)
    assert await acts_for(world, mei) == {lin}
    assert await news(world, officer, lin) == []


async def test_stand_in_named_by_another_needs_confirmation(world: World, named: SimpleNamespace) -> None:
    access, request = Access(world.database), await waiting(world, named.away)
    assert (await acts_for(world, named.stands_in), await notified_to_stand_in(world, named.stands_in)) == (set(), 0)
    (absence,) = await world.rows(AbsenceRow, person_id=named.away)
    assert (absence.id, absence.away, absence.stand_in) == (named.absence, True, None)
    with pytest.raises(NotIndependent):
        await access.confirm(named.root, request)
    assert await access.confirm(named.officer, request) == named.away
    assert (await acts_for(world, named.stands_in), await notified_to_stand_in(world, named.stands_in)) == (
        {named.away},
        1,
    )
    assert await news(world, named.officer, named.away) == ["stand_in_asked"]
    (record,) = await world.rows(AuditRow, subject=named.away, act="console:person:stand_in")
    assert (record.actor, record.facts["confirmed_by"]) == (f"person:{named.root}", named.officer)


async def test_neither_the_stand_in_nor_the_absent_person_confirms_it(world: World) -> None:
    root, away, other = [await world.a_person("admin", "reviewer") for _ in range(3)]
    now = datetime.now(UTC)
    await Absences(world.database).declare(root, away, now, now + DAY, stand_in=other)
    for concerned in (away, other):
        with pytest.raises(OwnRoles):
            await Access(world.database).confirm(concerned, await waiting(world, away))
    assert await acts_for(world, other) == set()


async def test_a_refused_stand_in_never_acts_and_the_absence_stays(world: World, named: SimpleNamespace) -> None:
    await Access(world.database).refuse(named.officer, await waiting(world, named.away))
    assert await acts_for(world, named.stands_in) == set()
    (absence,) = await world.rows(AbsenceRow, person_id=named.away)
    assert (absence.stand_in, absence.ended_at) == (None, None)


async def test_cancelled_absence_cannot_be_confirmed(world: World, named: SimpleNamespace) -> None:
    request = await waiting(world, named.away)
    await named.absences.call_off(named.away, named.absence)
    with pytest.raises(NotFound):
        await Access(world.database).confirm(named.officer, request)
    assert await acts_for(world, named.stands_in) == set()


async def test_a_stand_in_who_is_away_by_now_is_refused_at_the_confirmation(
    world: World, named: SimpleNamespace
) -> None:
    await named.absences.declare(named.stands_in, named.stands_in, named.now, named.now + DAY)
    with pytest.raises(FieldInvalid) as refused:
        await Access(world.database).confirm(named.officer, await waiting(world, named.away))
    assert refused.value.data == {"field": "stand_in", "why": "away"}


async def test_delegation_by_another_needs_confirmation(world: World) -> None:
    officer, root = await world.a_person("compliance"), await world.a_person("admin")
    lin, mei = await world.a_person("reviewer"), await world.a_person("reviewer")
    now = datetime.now(UTC)
    assert await Absences(world.database).declare(root, lin, now, now + DAY, stand_in=mei, away=False) is None
    assert await world.rows(AbsenceRow, person_id=lin) == []
    await Access(world.database).confirm(officer, await waiting(world, lin))
    (delegation,) = await world.rows(AbsenceRow, person_id=lin)
    assert (delegation.away, delegation.stand_in, delegation.made_by) == (False, mei, root)
    assert await acts_for(world, mei) == {lin}
