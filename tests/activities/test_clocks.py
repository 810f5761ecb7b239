"""The clock of a review in the database: kept as intervals, reckoned again from them, moved by new policies, told once."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import text, update

from activities import clocks
from activities.deadline_setup import DeadlineSetup
from activities.review import Review
from bootstrap.replanning import Replanner
from database.migrate import upgrade
from database.session import Database
from database.tables.deadlines import AlarmRow, ClockIntervalRow, ClockPlanRow
from database.tables.intake import CardRow
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow, PersonRow
from database.tables.review import ReviewDecisionRow, ReviewTaskRow
from domain.cards import CardType
from domain.deadline_document import DocumentWrong, Flaw, FlawKind
from domain.deadlines import ClockOwner
from domain.facts import TaskOpened
from domain.identifiers import new_id
from domain.refusals import FieldInvalid, PoliciesChanged, TemporarilyUnavailable
from domain.review import Alarm, AskedItem, CameBack, Priority, RejectReason, ReviewOutcome
from domain.rules.deadlines import built_in_document
from domain.why_due import DueReason
from tests.activities.world import World, a_world
from tests.conftest import apart

MONDAY = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)  # Nine o'clock in Shanghai.
HOUR = timedelta(hours=1)


class Hands:
    """A card in the hands of a test: a review whose clock stands where the test puts it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.now, self.base = MONDAY, 1
        self.review = Review(world.database, world.keyring, now=lambda: self.now)
        self.setup = DeadlineSetup(world.database, now=lambda: self.now)

    async def a_card(self, brand: str = "jd") -> str:
        return await self.world.a_card(brand)

    async def opened(self, card_id: str, number: int = 1) -> tuple[ReviewTaskRow, TaskOpened]:
        told = await self.review.open(card_id, number, ["low_confidence"])
        return await self.task(told.task_id), told

    async def task(self, task_id: str) -> ReviewTaskRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(ReviewTaskRow, task_id)

    async def decided(self, task: ReviewTaskRow, outcome: ReviewOutcome, **more: Any) -> None:
        """As a reviewer and the card's workflow do it."""
        person = await self.world.a_person()
        row = ReviewDecisionRow(
            id=new_id(), task_id=task.id, card_id=task.card_id, person_id=person, outcome=outcome, made_at=self.now, **more
        )  # fmt: skip
        async with self.world.database.transaction() as session:
            session.add(row)
        await self.review.apply(task.id, row.id)

    async def policies(self, change: Any) -> int:
        """A new version: the newest document after `change` had it."""
        kept = await self.setup.current()
        document = copy.deepcopy(kept.document)
        change(document)
        return await self.setup.save("somebody", document, "tried in a test", kept.version.number)

    async def due_as_kept(self, task_id: str) -> datetime:
        async with self.world.database.transaction() as session:
            return await clocks.recomputed(session, await session.get_one(ReviewTaskRow, task_id))

    async def notices(self, task: ReviewTaskRow) -> list[tuple[str, str]]:
        return sorted((row.kind, row.person_id) for row in await self.world.rows(NoticeRow, task_id=task.id))


