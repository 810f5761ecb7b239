"""Check whether a person may decide the task that they hold: their relations, limit and permissions at this moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.work import WorkItemRow
from domain.errors.people import NotAllowed
from domain.errors.work import NotEligible, OwnWork
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.sealing import KeyRing
from domain.work.eligibility import Ineligible, why_not
from services.people.acting import standing
from services.people.kinship import people_linked
from services.work.task_facts import task_facts

# Reasons that may arise while the task is claimed; everything else was checked when it was claimed.
_HARD = {
    Ineligible.OWN_WORK: OwnWork,
    Ineligible.BARRED: OwnWork,
    Ineligible.RELATIVE: NotEligible,
    Ineligible.LINKED: NotEligible,
    Ineligible.LIMIT: NotEligible,
}


async def require_fit(
    session: AsyncSession, keyring: KeyRing, person: str, task: WorkItemRow, moment: datetime, worth_minor: int = 0
) -> ActingReviewer:
    """For whom the person acts, judged at this moment. Refuses NotAllowed, OwnWork and NotEligible.

    `worth_minor`: the card's value after corrections, where that is more than the task's value.
    """
    who = await standing(session, person, moment)
    facts = await task_facts(session, task)
    linked = facts.linked | await people_linked(session, keyring, task.card, who.circle)
    facts = replace(facts, value_minor=max(facts.value_minor, worth_minor), linked=linked)
    unfit = why_not(who, facts, moment)
    if Ineligible.ESCALATED in unfit:
        raise NotAllowed(permission=Permission.DECIDE_ESCALATED.value)
    for why in unfit:
        if why in _HARD:
            raise _HARD[why](why=why.value)
    return who
