"""A day at the queue: who is given what, in which order, and what becomes of tasks that are snoozed, reassigned or taken over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from database.tables.notices import NoticeRow
from domain.cards.card import CardType
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed, NotSignedIn
from domain.errors.work import NotEligible, OwnWork, ReasonUnknown, TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.work.queue_filter import Wanted
from domain.work.task import Band, CameBack, Priority, TaskPhase
from services.work.snoozes import Snoozes
from tests.builders.queueing import Office
from tests.builders.world import World


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


async def notices_of(office: Office, person: str) -> list[tuple[str, str | None]]:
    rows = await office.world.rows(NoticeRow, person_id=person)
    return [(row.kind, row.task_id) for row in rows]


async def test_the_next_task_is_claimed_then_assigned_then_escalated_overdue_returned_high_value_and_old(
    office: Office,
) -> None:
    now = office.clock()
    old = await office.task(opened_at=now - timedelta(minutes=30), value_minor=0)
    dear = await office.task(opened_at=now - timedelta(minutes=1), value_minor=5000_00)
    back = await office.task(came_back=CameBack.ITEM_SENT, came_back_at=now)
    late = await office.task(warned_at=now)
    escalated = await office.task(escalated=True)
    senior = await office.person("senior")
    given = await office.task(assigned_to=senior, value_minor=0)
    seen = []
    for _ in range(6):
        task = await office.takes(senior)
        assert task is not None
        assert await office.takes(senior) == task  # What is in hand comes first.
        seen.append(task)
        await office.change(task, decided=True)
    assert seen == [given, escalated, late, back, dear, old]
    assert await office.takes(senior) is None


async def test_next_task_matches_the_filter(office: Office) -> None:
    cheap = await office.task(value_minor=100_00)
    dear = await office.task(value_minor=900_00)
    dining = await office.task(card_type=CardType.DINING, language="en", value_minor=950_00)
    first, second, third = [await office.person() for _ in range(3)]
    lease = await office.desk.leases.take(first, None, Wanted(value_max_minor=500_00))
    assert lease is not None
    assert lease.task_id == cheap
    wanted = Wanted(card_types=(CardType.DINING,), languages=("en",))
    lease = await office.desk.leases.take(second, None, wanted)
    assert lease is not None
    assert lease.task_id == dining
    assert await office.desk.leases.take(third, None, wanted) is None
    assert await office.takes(third) == dear


async def test_a_lease_counts_down_is_renewed_by_work_and_expires(office: Office) -> None:
    task, lin, chen = await office.task(), await office.person(), await office.person()
    lease = await office.desk.leases.take(lin, task)
    assert lease is not None
    taken_at = office.clock()
    assert lease.until > taken_at
    office.clock.passes(minutes=10)
    kept = await office.desk.leases.renew(lin, task)
    assert kept is not None
    assert kept.until == lease.until + timedelta(minutes=10)
    assert (await office.row(task)).leased_at == taken_at
    assert await office.desk.leases.renew(chen, task) is None
    with pytest.raises(TaskHeldByAnother) as held:
        await office.takes(chen, task)
    assert held.value.data == {"holder": lin, "until": kept.until.isoformat()}
    office.clock.passes(minutes=16)
    assert await office.takes(chen) == task
    assert await office.desk.leases.renew(lin, task) is None
    assert (await office.row(task)).leased_at == office.clock()


async def test_released_task_can_be_claimed_by_all(office: Office) -> None:
    task, lin, chen = await office.task(), await office.person(), await office.person()
    await office.takes(lin, task)
    await office.desk.tasks.release(chen, task)  # Not theirs to give back.
    assert await office.takes(chen) is None
    await office.desk.tasks.release(lin, task)
    assert await office.takes(chen) == task
    assert await office.acts(task) == [("release", "")]


async def test_a_senior_takes_a_task_over_with_a_reason_and_its_holder_is_notified(office: Office) -> None:
    task, lin, wu = await office.task(), await office.person(), await office.person("senior")
    await office.takes(lin, task)
    with pytest.raises(ReasonUnknown):
        await office.desk.tasks.take_over(wu, task, "because")
    with pytest.raises(NotAllowed):
        await office.desk.tasks.take_over(lin, task, "urgent")
    lease = await office.desk.tasks.take_over(wu, task, "urgent", "She has gone home.")
    assert (lease.task_id, (await office.row(task)).leased_by) == (task, wu)
    assert await notices_of(office, lin) == [("taken_over", task)]
    assert await office.acts(task) == [("taken_over", "urgent")]
    assert "review.taken_over" in await office.world.story((await office.row(task)).card)
    with pytest.raises(TaskHeldByAnother):
        await office.takes(lin, task)


async def test_four_eyes_apply_to_take_over(office: Office) -> None:
    wu, chen = await office.person("senior"), await office.person("senior")
    task = await office.task(phase=TaskPhase.CHECK, maker_id=wu, maker_circle=[wu])
    for attempt in (office.desk.tasks.take_over(wu, task, "urgent"), office.takes(wu, task)):
        with pytest.raises(OwnWork):
            await attempt
    assert await office.takes(wu) is None
    assert await office.takes(chen) == task


async def test_snoozed_task_is_hidden_until_it_returns_with_its_reason(office: Office) -> None:
    task, lin, chen = await office.task(), await office.person(), await office.person()
    await office.takes(lin, task)
    until = office.clock() + timedelta(hours=2)
    due = (await office.row(task)).due_at
    await office.desk.tasks.snooze(lin, task, until, "call_store", "Closed until two.")
    assert await office.takes(chen) is None
    with pytest.raises(NotEligible) as refused:
        await office.takes(lin, task)
    assert refused.value.data == {"why": ["snoozed"]}
    office.clock.passes(hours=2)
    assert await office.takes(chen) == task  # At once, with nobody having told anybody.
    row = await office.row(task)
    assert (row.band, row.order_at, row.due_at) == (Band.CAME_BACK, until, due)
    assert (row.came_back, row.came_back_reason) == (CameBack.SNOOZE_OVER, "call_store")
    snoozes = Snoozes(office.world.database, office.clock)
    while await snoozes.tell_back(100):
        pass
    assert await notices_of(office, lin) == [("came_back", task)]
    assert await office.acts(task) == [("snoozed", "call_store")]


async def test_holder_snoozes_a_task_and_any_reviewer_wakes_it_early(
    office: Office,
) -> None:
    task, lin, chen = await office.task(), await office.person(), await office.person()
    await office.takes(lin, task)
    hour = office.clock() + timedelta(hours=1)
    for until, reason, who, refusal in (
        (office.clock(), "call_store", lin, FieldInvalid),
        (office.clock() + timedelta(days=31), "call_store", lin, FieldInvalid),
        (hour, "no_such", lin, ReasonUnknown),
        (hour, "call_store", chen, TaskHeldByAnother),
    ):
        with pytest.raises(refusal):
            await office.desk.tasks.snooze(who, task, until, reason)
    await office.desk.tasks.snooze(lin, task, hour, "call_store")
    await office.desk.tasks.wake(chen, task)
    assert await office.takes(chen) == task
    assert (await office.row(task)).order_at == office.clock()


async def test_a_snoozed_task_can_be_taken_over_before_it_is_back(office: Office) -> None:
    task, lin, wu = await office.task(), await office.person(), await office.person("senior")
    await office.desk.tasks.snooze(lin, task, office.clock() + timedelta(days=3), "call_store")
    await office.desk.tasks.take_over(wu, task, "urgent")
    row = await office.row(task)
    assert (row.leased_by, row.snoozed_until, row.order_at) == (wu, None, office.clock())


async def test_a_late_task_stays_late_while_it_is_snoozed(office: Office) -> None:
    lin = await office.person()
    task = await office.task(warned_at=office.clock())
    await office.desk.tasks.snooze(lin, task, office.clock() + timedelta(hours=1), "end_of_shift")
    assert (await office.row(task)).band == Band.ABOUT_TO_BREACH


async def test_escalated_task_moves_from_the_reviewer_to_the_seniors(office: Office) -> None:
    task, lin, wu = await office.task(), await office.person(), await office.person("senior")
    with pytest.raises(TaskNotHeld):
        await office.desk.tasks.escalate(lin, task, "unsure")
    await office.takes(lin, task)
    await office.desk.tasks.escalate(lin, task, "unsure", "The hologram is new to me.")
    row = await office.row(task)
    assert (row.escalated, row.band, row.leased_by, row.replan) == (True, Band.ESCALATED, None, True)
    assert await office.takes(lin) is None
    with pytest.raises(NotAllowed):
        await office.takes(lin, task)
    assert await office.takes(wu) == task
    assert "review.escalated" in await office.world.story(row.card)


async def test_assigned_task_is_reserved_until_returned(office: Office) -> None:
    task, lin, chen, wu = await office.task(), await office.person(), await office.person(), await office.person("ops")
    with pytest.raises(NotAllowed):
        await office.desk.tasks.assign(lin, task, chen)
    await office.desk.tasks.assign(wu, task, chen)
    assert await notices_of(office, chen) == [("assigned", task)]
    assert await office.takes(lin) is None
    with pytest.raises(NotEligible) as refused:
        await office.takes(lin, task)
    assert refused.value.data == {"why": ["assigned"]}
    with pytest.raises(NotAllowed):
        await office.desk.tasks.unassign(lin, task)
    await office.desk.tasks.unassign(wu, task)
    assert await office.takes(lin) == task
    with pytest.raises(TaskHeldByAnother):
        await office.desk.tasks.assign(wu, task, chen)


async def test_ineligible_task_is_never_assigned(office: Office) -> None:
    wu, other = await office.person("senior"), await office.person(skill_brands=["another"])
    task = await office.task(priority=Priority.HIGH)
    with pytest.raises(NotEligible) as refused:
        await office.desk.tasks.assign(wu, task, other)
    assert refused.value.data == {"why": ["brand"]}
    with pytest.raises(NotSignedIn):
        await office.desk.tasks.assign(wu, task, "nobody")
    with pytest.raises(NotAllowed):
        await office.desk.leases.take(await office.person("finance"), None)


async def test_decided_task_cannot_be_claimed(office: Office) -> None:
    task, wu = await office.task(decided=True), await office.person("senior")
    hour = office.clock() + timedelta(hours=1)
    for attempt in (
        office.takes(wu, task), office.desk.tasks.take_over(wu, task, "urgent"), office.desk.tasks.assign(wu, task, wu),
        office.desk.tasks.snooze(wu, task, hour, "call_store"), office.desk.tasks.escalate(wu, task, "unsure"),
    ):  # fmt: skip
        with pytest.raises(TaskDecided):
            await attempt
