"""Every warning, breach and step of the chain sounds exactly once, across restarts, moved clocks and policies; time jumps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.cards.card import CardType, EndReason, Outcome, WaitingFor
from domain.cards.facts import CardToBuy, DecidedByPolicy, TaskOpened
from domain.cards.review import AskedItem, RejectReason, ReviewOutcome
from domain.work.task import Alarm
from tests.slowness import patience
from tests.workflows import histories
from tests.workflows.acting import until
from tests.workflows.stage import World, card, decided, playing
from workflows.client import CardClient
from workflows.messages import CardEnded

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINUTE, HOUR = 60, 3_600
BOTH = [("task-1", Alarm.WARNING), ("task-1", Alarm.BREACH)]


@dataclass
class Case:
    """A dining card that waits for a reviewer, and the clock that its test turns."""

    environment: WorkflowEnvironment
    world: World
    one: CardToBuy
    desk: CardClient

    async def passes(self, seconds: int) -> None:
        """So much time goes by; what is due then is done before the test looks."""
        await self.environment.sleep(timedelta(seconds=seconds))
        await self.desk.story(self.one.card_id)

    async def replanned(self, *clock: Any) -> None:
        """The policy changes to this clock (as `TaskOpened` after its id), and the card has heard of it."""
        self.world.replanned = [TaskOpened("task-1", *clock)]
        heard = len(self.world.of("review.replan"))
        await self.desk.replan(self.one.card_id, "task-1")
        for _ in range(2_000):
            if len(self.world.of("review.replan")) > heard:
                await self.desk.story(self.one.card_id)
                return
            await asyncio.sleep(0.02)
        raise AssertionError("the card never heard of its clock")

    async def ended(self) -> CardEnded:
        handle = self.environment.client.get_workflow_handle(f"card:{self.one.card_id}", result_type=CardEnded)
        end: CardEnded = await asyncio.wait_for(handle.result(), patience(45))
        await histories.keep(self.environment.client, f"card:{self.one.card_id}")
        return end

    async def approved(self, task: str = "task-1") -> None:
        self.world.decisions["yes"] = decided(ReviewOutcome.APPROVE)
        await self.desk.decide(self.one.card_id, task, "yes")
        assert (await self.ended()).outcome is Outcome.PAID

    def alarms(self) -> list[tuple[Any, ...]]:
        return self.world.of("review.alarm")

    def chain(self) -> list[int]:
        return [step for _, step in self.world.of("review.chain")]


@asynccontextmanager
async def waiting(environment: WorkflowEnvironment, **clock: Any) -> AsyncIterator[Case]:
    """Open a task now; warning after one hour and breach after two unless given otherwise."""
    one, desk = card(CardType.DINING), CardClient(environment.client)
    world = World(reasons=[("card_type",)], **clock)
    async with playing(environment.client, world):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
        yield Case(environment, world, one, desk)


async def test_warning_breach_and_each_step_of_the_chain_sound_once_and_the_task_is_left_open(
    time_skipping: WorkflowEnvironment,
) -> None:
    async with waiting(time_skipping, chain_after_s=(3 * HOUR, 5 * HOUR)) as case:
        await case.passes(2 * HOUR + MINUTE)
        assert (case.alarms(), case.chain()) == (BOTH, [])
        await case.passes(HOUR)
        assert case.chain() == [0]
        await case.passes(30 * 24 * HOUR)
        assert (case.alarms(), case.chain()) == (BOTH, [0, 1])
        assert case.world.of("review.decide_by_policy") == []
        await case.approved()


async def test_the_policy_decides_after_its_whole_chain(time_skipping: WorkflowEnvironment) -> None:
    async with waiting(time_skipping, chain_after_s=(3 * HOUR,), end_after_s=4 * HOUR) as case:
        rejected = decided(ReviewOutcome.REJECT, reject_reason=RejectReason.NOT_DECIDED)
        case.world.decisions["by-policy"] = rejected
        await case.passes(3 * HOUR + MINUTE)
        assert case.world.of("review.decide_by_policy") == []
        await case.passes(HOUR)
        assert await case.ended() == CardEnded(Outcome.REJECTED, EndReason.REVIEWER, "not_decided")
        assert (case.alarms(), case.chain()) == (BOTH, [0])
        assert case.world.of("review.decide_by_policy") == [("task-1",)]


async def test_existing_decision_wins_over_the_policy_which_checks_again_later(
    time_skipping: WorkflowEnvironment,
) -> None:
    held_up = DecidedByPolicy(None, 15 * MINUTE)
    async with waiting(time_skipping, end_after_s=3 * HOUR, by_policy=[held_up, held_up, held_up]) as case:
        await case.passes(3 * HOUR + MINUTE)
        assert len(case.world.of("review.decide_by_policy")) == 1
        await case.passes(15 * MINUTE)
        assert len(case.world.of("review.decide_by_policy")) == 2
        await case.approved()
        assert case.world.of("review.apply") == [("task-1", "yes")]


@pytest.mark.thorough
async def test_later_deadline_postpones_the_alarms(time_skipping: WorkflowEnvironment) -> None:
    async with waiting(time_skipping) as case:
        await case.passes(30 * MINUTE)
        await case.replanned(5 * HOUR, 6 * HOUR, (7 * HOUR,), None, 2)
        await case.passes(4 * HOUR)
        assert case.alarms() == []
        await case.passes(HOUR + MINUTE)
        assert case.alarms() == BOTH[:1]
        await case.passes(3 * HOUR)
        assert (case.alarms(), case.chain()) == (BOTH, [0])
        await case.approved()


async def test_earlier_deadline_fires_passed_alarms_once(
    time_skipping: WorkflowEnvironment,
) -> None:
    async with waiting(time_skipping) as case:
        await case.passes(30 * MINUTE)
        await case.replanned(0, 0, (HOUR,), None, 2)
        await case.passes(MINUTE)
        assert (case.alarms(), case.chain()) == (BOTH, [])
        await case.passes(9 * HOUR)
        assert (case.alarms(), case.chain()) == (BOTH, [0])
        await case.approved()


@pytest.mark.thorough
async def test_fired_alarms_are_not_repeated_after_a_moved_deadline(
    time_skipping: WorkflowEnvironment,
) -> None:
    async with waiting(time_skipping, chain_after_s=(4 * HOUR,)) as case:
        await case.passes(2 * HOUR + MINUTE)
        assert case.alarms() == BOTH
        await case.replanned(10 * HOUR, 12 * HOUR, (14 * HOUR,), None, 2)
        await case.passes(13 * HOUR)
        assert (case.alarms(), case.chain()) == (BOTH, [])
        await case.passes(2 * HOUR)
        assert (case.alarms(), case.chain()) == (BOTH, [0])
        await case.approved()


@pytest.mark.thorough
async def test_concurrent_plan_changes_never_repeat_an_alarm(
    time_skipping: WorkflowEnvironment,
) -> None:
    async with waiting(time_skipping, chain_after_s=(3 * HOUR,), end_after_s=4 * HOUR) as case:
        await case.passes(3 * HOUR + MINUTE)
        for version in (2, 3, 4):
            await case.replanned(0, 0, (0, HOUR), None, version)
        await case.passes(MINUTE)
        assert (case.alarms(), case.chain()) == (BOTH, [0])
        await case.passes(HOUR)
        assert case.chain() == [0, 1]
        await case.replanned(0, 0, (0,), None, 5)
        await case.passes(9 * HOUR)
        assert (case.alarms(), case.chain()) == (BOTH, [0, 1])
        assert case.world.of("review.decide_by_policy") == [], "the newest policy leaves it open"
        await case.approved()


async def test_worker_outages_never_repeat_or_lose_an_alarm(
    time_skipping: WorkflowEnvironment,
) -> None:
    one, desk = card(CardType.DINING), CardClient(time_skipping.client)
    world = World(reasons=[("card_type",)], chain_after_s=(3 * HOUR, 4 * HOUR))
    case = Case(time_skipping, world, one, desk)
    async with playing(time_skipping.client, world, forgetful=True):
        await desk.start(one)
        await until(desk, one.card_id, WaitingFor.REVIEWER)
    moments: list[tuple[int, list[tuple[Any, ...]], list[int]]] = [
        (HOUR + MINUTE, BOTH[:1], []), (HOUR, BOTH, []), (HOUR, BOTH, [0]), (48 * HOUR, BOTH, [0, 1]),
    ]  # fmt: skip
    for seconds, alarms, chain in moments:
        passing = asyncio.create_task(time_skipping.sleep(timedelta(seconds=seconds)))
        await asyncio.sleep(0.3)  # The clock has jumped to the moment and stands: nobody works on what is due.
        assert (case.alarms(), case.chain()) != (alarms, chain)
        async with playing(time_skipping.client, world, forgetful=True):
            await passing
            await desk.story(one.card_id)
            assert (case.alarms(), case.chain()) == (alarms, chain)
    async with playing(time_skipping.client, world, forgetful=True):
        await case.approved()


async def test_no_alarm_sounds_while_the_seller_has_the_card_and_the_next_task_has_a_clock_of_its_own(
    time_skipping: WorkflowEnvironment,
) -> None:
    async with waiting(time_skipping) as case:
        case.world.decisions["ask"] = decided(ReviewOutcome.ASK_AGAIN, asked_item=AskedItem.PIN)
        await case.passes(HOUR + MINUTE)
        await case.desk.decide(case.one.card_id, "task-1", "ask")
        case.world.warn_after_s, case.world.due_after_s = 10 * MINUTE, 30 * MINUTE
        await case.passes(48 * HOUR)
        assert case.alarms() == BOTH[:1], "the clock stands"
        await case.desk.supply_item(case.one.card_id, 2)
        await until(case.desk, case.one.card_id, WaitingFor.REVIEWER)
        await case.passes(11 * MINUTE)
        assert case.alarms()[1:] == [("task-2", Alarm.WARNING)]
        await case.passes(HOUR)
        assert case.alarms()[2:] == [("task-2", Alarm.BREACH)]
        await case.approved("task-2")


async def test_news_of_another_task_or_of_an_ended_card_moves_no_clock(time_skipping: WorkflowEnvironment) -> None:
    async with waiting(time_skipping) as case:
        await case.desk.replan(case.one.card_id, "task-9")
        await case.passes(MINUTE)
        assert case.world.of("review.replan") == []
        await case.approved()
        await case.desk.replan(case.one.card_id, "task-1")


@pytest.mark.thorough
async def test_a_task_that_was_opened_before_there_were_policies_is_replanned_too(
    time_skipping: WorkflowEnvironment,
) -> None:
    async with waiting(time_skipping, plan_version=0) as case:
        await case.passes(HOUR + MINUTE)
        assert case.alarms() == BOTH[:1]
        await case.replanned(0, 2 * HOUR, (3 * HOUR,), None, 2)
        await case.passes(HOUR + 30 * MINUTE)
        assert case.alarms() == BOTH[:1]
        await case.passes(2 * HOUR)
        assert (case.alarms(), case.chain()) == (BOTH, [0])
        await case.approved()
