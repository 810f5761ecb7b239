"""A third kind of work, declared here in ten lines, needs no code of queue, lease, clock or comment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import update

from database.reads.work import comments, queue
from database.tables.columns import now
from database.tables.evidence import LeafRow
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow
from database.tables.work import AlarmRow, AttachmentRow, WorkItemRow
from domain.errors.general import NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import SecretInWords, TaskHeldByAnother
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.work.deadlines import ClockOwner
from domain.work.kinds import KindOfWork, kind_of, page_at, register, withdraw
from domain.work.queue_filter import Wanted
from domain.work.task import CameBack
from services.work import sla
from services.work.assignment import Assignment
from services.work.bulk import Bulk
from services.work.comments import ATTACHED, Comments
from services.work.drafts import kept, save
from services.work.item_clocks import OwnClocks, due_items
from services.work.ordering import placed
from services.work.snoozes import Snoozes
from tests.builders.queueing import Office
from tests.builders.world import World

ERRAND = KindOfWork(
    code="errand",
    see=Permission.SEE_PAYOUTS,
    take=Permission.CORRECT_PAYEE,
    take_escalated=Permission.CORRECT_PAYEE,
    page="/errands/{task}",
)
MINE = Wanted(kind="errand")


@pytest_asyncio.fixture
async def errands(world: World) -> AsyncIterator[None]:
    register(ERRAND)
    yield
    async with world.database.transaction() as session:  # No item may outlive its kind.
        await session.execute(update(WorkItemRow).where(WorkItemRow.kind == ERRAND.code).values(closed_at=now()))
    withdraw(ERRAND.code)


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


async def an_errand(office: Office) -> str:
    """An open item that concerns no card."""
    now = office.clock()
    task = WorkItemRow(
        id=f"work:errand:{new_id()}", kind="errand", value_minor=0, opened_at=now, warn_at=now, due_at=now
    )
    async with office.world.database.transaction() as session:
        session.add(task)
        await session.flush()
        await sla.pass_to(session, task, ClockOwner.SUPPORT, now)
        await sla.plan(session, task, now, "opened")
        placed(task, now)
    return task.id


async def empty(office: Office) -> None:
    """Close the errands of other stories, and what else a clerk of finance could be given first."""
    theirs = (WorkItemRow.closed_at.is_(None), WorkItemRow.kind.in_([MINE.kind, "financeask"]))
    async with office.world.database.transaction() as session:
        await session.execute(update(WorkItemRow).where(*theirs).values(closed_at=office.clock()))


async def test_new_kind_is_claimed_leased_snoozed_and_released(office: Office, errands: None) -> None:
    await empty(office)
    tasks, clerk = [await an_errand(office) for _ in range(2)], await office.world.a_person("finance")
    lease = await office.desk.leases.take(clerk, None, MINE)
    assert lease is not None
    assert (lease.task_id, lease.card_id) == (tasks[0], None)
    other = await office.world.a_person("finance")
    with pytest.raises(TaskHeldByAnother):
        await office.desk.leases.take(other, tasks[0])
    second = await office.desk.leases.take(other, None, MINE)
    assert second is not None
    assert second.task_id == tasks[1]
    with pytest.raises(NotAllowed):
        await office.desk.leases.take(await office.world.a_person("reviewer"), tasks[0])
    assert (
        await office.desk.leases.take(await office.world.a_person("senior"), None, Wanted(ending=tasks[0][-9:])) is None
    )
    until = office.clock() + timedelta(hours=2)
    await office.desk.tasks.snooze(clerk, tasks[0], until, "call_store")
    assert (await office.row(tasks[0])).leased_by is None
    office.clock.passes(hours=3)
    assert await Snoozes(office.world.database, office.clock).tell_back(1000) >= 1
    assert (await office.row(tasks[0])).came_back is CameBack.SNOOZE_OVER
    assert await office.takes(clerk, tasks[0]) == tasks[0]
    await office.desk.leases.release(clerk, tasks[0])
    assert [act for act, _ in await office.acts(tasks[0])] == ["snoozed", "release"]


async def test_a_third_kind_is_assigned_by_capacity_and_in_bulk(office: Office, errands: None) -> None:
    await empty(office)
    task = await an_errand(office)
    clerk = await office.person("finance", skill_brands=[], capacity=1)
    given = 0
    for _ in range(20):  # What other tests left open is given out too.
        given = await Assignment(office.world.database, office.clock).drain(1000)
        if (await office.row(task)).assigned_to or not given:
            break
    to = (await office.row(task)).assigned_to
    assert to == clerk
    senior = await office.world.a_person("ops")
    bulk = Bulk(office.world.database, office.desk.tasks)
    batch = await bulk.batch(senior, await bulk.assign(senior, [task], await office.world.a_person("reviewer")))
    assert [one.code for one in batch.results] == ["not_allowed"]
    another = await office.world.a_person("finance")
    batch = await bulk.batch(senior, await bulk.assign(senior, [task], another))
    assert [one.code for one in batch.results] == [""]
    (notice,) = await office.world.rows(NoticeRow, task_id=task, person_id=another)
    assert page_at(notice.task_id, notice.card_id) == f"/errands/{task}"


async def test_a_third_kind_has_comments_drafts_and_a_clock(office: Office, errands: None) -> None:
    task, clerk = await an_errand(office), await office.world.a_person("senior")
    talk = Comments(office.world.database, office.world.keyring, office.world.photos)
    await talk.add_to_item(clerk, task, "The bank answered")
    with pytest.raises(SecretInWords):
        await talk.add_to_item(clerk, task, "8800 1234 1234 1234")
    async with office.world.database.transaction() as session:
        said = await comments.of_work(session, await session.get_one(WorkItemRow, task))
        assert [one.words for one in said] == ["The bank answered"]
        await save(session, office.world.keyring, task, clerk, {"note": "half"})
        assert await kept(session, office.world.keyring, task, clerk) == {"note": "half"}
    office.clock.moment = (await office.row(task)).due_at
    await OwnClocks(office.world.database, office.clock).ring(1000)
    assert {one.alarm for one in await office.world.rows(AlarmRow, task_id=task)} >= {"warning", "breach"}


async def test_overdue_item_is_read_again_only_for_the_next_step_of_its_chain(office: Office, errands: None) -> None:
    task, clocks = await an_errand(office), OwnClocks(office.world.database, office.clock)

    async def due() -> bool:
        async with office.world.database.transaction() as session:
            return task in await due_items(session, sla.newest_version(), office.clock(), 10_000)

    async with office.world.database.transaction() as session:
        plan = await sla.planned(session, await session.get_one(WorkItemRow, task), office.clock())
    assert len(plan.chain) >= 2
    assert not await due()
    office.clock.moment = plan.due_at
    assert await due()
    await clocks.ring(10_000)
    assert not await due(), "warning and breach are sent, and the chain has not come to its first step"
    for step, at in enumerate(plan.chain):
        office.clock.moment = at
        assert await due()
        await clocks.ring(10_000)
        sent = {one.alarm for one in await office.world.rows(AlarmRow, task_id=task)}
        assert f"chain:{step}" in sent
        assert not await due()
    assert (await office.row(task)).next_chain_at is None
    office.clock.passes(hours=24 * 30)
    assert not await due(), "nothing is left to do"


async def test_a_third_kind_takes_files_that_its_own_people_download(office: Office, errands: None) -> None:
    world, task = office.world, await an_errand(office)
    clerk, talk = await world.a_person("senior"), Comments(world.database, world.keyring, world.photos)
    with pytest.raises(SecretInWords):
        await talk.add_to_item(clerk, task, "see", [("8800 1234 1234 1234.txt", b"x")])
    comment = await talk.add_to_item(clerk, task, "", [("answer.txt", "银行已退回".encode())])
    [kept_file] = await world.rows(AttachmentRow, comment_id=comment)
    assert (kept_file.card_id, kept_file.task_id) == (None, task)
    [leaf] = [one for one in await world.rows(LeafRow, card_id=None, what=ATTACHED) if one.body["task_id"] == task]
    assert leaf.body["facts"]["sha256"] == kept_file.sha256
    assert "card_id" not in leaf.body
    taken = await talk.download_of_item(clerk, task, kept_file.id)
    assert (taken.name, taken.content.decode()) == ("answer.txt", "银行已退回")
    [act] = await world.rows(AuditRow, subject=task, act="console:work:download")
    assert act.facts == {"attachment": kept_file.id}
    other = await an_errand(office)
    for person, about, refused in ((clerk, other, NotFound), (await world.a_person("reviewer"), task, NotAllowed)):
        with pytest.raises(refused):
            await talk.download_of_item(person, about, kept_file.id)
    with pytest.raises(NotAllowed):  # Who does not see the queue writes nothing on its items either.
        await talk.add_to_item(await world.a_person("reviewer"), task, "me too")


async def test_each_queue_shows_its_own_kind_alone(office: Office, errands: None) -> None:
    task, review = await an_errand(office), await office.task()
    async with office.world.database.transaction() as session:
        for wanted, there, elsewhere in ((MINE, task, review), (Wanted(brands=(office.brand,)), review, task)):
            page = await queue.queue(session, wanted, None, "nobody", office.clock(), 10_000)
            shown = {entry.task.id for entry in page.entries}
            assert there in shown
            assert elsewhere not in shown
    assert Wanted.from_query(MINE.query()) == MINE


async def test_a_kind_is_registered_once_under_a_plain_code(errands: None) -> None:
    with pytest.raises(ValueError, match="errand"):
        register(KindOfWork("errand", ERRAND.see, ERRAND.take, ERRAND.take_escalated, "/elsewhere"))
    with pytest.raises(ValueError, match="Errand 2"):
        register(KindOfWork("Errand 2", ERRAND.see, ERRAND.take, ERRAND.take_escalated, "/"))
    assert kind_of("errand") is ERRAND
    assert page_at("card:01CARD:review:1", "01CARD") == page_at("card:01CARD:review:1", None) == "/cards/01CARD"
    assert page_at("card:01CARD:callback:1", "01CARD") == "/callbacks/card:01CARD:callback:1"
    assert page_at(None, None) is None
