"""Further actions on a task from its card page: snooze, escalate, take over; each with a reason."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.people.roles import Permission
from reviewer_ui.review.card import render
from reviewer_ui.review.decision import go_on
from reviewer_ui.review.draft import Draft
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Decider, allowed
from reviewer_ui.work.snooze import snoozed_until

router = APIRouter(prefix="/cards/{card_id}")
Line = Annotated[str, Form(max_length=120)]
TakerOver = Annotated[Person, Depends(allowed(Permission.TAKE_OVER))]
Note = Annotated[str, Form(max_length=2000)]


@router.post("/snooze")
async def snooze(
    request: Request, console: At, person: Decider, card_id: str, task_id: Line, reason_code: Line = "", until: Line = "",
    until_moment: Line = "", note: Note = "", then: Line = "",
) -> Response:  # fmt: skip
    """Puts the task off until one of the offered moments, or one that was typed on the person's own clock."""
    try:
        moment = await snoozed_until(console, person, until, until_moment)
    except Refusal as refusal:
        return await render(request, console, person, card_id, draft=Draft(note=note), refusal=refusal)
    act = console.services.review.tasks.snooze(person.id, task_id, moment, reason_code, note)
    return await _done(request, console, person, card_id, then, note, act)


@router.post("/escalate")
async def escalate(
    request: Request, console: At, person: Decider, card_id: str, task_id: Line, reason_code: Line = "", note: Note = "", then: Line = "",
) -> Response:  # fmt: skip
    """Hands the task to the seniors."""
    act = console.services.review.tasks.escalate(person.id, task_id, reason_code, note)
    return await _done(request, console, person, card_id, then, note, act)


@router.post("/take-over")
async def take_over(
    request: Request, console: At, person: TakerOver, card_id: str, task_id: Line, reason_code: Line = "", note: Note = "",
) -> Response:  # fmt: skip
    """Take the task over from its holder, who is notified."""
    act = console.services.review.tasks.take_over(person.id, task_id, reason_code, note)
    return await _done(request, console, person, card_id, "", note, act)


async def _done(
    request: Request, console: Console, person: Person, card_id: str, then: str, note: str, act: Awaitable[object]
) -> Response:
    """On to the next task, or this card's page with what was refused and the note that was typed."""
    try:
        await act
    except Refusal as refusal:
        return await render(request, console, person, card_id, draft=Draft(note=note), refusal=refusal)
    return await go_on(request, console, person, card_id, then)
