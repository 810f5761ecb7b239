"""The moments of a review task's clock: which comes next, which have been, and where they are after the clock was replanned."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.cards.facts import TaskOpened
    from domain.work.task import Alarm

DECIDES = "decides"  # The policy's own decision, after everything else.
SOONEST = timedelta(
    milliseconds=1
)  # A moment that has passed is due at once, by a timer all the same: one rule for all.


class ReviewTimers:
    """Warning, breach, the chain's steps (named by number) and the policy's decision, in this order, each once."""

    def __init__(self, task: TaskOpened, now: datetime) -> None:
        self._been: set[str] = set()
        self._moments: dict[str, datetime] = {}
        self.move(task, now)

    def move(self, task: TaskOpened, now: datetime) -> None:
        """Set the clock as it was planned at `now`. An alarm that has sounded stays so, wherever its moment lies now."""
        after = {Alarm.WARNING.value: task.warn_after_s, Alarm.BREACH.value: task.due_after_s}
        after |= {str(step): seconds for step, seconds in enumerate(task.chain_after_s)}
        if task.end_after_s is not None:
            after[DECIDES] = task.end_after_s
        self._moments = {alarm: now + timedelta(seconds=seconds) for alarm, seconds in after.items()}

    def next(self) -> str | None:
        """Return the first alarm that has not sounded; None when all have, and the task waits for ever."""
        return next((alarm for alarm in self._moments if alarm not in self._been), None)

    def patience(self, alarm: str, now: datetime) -> timedelta:
        """How long until its moment."""
        return max(self._moments[alarm] - now, SOONEST)

    def sounded(self) -> str:
        """Takes the next alarm: it will not be next again."""
        alarm = self.next()
        if alarm is None:
            raise AssertionError("no timer without an alarm")
        self._been.add(alarm)
        return alarm

    def again(self, moment: datetime) -> None:
        """Return when the policy tries again, since a person's decision is pending."""
        self._been.discard(DECIDES)
        self._moments[DECIDES] = moment
