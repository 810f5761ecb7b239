"""The second review on the card page: what the maker decided, and the three verdicts of a checker."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page as reads
from domain.cards.review import ReviewOutcome
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.work.task import CheckVerdict
from reviewer_ui.review.card import render
from reviewer_ui.review.decision import go_on
from reviewer_ui.review.draft import Draft
from reviewer_ui.review.seen import Press, Pressed, require_seen
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Checker, Console

router = APIRouter()
HERE = "/cards/{card_id}/check"
Line = Annotated[str, Form(max_length=120)]
Note = Annotated[str, Form(max_length=2000)]
Chosen = TypeVar("Chosen", CheckVerdict, ReviewOutcome)


@router.post(HERE)
async def check(
    request: Request, console: At, person: Checker, press: Pressed, card_id: str,
    task_id: Line, act: Line = "", note: Note = "", then: Line = "",
) -> Response:  # fmt: skip
    """Applies, returns or refuses. `act` is the pressed button: `apply`, or `return:look_again` with its reason.

    Applying moves money, so the checker shows again who they are; what they typed is kept meanwhile.
    """
    name, _, reason = act.partition(":")
    try:
        verdict = _one_of(CheckVerdict, name, "verdict")
        await _require_seen(console, press, card_id)
    except Refusal as refusal:
        return await render(request, console, person, card_id, draft=Draft(note=note), refusal=refusal)
    if verdict is CheckVerdict.APPLY:
        await require_step_up(request, person)
    try:
        await console.services.review.checks.check(person.id, task_id, verdict, reason, note)
    except Refusal as refusal:
        return await render(request, console, person, card_id, draft=Draft(note=note), refusal=refusal)
    return await go_on(request, console, person, card_id, then)


@router.post(HERE + "/blind")
async def look_blind(
    request: Request, console: At, person: Checker, press: Pressed, card_id: str, task_id: Line, outcome: Line = ""
) -> Response:
    """Record what the checker would decide; only then the page shows what was decided."""
    try:
        await _require_seen(console, press, card_id)
        await console.services.review.checks.look_blind(person.id, task_id, _one_of(ReviewOutcome, outcome, "outcome"))
    except Refusal as refusal:
        return await render(request, console, person, card_id, refusal=refusal)
    return await go_on(request, console, person, card_id, "")


async def _require_seen(console: Console, press: Press, card_id: str) -> None:
    async with console.services.database.transaction() as session:
        require_seen(press, await reads.card(session, card_id))


def _one_of(kind: type[Chosen], given: str, field: str) -> Chosen:
    found = next((member for member in kind if member == given), None)
    if found is None:
        raise FieldInvalid(field=field, why="missing")
    return found
