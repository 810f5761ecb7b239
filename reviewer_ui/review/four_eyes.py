"""The second look: every outcome that waits for one, those that this person may not check greyed, with what keeps them from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from database.reads.review.four_eyes import SHOWN_MAX, StagedOutcome, staged
from database.tables.columns import now
from domain.cards.review import ReviewOutcome
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.review.four_eyes import CheckNeed
from domain.work.eligibility import Ineligible, why_not
from domain.work.queue_filter import Wanted
from domain.work.task import TaskPhase
from reviewer_ui.brand_names import brand_names
from reviewer_ui.visit import At, Checker, Shell, shell
from services.people.acting import standing
from services.work.task_facts import facts_of

router = APIRouter()


@dataclass(frozen=True)
class Waiting:
    """One staged decision. `maker` and `outcome` are None for a blind check; `reasons` is empty for people who may check it."""

    card_id: str
    card_type: str
    brand: str
    value: Money
    need: CheckNeed
    maker: str | None
    outcome: ReviewOutcome | None
    made_at: datetime
    due_at: datetime
    reasons: tuple[Ineligible, ...]


@dataclass(frozen=True)
class SecondReviewContext:
    """The page; `query` is the filter by which "next" takes from these alone."""

    shell: Shell
    waiting: tuple[Waiting, ...]
    able: int
    brands: dict[str, dict[str, str]]
    query: str
    most: int = SHOWN_MAX


@router.get("/second-review")
async def show(request: Request, console: At, person: Checker) -> Response:
    """Those that this person may check first, then the others, each in the order of the queue."""
    moment = now()
    async with console.services.database.transaction() as session:
        found = await staged(session)
        theirs = await standing(session, person.id, moment)
    waiting = sorted((_waiting(one, theirs, moment) for one in found), key=lambda one: bool(one.reasons))
    context = SecondReviewContext(
        shell=shell(request, person),
        waiting=tuple(waiting),
        able=sum(not one.reasons for one in waiting),
        brands=brand_names(),
        query=Wanted(phase=TaskPhase.CHECK).query(),
    )
    return await console.answer(request, "review/four_eyes.html", context, block="rows")


def _waiting(one: StagedOutcome, theirs: ActingReviewer, moment: datetime) -> Waiting:
    task, made = one.task, one.decision
    return Waiting(
        card_id=task.card,
        card_type=task.type_of_card.value,
        brand=task.brand,
        value=Money(task.value_minor),
        need=CheckNeed(made.needs_check),
        maker=None if task.blind else one.maker,
        outcome=None if task.blind else made.outcome,
        made_at=made.made_at,
        due_at=task.due_at,
        reasons=why_not(theirs, facts_of(task, made.effective_at), moment),
    )
