"""What the open page of a card shows when something changed: an offer to reload, and who has the task now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page as reads
from database.tables.columns import now
from domain.errors.general import NotFound
from reviewer_ui.review.card import Hold, hold_of
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, CardReader, Console

router = APIRouter()
Card = Annotated[str, Query(max_length=64)]
Task = Annotated[str, Query(max_length=120)]


@dataclass(frozen=True)
class ChangedContext:
    """Which card has news. `lost`: the task that the page lets decide is no longer its person's; `holder` has it, if anybody."""

    card_id: str
    lost: bool = False
    holder: str = ""


@router.get("/live/changed")
async def changed(request: Request, console: At, person: CardReader, card: Card = "", task: Task = "") -> Response:
    """Render a line that offers to reload the card's page, without discarding what the person is typing.

    A page on which `task` can be decided also learns when another person claimed that task.
    """
    context = await _lost(console, person, card, task) if task else ChangedContext(card)
    return await console.pages.render(request, "review/changed.html", context)


async def _lost(console: Console, person: Person, card_id: str, task_id: str) -> ChangedContext:
    try:
        async with console.services.database.transaction() as session:
            record = await reads.card(session, card_id)
    except NotFound:
        return ChangedContext(card_id)
    hold = hold_of(record, person, now())
    same = record.task is not None and record.task.id == task_id
    if same and hold in (Hold.MINE, Hold.FREE):  # A hold that ran out is taken again with the decision.
        return ChangedContext(card_id)
    holder = record.names.get(record.task.leased_by or "", "") if record.task and hold is Hold.OTHER else ""
    return ChangedContext(card_id, lost=True, holder=holder)
