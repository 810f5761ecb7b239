"""Assignment: the backlog goes to people with free capacity, returns from absent ones, and delegation keeps four eyes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from database.tables.notices import NoticeRow
from database.tables.people import AbsenceRow, RelativeRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.work.task import TaskPhase
from services.people.absences import Absences
from services.work.assignment import Assignment
from tests.builders.queueing import Office
from tests.builders.world import World


@pytest_asyncio.fixture
async def office(world: World) -> Office:
    return Office(world)


async def drained(office: Office) -> None:
    """Assign until no task can be assigned any more."""
    while await Assignment(office.world.database, office.clock).drain(50):
        pass


async def has(office: Office, person: str, tasks: list[str]) -> list[str]:
    return [task for task in tasks if (await office.row(task)).assigned_to == person]


async def test_the_backlog_drains_in_order_as_people_free_up(office: Office) -> None:
    now = office.clock()
    tasks = [await office.task(opened_at=now - timedelta(hours=9 - age), value_minor=0) for age in range(5)]
    lin = await office.person(capacity=2)
    await drained(office)
    assert await has(office, lin, tasks) == tasks[:2]
    assert await office.takes(lin) == tasks[0]
    await drained(office)
    assert await has(office, lin, tasks) == tasks[:2]  # What is in hand counts once, and takes up room.
    await office.change(tasks[0], decided=True)
    await drained(office)
    assert await has(office, lin, tasks) == tasks[:3]
    rows = await office.world.rows(NoticeRow, person_id=lin)
    assert sorted(row.task_id for row in rows) == sorted(tasks[:3])
    await office.change(tasks[1], decided=True)
    await office.change(tasks[2], decided=True)
    await drained(office)


async def test_person_with_most_capacity_gets_the_next_eligible_task(office: Office) -> None:
    tasks = [await office.task(value_minor=value) for value in (900_00, 100_00, 100_00, 100_00)]
    small = await office.person(capacity=4, limit_minor=500_00)
    able = await office.person(capacity=2)
    for nobody in ({"on_duty": False}, {"active": False}, {"capacity": 0}, {"skill_brands": ["another"]}):
        await office.person(**({"capacity": 50} | nobody))
    await drained(office)
    assert tasks[0] in await has(office, able, tasks)
    assert len(await has(office, small, tasks)) + len(await has(office, able, tasks)) == 4
    assert len(await has(office, small, tasks)) >= 2


async def test_concurrent_assignment_runs_assign_each_task_once(office: Office) -> None:
    tasks = [await office.task() for _ in range(6)]
    lin = await office.person(capacity=4)
    assignment = Assignment(office.world.database, office.clock)
    await asyncio.gather(*(assignment.drain(50) for _ in range(4)))
    assert len(await has(office, lin, tasks)) == 4


async def test_an_absent_persons_unclaimed_tasks_go_to_their_stand_in(office: Office) -> None:
    lin, chen = await office.person(), await office.person()
    waiting, held, foreign = [await office.task(assigned_to=lin) for _ in range(3)]
    await office.change(foreign, barred=[chen])
    await office.takes(lin, held)
    absences = Absences(office.world.database, office.clock)
    now = office.clock()
    await absences.declare(lin, lin, now - timedelta(minutes=1), now + timedelta(days=2), stand_in=chen)
    await drained(office)
    rows = [await office.row(task) for task in (waiting, held, foreign)]
    assert [row.assigned_to for row in rows] == [chen, lin, None]


async def test_an_absence_needs_valid_dates_and_notifies_the_stand_in(office: Office) -> None:
    lin, chen, wu = await office.person(), await office.person(), await office.person()
    finance, admin = await office.person("finance"), await office.person("admin")
    absences, now = Absences(office.world.database, office.clock), office.clock()
    day = timedelta(days=1)
    wrong: list[tuple[dict[str, Any], str, str]] = [
        ({"ends_at": now}, "ends_at", "before_start"),
        ({"starts_at": now - 2 * day, "ends_at": now - day}, "ends_at", "past"),
        ({"ends_at": now + 400 * day}, "ends_at", "too_far"),
        ({"stand_in": lin}, "stand_in", "oneself"),
        ({"stand_in": None, "away": False}, "stand_in", "missing"),
        ({"stand_in": "nobody"}, "stand_in", "unknown"),
        ({"stand_in": finance}, "stand_in", "cannot_decide"),
    ]
    for given, field, why in wrong:
        sensible: dict[str, Any] = {"starts_at": now, "ends_at": now + day, "stand_in": chen}
        with pytest.raises(FieldInvalid) as refused:
            await absences.declare(lin, lin, **(sensible | given))
        assert refused.value.data == {"field": field, "why": why}
    with pytest.raises(NotAllowed):
        await absences.declare(wu, lin, now, now + day)
    absence = await absences.declare(lin, lin, now, now + day, stand_in=chen)
    (notice,) = await office.world.rows(NoticeRow, person_id=chen)
    assert (notice.kind, notice.facts["person"]) == ("stand_in", lin)
    for who, stand_in, why in ((lin, chen, "away_already"), (chen, wu, "stands_in"), (wu, lin, "away")):
        with pytest.raises(FieldInvalid) as refused:
            await absences.declare(admin, who, now + day / 2, now + 2 * day, stand_in=stand_in)
        assert refused.value.data["why"] == why
    assert absence
    with pytest.raises(NotAllowed):
        await absences.call_off(wu, absence)
    await absences.call_off(lin, absence)
    await absences.call_off(lin, absence)
    with pytest.raises(NotFound):
        await absences.call_off(lin, "none")
    (row,) = await office.world.rows(AbsenceRow, id=absence)
    assert row.ended_at == now
    assert await absences.declare(admin, chen, now, now + day, stand_in=wu)


async def test_a_stand_in_has_the_absent_persons_rights_and_counts_as_both_in_four_eyes(office: Office) -> None:
    wu, lin, chen = await office.person("senior"), await office.person(limit_minor=100_00), await office.person()
    escalated = await office.task(escalated=True, value_minor=900_00)
    assert await office.takes(lin) is None
    await office.stands_in(lin, wu)
    assert await office.takes(lin) == escalated  # As the senior they stand in for, whose limit is none.
    checks = [await office.task(phase=TaskPhase.CHECK, maker_id=maker, maker_circle=[maker]) for maker in (wu, chen)]
    with pytest.raises(OwnWork):
        await office.takes(lin, checks[0])
    assert await office.takes(lin, checks[1]) == checks[1]
    made_for_wu = await office.task(phase=TaskPhase.CHECK, maker_id=lin, maker_circle=[lin, wu])
    with pytest.raises(OwnWork):
        await office.takes(wu, made_for_wu)


async def test_a_relatives_case_is_not_assigned_to_the_stand_in(office: Office) -> None:
    lin, chen = await office.person(), await office.person()
    task = await office.task(seller="seller:cousin")
    async with office.world.database.transaction() as session:
        session.add(RelativeRow(person_id=chen, seller="seller:cousin"))
    assert await office.takes(chen) is None
    await office.stands_in(lin, chen)
    assert await office.takes(lin) is None
    assert await office.takes(await office.person(), task) == task
