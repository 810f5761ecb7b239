"""List who may take a task, without changing anything: the rules are those of the claim itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.people import accounts
from database.tables.work import WorkItemRow
from domain.errors.general import NotFound
from domain.people.acting import ActingReviewer
from domain.work.eligibility import Ineligible, TaskFacts, why_not
from services.people.acting import standings
from services.work.task_facts import task_facts


@dataclass(frozen=True)
class Answer:
    """One reviewer's answer: may take it when `reasons` is empty. `acts_for` are the names of those they stand in for."""

    person_id: str
    name: str
    away: bool
    on_duty: bool
    acts_for: tuple[str, ...]
    reasons: tuple[Ineligible, ...]


async def who_may(session: AsyncSession, task_id: str, now: datetime) -> tuple[WorkItemRow, tuple[Answer, ...]]:
    """Return the task and everyone's answer at this moment, those who may first, in five statements at most. Refuses NotFound."""
    task = await session.get(WorkItemRow, task_id)
    if task is None:
        raise NotFound(task=task_id[:64])
    facts, names = await task_facts(session, task), await accounts.all_names(session)
    reviewers = await accounts.reviewers(session, task.kind)
    theirs = await standings(session, [one.id for one in reviewers], now)
    answers = (_answer(one, theirs[one.id], facts, names, now) for one in reviewers if one.id in theirs)
    return task, tuple(sorted(answers, key=lambda answer: (bool(answer.reasons), answer.name)))


def _answer(
    one: accounts.Reviewer, theirs: ActingReviewer, task: TaskFacts, names: dict[str, str], now: datetime
) -> Answer:
    acts_for = tuple(sorted(names.get(other, other) for other in theirs.circle - {one.id}))
    return Answer(one.id, one.name, one.away, one.on_duty, acts_for, why_not(theirs, task, now))
