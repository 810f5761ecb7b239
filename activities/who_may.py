"""Who may take a task, asked of everybody without anything being changed: the rules are those of the claim itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from activities.standing import standing, task_facts
from database.reads import people
from database.tables.review import ReviewTaskRow
from domain.eligibility import Ineligible, why_not
from domain.refusals import NotFound


@dataclass(frozen=True)
class Answer:
    """One reviewer's answer: may take it when `reasons` is empty. `acts_for` are the names of those they stand in for."""

    person_id: str
    name: str
    away: bool
    on_duty: bool
    acts_for: tuple[str, ...]
    reasons: tuple[Ineligible, ...]


async def who_may(session: AsyncSession, task_id: str, now: datetime) -> tuple[ReviewTaskRow, tuple[Answer, ...]]:
    """The task and everybody's answer at this moment, those who may first. Refuses NotFound."""
    task = await session.get(ReviewTaskRow, task_id)
    if task is None:
        raise NotFound(task=task_id[:64])
    facts, names = await task_facts(session, task), await people.all_names(session)
    answers = []
    for one in await people.reviewers(session):
        theirs = await standing(session, one.id, now)
        acts_for = tuple(sorted(names.get(other, other) for other in theirs.circle - {one.id}))
        reasons = why_not(theirs, facts, now)
        answers.append(Answer(one.id, one.name, one.away, one.on_duty, acts_for, reasons))
    return task, tuple(sorted(answers, key=lambda answer: (bool(answer.reasons), answer.name)))
