"""A seller asks for a call or appeals a decision: the request is asked once, held by lease, answered once, and shown to the seller."""

from __future__ import annotations

from datetime import timedelta

import pytest

from database.reads.cards.submissions import story
from database.reads.support.callbacks import newest_of_card
from database.repositories.cards import open_number
from database.tables.people import AuditRow
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.work import AlarmRow, ClockIntervalRow, ClockPlanRow, WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.support import CallbackWaits
from domain.errors.work import (
    NotEligible,
    OwnWork,
    ReasonUnknown,
    SecretInWords,
    TaskDecided,
    TaskHeldByAnother,
    TaskNotHeld,
)
from domain.support.callbacks import CALLBACK, CallbackWanted
from domain.work.eligibility import Ineligible
from domain.work.queue_filter import Wanted
from domain.work.task import CheckVerdict
from services.review.desk import ReviewDesk, review_desk
from services.support.callbacks import Asked, Callbacks
from services.support.desk import SupportDesk
from services.work.item_clocks import OwnClocks
from tests.builders.queueing import Clock
from tests.builders.world import World
from web.words import Audience, story_sentence

APPEAL = Asked(CallbackWanted.APPEAL, "Why was it not bought?")


class Scene:
    """One seller's card, support at its desk, and a fixed clock."""

    def __init__(self, world: World, owner: str, card_id: str) -> None:
        self.world, self.owner, self.card_id, self.clock = world, owner, card_id, Clock()
        self.desk: ReviewDesk = review_desk(world.database, world.keyring, self.clock)
        self.callbacks = Callbacks(SupportDesk(world.database, world.keyring, world.photos, self.clock))

    async def asked(self) -> str:
        return await self.callbacks.ask(self.owner, self.card_id, APPEAL)

    async def held(self, *roles: str) -> tuple[str, str]:
        """An open request and the agent who holds it."""
        task, agent = await self.asked(), await self.world.a_person(*(roles or ("support",)))
        assert await self.desk.leases.take(agent, task)
        return task, agent

    async def item(self, task: str) -> WorkItemRow:
        async with self.world.database.transaction() as session:
            return await session.get_one(WorkItemRow, task)


@pytest.fixture
async def scene(world: World) -> Scene:
    owner = await world.a_seller()
    return Scene(world, owner, await world.a_card(owner=owner))


async def test_a_request_is_an_item_of_support_with_a_clock_of_its_own(scene: Scene) -> None:
    before = await scene.world.card(scene.card_id)
    task = await scene.asked()
    item, after = await scene.item(task), await scene.world.card(scene.card_id)
    assert (item.kind, item.card_id, item.team, item.reasons) == (CALLBACK, scene.card_id, "support", ["appeal"])
    assert (after.stage, after.waiting_for, after.since, after.until) == (
        before.stage, before.waiting_for, before.since, before.until,
    )  # fmt: skip
    (plan,) = await scene.world.rows(ClockPlanRow, task_id=task)
    assert (plan.policy, plan.calendar, plan.budget_s) == ("callback", "office", 8 * 3600)
    (interval,) = await scene.world.rows(ClockIntervalRow, task_id=task)
    assert (interval.card_id, interval.owner, interval.ended_at) == (None, "support", None)
    assert (await scene.world.story(scene.card_id))[-1] == "callback.asked"


async def test_a_second_request_waits_for_the_answer_to_the_first(scene: Scene) -> None:
    task, agent = await scene.held()
    with pytest.raises(CallbackWaits):
        await scene.asked()
    await scene.callbacks.close(agent, task, "explained")
    assert await scene.asked() != task


async def test_request_text_cannot_hold_secrets_and_an_appeal_needs_a_reason(scene: Scene) -> None:
    owner = scene.owner
    card = await scene.world.card(scene.card_id)
    number = open_number(scene.world.keyring, card)
    assert number is not None
    for words in ("my card is 8800 1234 1234 1234", "８８００１２３４１２３４１２３４", f"it says {number}"):
        with pytest.raises(SecretInWords):
            await scene.callbacks.ask(owner, scene.card_id, Asked(CallbackWanted.CALL, words))
    with pytest.raises(FieldInvalid):
        await scene.callbacks.ask(owner, scene.card_id, Asked(CallbackWanted.APPEAL, "  "))
    with pytest.raises(FieldInvalid):
        await scene.callbacks.ask(owner, scene.card_id, Asked(CallbackWanted.CALL, "x" * 501))
    assert await scene.world.rows(CallbackRequestRow, card_id=scene.card_id) == []


async def test_callback_for_another_sellers_card_is_refused(scene: Scene) -> None:
    for owner in (await scene.world.a_seller(), "partner:ANY", "seller:NOBODY"):
        with pytest.raises(NotFound):
            await scene.callbacks.ask(owner, scene.card_id, APPEAL)


async def test_the_seller_reads_the_answer_in_both_languages(scene: Scene) -> None:
    task, agent = await scene.held()
    await scene.callbacks.close(agent, task, "explained", "explained the photo")
    async with scene.world.database.transaction() as session:
        entry = (await story(session, scene.card_id))[-1]
        seen = await newest_of_card(session, scene.card_id)
    assert seen is not None
    assert seen.answer == {"zh_CN": "已说明决定的理由", "en": "We explained the reasons for the decision"}
    assert "explained the photo" not in str(entry.facts)
    assert (
        story_sentence(entry.what, entry.facts, "en") == "Support answered: We explained the reasons for the decision"
    )
    assert story_sentence(entry.what, entry.facts, "zh_CN", Audience.PARTNER) == "客服已答复卖家：已说明决定的理由"
    (audit,) = [one for one in await scene.world.rows(AuditRow, subject=task) if one.act == "console:task:close"]
    assert (audit.actor, audit.reason, audit.facts["note"]) == (
        f"person:{agent}",
        "explained",
        "explained the photo",
    )
    item = await scene.item(task)
    assert (item.closed_at, item.leased_by, item.decision_id) == (scene.clock.moment, None, None)
    (interval,) = await scene.world.rows(ClockIntervalRow, task_id=task)
    assert interval.ended_at is not None


