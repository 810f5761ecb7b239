"""Waiting for a reviewer: one task, its warning and its breach, and the decision that an Update brings."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import workflow

from workflows import steps
from workflows.messages import Decision
from workflows.progress import Progress, not_expected

with workflow.unsafe.imports_passed_through():
    from domain.cards import Stage, WaitingFor
    from domain.facts import ReviewFacts, TaskOpened
    from domain.review import Alarm


class HumanReview:
    """One task at a time. Its deadlines are the workflow's timers: they survive whatever happens to the machine."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskOpened | None = None
        self._tasks_opened = 0
        self._decided: dict[str, ReviewFacts] = {}  # By task, so that a repeated Update gets the same answer.
        self._lock = asyncio.Lock()  # Two decisions at once: the second finds the first one's result.

    async def decide_by_person(self, reasons: tuple[str, ...]) -> ReviewFacts:
        """Opens a task and returns what a reviewer decided, however long it takes."""
        self._tasks_opened += 1
        task = await steps.open_review(self._progress.card_id, self._tasks_opened, reasons)
        due = workflow.now() + timedelta(seconds=task.due_after_s)
        self._task = task
        self._progress.note(Stage.REVIEW, WaitingFor.REVIEWER, due)
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

    async def _wait_with_alarms(self, task: TaskOpened) -> None:
        warn_after = timedelta(seconds=task.warn_after_s)
        breach_after = timedelta(seconds=task.due_after_s) - warn_after
        for alarm, patience in ((Alarm.WARNING, warn_after), (Alarm.BREACH, breach_after)):
            try:
                await workflow.wait_condition(lambda: task.task_id in self._decided, timeout=patience)
            except TimeoutError:
                await steps.sound_alarm(task.task_id, alarm)
        await workflow.wait_condition(lambda: task.task_id in self._decided)
