"""Waiting for a reviewer: one task, the timers of its clock, and the decision that an Update or its policy brings."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

from workflows import steps
from workflows.messages import Decision
from workflows.progress import Progress, not_expected
from workflows.review_timers import DECIDES, ReviewTimers

with workflow.unsafe.imports_passed_through():
    from domain.cards.card import Stage, WaitingFor
    from domain.cards.facts import ReviewFacts, TaskOpened
    from domain.work.task import Alarm


class HumanReview:
    """One task at a time. Its deadlines are the workflow's timers: they survive whatever happens to the machine."""

    def __init__(self, progress: Progress, tasks_opened: int = 0) -> None:
        self._progress = progress
        self._task: TaskOpened | None = None
        self._tasks_opened = tasks_opened
        self._replan = False  # The task's clock has changed: it must be read again.
        self._decided: dict[str, ReviewFacts] = {}  # By task, so that a repeated Update gets the same answer.
        self._lock = asyncio.Lock()  # Two decisions at once: the second finds the first one's result.

    async def decide_by_person(self, reasons: tuple[str, ...]) -> ReviewFacts:
        """Opens a task and returns what a reviewer, or at the end of its chain its policy, decided."""
        self._tasks_opened += 1
        task = await steps.open_review(self._progress.card_id, self._tasks_opened, reasons)
        self._task, self._replan = task, False
        self._note_due(task)
        await self._wait_with_alarms(task)
        self._progress.note(Stage.REVIEW)
        return self._decided[task.task_id]

    def check_expected(self, decision: Decision) -> None:
        """Refuses a decision on a task that is not this card's latest, before anything enters history."""
        if self._task is None or self._task.task_id != decision.task_id:
            raise not_expected(self._progress)

    async def decide(self, decision: Decision) -> ReviewFacts:
        """Applies a decision; a second one on the same task gets the first one's result."""
        async with self._lock:
            if decision.task_id not in self._decided:
                self._decided[decision.task_id] = await steps.apply_decision(decision.task_id, decision.decision_id)
            return self._decided[decision.task_id]

    def replan(self, task_id: str) -> None:
        """Note that the clock of this task has changed; news of any other task is outdated."""
        if self._task is not None and self._task.task_id == task_id and task_id not in self._decided:
            self._replan = True

    def _note_due(self, task: TaskOpened) -> None:
        due = workflow.now() + timedelta(seconds=task.due_after_s)
        self._progress.note(Stage.REVIEW, WaitingFor.REVIEWER, due)

    async def _wait_with_alarms(self, task: TaskOpened) -> None:
        """Wait until a person has decided; send each alarm once, at its current time."""
        timers = ReviewTimers(task, workflow.now())
        if task.plan_version == 0:
            await self._wait_as_before(task, timers)
        while task.task_id not in self._decided:
            alarm = timers.next()
            try:
                await workflow.wait_condition(
                    lambda: self._replan or task.task_id in self._decided,
                    timeout=None if alarm is None else timers.patience(alarm, workflow.now()),
                )
            except TimeoutError:
                await self._sound(task.task_id, timers)
            if self._replan and task.task_id not in self._decided:
                self._replan = False
                moved = await steps.replan_review(task.task_id)
                timers.move(moved, workflow.now())
                self._note_due(moved)

    async def _wait_as_before(self, task: TaskOpened, timers: ReviewTimers) -> None:
        """Run two timers one after the other, as tasks did whose opening is in histories without a plan's version."""
        for patience in (task.warn_after_s, task.due_after_s - task.warn_after_s):
            try:
                await workflow.wait_condition(
                    lambda: self._replan or task.task_id in self._decided, timeout=timedelta(seconds=patience)
                )
            except TimeoutError:
                await self._sound(task.task_id, timers)

    async def _sound(self, task_id: str, timers: ReviewTimers) -> None:
        alarm = timers.sounded()
        if alarm in (Alarm.WARNING, Alarm.BREACH):
            await steps.sound_alarm(task_id, Alarm(alarm))
        elif alarm != DECIDES:
            await steps.tell_chain(task_id, int(alarm))
        else:
            decided = await steps.decide_by_policy(task_id)
            if decided.decision_id is not None:
                await self.decide(Decision(task_id, decided.decision_id))
            else:
                timers.again(workflow.now() + timedelta(seconds=decided.again_after_s))