@pytest.fixture(scope="module")
def own_url(make_database: Callable[[str], str], worker: str) -> str:
    """A database of these tests alone: a version of the policies that was saved is never taken back."""
    url = make_database(f"clocks_{worker}")
    apart(lambda: upgrade(url))
    return url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_world(own_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    database = Database(own_url, pool_size=4)
    async with a_world(database, tmp_path_factory.mktemp("clocks")) as world:
        yield world
    await database.dispose()


@pytest_asyncio.fixture(loop_scope="session")
async def hands(own_world: World) -> Hands:
    """The policies as they come with the product, no open task, and nobody of an earlier test at work."""
    async with own_world.database.transaction() as session:
        await session.execute(update(ReviewTaskRow).values(closed_at=MONDAY))
        await session.execute(update(PersonRow).values(active=False))
    hands = Hands(own_world)
    kept = await hands.setup.current()
    if kept.document != built_in_document():
        await hands.setup.save("nobody", built_in_document(), "as at first", kept.version.number)
    hands.base = (await hands.setup.current()).version.number
    return hands


def all_by_office(document: dict[str, Any]) -> None:
    document["teams"]["cards"] = "office"


def budget(seconds: int, **more: Any) -> Any:
    def change(document: dict[str, Any]) -> None:
        for policy in document["policies"]:
            policy.update(budget_s=seconds, **more)

    return change


async def test_a_task_opens_with_an_interval_a_plan_and_a_deadline_that_can_be_reckoned_again(hands: Hands) -> None:
    task, told = await hands.opened(await hands.a_card())
    assert (task.warn_at, task.due_at) == (MONDAY + timedelta(seconds=1350), MONDAY + timedelta(seconds=1800))
    assert (told.warn_after_s, told.due_after_s, told.chain_after_s) == (1350, 1800, (3600, 7200))
    assert await hands.due_as_kept(task.id) == task.due_at
    (interval,) = await hands.world.rows(ClockIntervalRow, task_id=task.id)
    assert (interval.owner, interval.runs, interval.started_at, interval.ended_at) == ("reviewer", True, MONDAY, None)
    (plan,) = await hands.world.rows(ClockPlanRow, task_id=task.id)
    assert (plan.policy, plan.calendar, plan.budget_s, plan.used_s, plan.why) == (
        "ecommerce",
        "always",
        1800,
        0,
        "opened",
    )


async def test_a_task_asked_for_again_later_has_the_time_that_is_left_and_nothing_is_kept_twice(hands: Hands) -> None:
    card = await hands.a_card()
    task, _ = await hands.opened(card)
    hands.now += timedelta(seconds=1500)
    _, again = await hands.opened(card)
    assert (again.warn_after_s, again.due_after_s) == (0, 300)
    assert len(await hands.world.rows(ClockPlanRow, task_id=task.id)) == 1
    assert len(await hands.world.rows(ClockIntervalRow, task_id=task.id)) == 1


async def test_the_clock_stands_for_the_seller_and_a_later_task_goes_on_with_what_is_left(hands: Hands) -> None:
    card = await hands.a_card()
    first, _ = await hands.opened(card)
    hands.now += timedelta(seconds=600)
    await hands.decided(first, ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN)
    hands.now += timedelta(days=2)
    second, _ = await hands.opened(card, 2)
    assert second.due_at == hands.now + timedelta(seconds=1200)
    assert (second.came_back, second.came_back_at) == (CameBack.ITEM_SENT, hands.now)
    assert await hands.due_as_kept(second.id) == second.due_at
    owners = [
        row.owner
        for row in sorted(await hands.world.rows(ClockIntervalRow, card_id=card), key=lambda one: one.started_at)
    ]
    assert owners == [ClockOwner.REVIEWER, ClockOwner.SELLER, ClockOwner.REVIEWER]
    told = {one.reason: one.values for one in await hands.setup.why_due(card)}
    assert told[DueReason.CARRIED] == {"carried": timedelta(seconds=600), "allowed": timedelta(seconds=1200)}
    assert told[DueReason.STOOD]["owner"] is ClockOwner.SELLER


async def test_a_card_that_comes_from_the_store_says_so_and_has_the_floor_when_its_time_is_used_up(
    hands: Hands,
) -> None:
    card = await hands.a_card()
    first, _ = await hands.opened(card)
    hands.now += timedelta(hours=3)
    await hands.decided(first, ReviewOutcome.HAND_TO_STORE)
    second, _ = await hands.opened(card, 2)
    assert second.came_back is CameBack.STORE_ANSWERED
    assert second.due_at == hands.now + timedelta(minutes=10)


async def test_a_rejected_card_is_nobodys_time(hands: Hands) -> None:
    card = await hands.a_card()
    task, _ = await hands.opened(card)
    await hands.decided(task, ReviewOutcome.REJECT, reject_reason=RejectReason.FORGED)
    assert [row.ended_at for row in await hands.world.rows(ClockIntervalRow, card_id=card)] == [MONDAY]


async def test_by_the_office_calendar_a_task_of_the_evening_is_due_the_next_morning(hands: Hands) -> None:
    await hands.policies(all_by_office)
    hands.now = MONDAY.replace(hour=9, minute=45)  # A quarter to six in Shanghai.
    task, _ = await hands.opened(await hands.a_card())
    assert task.due_at == MONDAY + timedelta(days=1, minutes=15)
    told = {one.reason: one.values for one in await hands.setup.why_due(task.card_id)}
    assert told[DueReason.CALENDAR] == {"calendar": "office", "zone": "Asia/Shanghai"}
    assert told[DueReason.CLOSED] == {"closed": 15 * HOUR}


async def test_a_new_version_moves_the_deadline_keeps_the_pauses_and_is_told_why(hands: Hands) -> None:
    card = await hands.a_card()
    first, _ = await hands.opened(card)
    hands.now += timedelta(seconds=600)
    await hands.decided(first, ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN)
    hands.now += timedelta(days=1)
    second, _ = await hands.opened(card, 2)
    assert await hands.policies(budget(7200)) == hands.base + 1
    hands.now += timedelta(minutes=5)
    moved = await hands.review.replan(second.id)
    task = await hands.task(second.id)
    assert task.due_at == second.opened_at + timedelta(seconds=7200 - 600)
    assert moved.due_after_s == 7200 - 600 - 300
    assert (task.plan_version, task.replan, await hands.due_as_kept(task.id)) == (hands.base + 1, False, task.due_at)
    assert (await hands.world.card(card)).until == task.due_at
    reasons = [one.reason for one in await hands.setup.why_due(card)]
    assert DueReason.REPLANNED in reasons
    assert "review.replanned" in await hands.world.story(card)


async def test_another_priority_has_another_policy(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    async with hands.world.database.transaction() as session:
        row = await session.get_one(ReviewTaskRow, task.id)
        row.priority, row.replan = Priority.URGENT, True
    await hands.review.replan(task.id)
    assert (await hands.task(task.id)).due_at == MONDAY + timedelta(seconds=900)


async def test_an_alarm_is_told_once_however_often_it_is_asked_for_and_to_those_it_concerns(hands: Hands) -> None:
    holder, senior, ops = [await hands.world.a_person(role) for role in ("reviewer", "senior", "ops")]
    other_team = await hands.world.a_person("senior")
    task, _ = await hands.opened(await hands.a_card())
    async with hands.world.database.transaction() as session:
        (await session.get_one(PersonRow, other_team)).team = "night"
        row = await session.get_one(ReviewTaskRow, task.id)
        row.leased_by, row.leased_until = holder, MONDAY + HOUR
    for _ in range(2):
        await hands.review.alarm(task.id, Alarm.WARNING)
    assert await hands.notices(task) == [("warning", holder)]
    for _ in range(2):
        await hands.review.alarm(task.id, Alarm.BREACH)
        await hands.review.chain(task.id, 1)
    told = await hands.notices(task)
    assert told == sorted([("warning", holder), ("breach", holder), ("breach", senior), ("chain", ops)])
    story = await hands.world.story(task.card_id)
    assert [story.count(what) for what in ("review.warning", "review.breach", "review.reminded")] == [1, 1, 1]
    assert {row.alarm for row in await hands.world.rows(AlarmRow, task_id=task.id)} == {"warning", "breach", "chain:1"}
    late = await hands.task(task.id)
    assert (late.escalated, late.band, await hands.due_as_kept(task.id)) == (True, 0, task.due_at)


async def test_a_closed_task_sounds_no_alarm_and_a_step_that_no_longer_exists_tells_nobody(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    await hands.review.chain(task.id, 7)
    await hands.decided(task, ReviewOutcome.APPROVE)
    await hands.review.alarm(task.id, Alarm.BREACH)
    await hands.review.chain(task.id, 0)
    assert await hands.world.rows(AlarmRow, task_id=task.id) == []


REJECTS = {"at_end": {"do": "reject", "minutes": 60, "counts": "plain"}}


async def test_the_policy_lets_a_card_go_once_and_by_nobodys_hand(hands: Hands) -> None:
    await hands.policies(budget(1800, **REJECTS))
    task, told = await hands.opened(await hands.a_card())
    assert told.end_after_s == told.chain_after_s[-1] + 3600
    first, again = [await hands.review.decide_by_policy(task.id) for _ in range(2)]
    assert first.decision_id is not None
    assert first == again
    facts = await hands.review.apply(task.id, first.decision_id)
    assert (facts.outcome, facts.reject_reason) == (ReviewOutcome.REJECT, RejectReason.NOT_DECIDED)
    (row,) = await hands.world.rows(ReviewDecisionRow, task_id=task.id)
    assert row.person_id is None
    assert "review.not_decided" in await hands.world.story(task.card_id)


async def test_a_decision_of_a_person_that_stands_wins_over_the_policys(hands: Hands) -> None:
    await hands.policies(budget(1800, **REJECTS))
    task, _ = await hands.opened(await hands.a_card())
    person = await hands.world.a_person()
    staged = ReviewDecisionRow(
        id=new_id(), task_id=task.id, card_id=task.card_id, person_id=person, outcome=ReviewOutcome.APPROVE, needs_check="value"
    )  # fmt: skip
    async with hands.world.database.transaction() as session:
        session.add(staged)
    held_up = await hands.review.decide_by_policy(task.id)
    assert (held_up.decision_id, held_up.again_after_s > 0) == (None, True)
    assert [row.id for row in await hands.world.rows(ReviewDecisionRow, task_id=task.id)] == [staged.id]
    async with hands.world.database.transaction() as session:
        row = await session.get_one(ReviewDecisionRow, staged.id)
        row.void_at, row.void_why = MONDAY, "undone"
    assert (await hands.review.decide_by_policy(task.id)).decision_id is not None


async def test_a_policy_that_leaves_tasks_open_decides_nothing(hands: Hands) -> None:
    task, told = await hands.opened(await hands.a_card())
    assert told.end_after_s is None
    assert (await hands.review.decide_by_policy(task.id)).decision_id is None
    assert await hands.world.rows(ReviewDecisionRow, task_id=task.id) == []


async def test_a_document_is_tried_before_it_is_saved_and_saved_with_its_reason(hands: Hands) -> None:
    tasks = [(await hands.opened(await hands.a_card()))[0] for _ in range(3)]
    document = built_in_document()
    budget(600)(document)
    hands.now += timedelta(minutes=15)
    tried = await hands.setup.preview(document)
    assert (tried.looked_at, tried.moved, tried.late, tried.more) == (3, 3, 3, False)
    assert {(one.before, one.after) for one in tried.largest} == {(tasks[0].due_at, MONDAY + timedelta(minutes=10))}
    assert (await hands.setup.current()).version.number == hands.base, "nothing is saved by trying"
    with pytest.raises(FieldInvalid):
        await hands.setup.save("P", document, "  ", hands.base)
    saved = await hands.setup.save("P", document, "shorter nights", hands.base)
    assert saved == hands.base + 1
    with pytest.raises(PoliciesChanged) as changed:
        await hands.setup.save("P", document, "at the same time", hands.base)
    assert changed.value.data == {"version": saved}
    kept = await hands.setup.current()
    assert (kept.version.number, kept.version.note, kept.document) == (saved, "shorter nights", document)
    assert [one.number for one in await hands.setup.history()] == list(range(saved, 0, -1))
    audits = await hands.world.rows(AuditRow, act="console:deadlines:save", reason="shorter nights")
    assert [row.actor for row in audits][-1:] == ["person:P"]


async def test_a_document_with_a_flaw_is_neither_tried_nor_saved(hands: Hands) -> None:
    document = built_in_document()
    document["policies"][0]["budget_s"] = -1
    flaw = Flaw("policies[0].budget_s", FlawKind.OUT_OF_RANGE)
    for doing in (hands.setup.preview(document), hands.setup.save("P", document, "note", hands.base)):
        with pytest.raises(DocumentWrong) as wrong:
            await doing
        assert wrong.value.flaws == (flaw,)
    assert (await hands.setup.current()).version.number == hands.base


class Desk:
    """Remembers which cards were told; or Temporal is away."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.away = False

    async def replan(self, card_id: str, task_id: str) -> None:
        if self.away:
            raise TemporarilyUnavailable
        self.told.append((card_id, task_id))


async def test_open_tasks_of_an_older_version_are_told_until_they_have_planned_anew(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    closed, _ = await hands.opened(await hands.a_card())
    await hands.decided(closed, ReviewOutcome.APPROVE)
    desk = Desk()
    replanner = Replanner(hands.world.database, desk, now=lambda: hands.now)  # type: ignore[arg-type]  # All that it calls.
    assert await replanner.signal() == 0
    await hands.policies(budget(3600))
    desk.away = True
    assert await replanner.signal() == 0
    desk.away = False
    hands.now += timedelta(minutes=2)
    assert await replanner.signal() == 1
    assert await replanner.signal() == 0, "it is given time"
    hands.now += timedelta(minutes=2)
    assert await replanner.signal() == 1, "it has not planned yet"
    await hands.review.replan(task.id)
    hands.now += timedelta(minutes=20)
    assert await replanner.signal() == 0
    assert set(desk.told) == {(task.card_id, task.id)}


async def test_a_task_whose_clock_somebody_changed_is_told_too(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    async with hands.world.database.transaction() as session:
        await session.execute(text("UPDATE review_task SET replan = true WHERE id = :id"), {"id": task.id})
    desk = Desk()
    assert await Replanner(hands.world.database, desk).signal() == 1  # type: ignore[arg-type]  # All that it calls.
    assert desk.told == [(task.card_id, task.id)]


async def test_a_card_that_no_reviewer_had_has_no_deadline_to_explain(hands: Hands) -> None:
    card = await hands.a_card()
    (row,) = await hands.world.rows(CardRow, id=card)
    assert row.card_type is CardType.ECOMMERCE
    assert await hands.setup.why_due(card) == ()