async def test_a_request_is_closed_once_by_its_holder_in_time(scene: Scene) -> None:
    task, agent = await scene.held()
    other = await scene.world.a_person("support")
    with pytest.raises(TaskHeldByAnother):
        await scene.callbacks.close(other, task, "explained")
    with pytest.raises(ReasonUnknown):
        await scene.callbacks.close(agent, task, "forged")
    scene.clock.passes(hours=1)
    with pytest.raises(TaskNotHeld):  # The lease ran out.
        await scene.callbacks.close(agent, task, "explained")
    assert await scene.desk.leases.take(other, task)
    with pytest.raises(TaskHeldByAnother):  # A tab that was left open.
        await scene.callbacks.close(agent, task, "explained")
    await scene.callbacks.close(other, task, "explained")
    for person in (agent, other):
        with pytest.raises(TaskDecided):
            await scene.callbacks.close(person, task, "reached")
    (row,) = await scene.world.rows(CallbackRequestRow, id=task)
    assert (row.reason_code, row.closed_by) == ("explained", other)


@pytest.mark.parametrize("role", ["reviewer", "ops", "finance", "compliance", "admin"])
async def test_other_roles_neither_take_nor_close_nor_call(scene: Scene, role: str) -> None:
    task, person = await scene.asked(), await scene.world.a_person(role)
    for act in (
        scene.desk.leases.take(person, task),
        scene.desk.leases.take(person, None, Wanted(kind=CALLBACK)),
        scene.callbacks.close(person, task, "explained"),
        scene.callbacks.telephone(person, task),
        scene.desk.tasks.snooze(person, task, scene.clock() + timedelta(hours=1), "call_store"),
    ):
        with pytest.raises(NotAllowed):
            await act


async def test_agent_who_is_the_seller_gets_no_request(scene: Scene) -> None:
    task, agent = await scene.asked(), await scene.world.a_person("support")
    async with scene.world.database.transaction() as session:
        (await session.get_one(WorkItemRow, task)).linked = [agent]
    with pytest.raises(NotEligible) as refused:
        await scene.desk.leases.take(agent, task)
    assert refused.value.data["why"] == [Ineligible.LINKED]
    assert await scene.desk.leases.take(agent, None, Wanted(kind=CALLBACK, ending=scene.card_id)) is None
    async with scene.world.database.transaction() as session:  # Held by some fault.
        row = await session.get_one(WorkItemRow, task)
        row.leased_by, row.leased_until = agent, scene.clock() + timedelta(minutes=9)
    for act in (scene.callbacks.close(agent, task, "explained"), scene.callbacks.telephone(agent, task)):
        with pytest.raises(NotEligible):
            await act


async def test_decider_cannot_explain_their_own_decision(scene: Scene) -> None:
    opened = await scene.world.review.open(scene.card_id, 1, ["card_type"])
    senior = await scene.world.a_person("senior")
    desk = scene.world.review_desk
    assert await desk.leases.take(senior, opened.task_id)
    await desk.decisions.record_decision(senior, opened.task_id, ReviewOutcome.REJECT, reason_code="forged")
    task = await scene.asked()
    with pytest.raises(OwnWork):
        await scene.desk.leases.take(senior, task)


async def test_request_is_not_in_the_review_queue(scene: Scene) -> None:
    task, senior = await scene.held("senior")
    with pytest.raises(NotFound):
        await scene.desk.decisions.record_decision(senior, task, ReviewOutcome.APPROVE)
    with pytest.raises(NotFound):
        await scene.desk.checks.check(senior, task, CheckVerdict.APPLY)
    assert await scene.desk.leases.take(senior, None, Wanted(ending=scene.card_id)) is None  # Not in the review queue.


async def test_only_the_holder_sees_the_phone_and_it_is_audited(scene: Scene) -> None:
    task, agent = await scene.held()
    number = await scene.callbacks.telephone(agent, task)
    assert number.startswith("+86")
    assert [one.actor for one in await scene.world.rows(AuditRow, act="console:callback:telephone", subject=task)] == [f"person:{agent}"]  # fmt: skip
    await scene.desk.tasks.release(agent, task)
    with pytest.raises(TaskNotHeld):
        await scene.callbacks.telephone(agent, task)


async def test_a_late_request_is_announced_once_and_stays_with_all_agents(scene: Scene) -> None:
    task = await scene.asked()
    clocks = OwnClocks(scene.world.database, scene.clock)
    item = await scene.item(task)
    scene.clock.moment = item.warn_at
    await clocks.ring(1000)
    scene.clock.moment = item.due_at
    for _ in range(2):
        await clocks.ring(1000)
    scene.clock.moment = item.due_at + timedelta(days=14)
    for _ in range(2):
        await clocks.ring(1000)
    alarms = sorted(one.alarm for one in await scene.world.rows(AlarmRow, task_id=task))
    assert alarms == ["breach", "chain:0", "chain:1", "warning"]
    events = [what for what in await scene.world.story(scene.card_id) if what.startswith("callback.")]
    assert events == ["callback.asked", "callback.warning", "callback.breach", "callback.reminded", "callback.reminded"]
    late = await scene.item(task)
    assert late.escalated
    assert late.order_at == late.due_at == item.due_at
    assert await scene.desk.leases.take(await scene.world.a_person("support"), task)
