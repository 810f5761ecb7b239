"""What is done with a work item of any kind from its page: claim, release, snooze, escalate, take over."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.responses import Response

from domain.people.roles import Permission
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Worker, allowed, see_other
from reviewer_ui.work.snooze import snoozed_until
from services.work.items import page_of_item

router = APIRouter(prefix="/work/{task_id}")
Line = Annotated[str, Form(max_length=120)]
Note = Annotated[str, Form(max_length=2000)]


TakerOver = Annotated[Person, Depends(allowed(Permission.TAKE_OVER))]


@router.post("/take")
async def take(console: At, person: Worker, task_id: str) -> Response:
    """Takes the lease, or renews one's own."""
    await console.services.review.leases.take(person.id, task_id)
    return await _back(console, task_id)


@router.post("/release")
async def release(console: At, person: Worker, task_id: str) -> Response:
    """Gives the item back to its queue."""
    await console.services.review.tasks.release(person.id, task_id)
    return await _back(console, task_id)


@router.post("/snooze")
async def snooze(
    console: At, person: Worker, task_id: str, reason_code: Line = "", until: Line = "", until_moment: Line = "", note: Note = "",
) -> Response:  # fmt: skip
    """Puts the item off until one of the offered moments, or one that was typed on the person's own clock."""
    moment = await snoozed_until(console, person, until, until_moment)
    await console.services.review.tasks.snooze(person.id, task_id, moment, reason_code, note)
    return await _back(console, task_id)


@router.post("/wake")
async def wake(console: At, person: Worker, task_id: str) -> Response:
    """Ends a snooze early."""
    await console.services.review.tasks.wake(person.id, task_id)
    return await _back(console, task_id)


@router.post("/escalate")
async def escalate(console: At, person: Worker, task_id: str, reason_code: Line = "", note: Note = "") -> Response:
    """Puts the item before all others, for the people who take escalated ones."""
    await console.services.review.tasks.escalate(person.id, task_id, reason_code, note)
    return await _back(console, task_id)


@router.post("/take-over")
async def take_over(console: At, person: TakerOver, task_id: str, reason_code: Line = "", note: Note = "") -> Response:
    """Takes the item from its holder, who is notified."""
    await console.services.review.tasks.take_over(person.id, task_id, reason_code, note)
    return await _back(console, task_id)


async def _back(console: Console, task_id: str) -> Response:
    async with console.services.database.transaction() as session:
        return see_other(await page_of_item(session, task_id))
