"""Months of the books: one finance member requests the close, another approves it; both confirm their identity."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import months as reads
from database.reads.people import accounts
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.finance.breaks import NOTE_MAX
from domain.people.roles import Permission
from domain.places import business_day
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, BooksReader, Console, Shell, allowed, see_other, shell
from services.finance.closable import Unready, unready_by_month
from services.finance.periods import Periods

router = APIRouter(prefix="/money/periods")
Closer = Annotated[Person, Depends(allowed(Permission.CLOSE_PERIODS))]
PATH = "/money/periods"


@dataclass(frozen=True)
class PeriodsContext:
    """The months. `names` are people's by id; `refused` is the month that the refusal is about, and `typed_note` what was typed for it.

    `unready` says of each open month that is over what it and the open ones before it lack.
    """

    shell: Shell
    months: tuple[reads.Month, ...]
    names: dict[str, str]
    may_close: bool
    me: str
    refusal: Refusal | None
    refused: str
    unready: dict[str, Unready]
    typed_note: str = ""
    note_max: int = NOTE_MAX


@router.get("")
async def show(request: Request, console: At, person: BooksReader) -> Response:
    """List the months, newest first."""
    return await _render(request, console, person)


@router.post("/ask")
async def ask(
    request: Request, console: At, person: Closer, month: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=4 * NOTE_MAX)] = "",
) -> Response:  # fmt: skip
    """Ask for a month to be closed; `note` says why days of it stay open."""
    await require_step_up(request, person)
    return await _act(
        request, console, person, Periods(console.services.database).ask(person.id, month, note), month, note
    )


@router.post("/{closing_id}/agree")
async def agree(request: Request, console: At, person: Closer, closing_id: str) -> Response:
    """Close the month as the second person."""
    await require_step_up(request, person)
    return await _act(request, console, person, Periods(console.services.database).agree(person.id, closing_id))


@router.post("/{closing_id}/withdraw")
async def withdraw(request: Request, console: At, person: Closer, closing_id: str) -> Response:
    """Take back what waits."""
    return await _act(request, console, person, Periods(console.services.database).withdraw(person.id, closing_id))


async def _act(
    request: Request, console: Console, person: Person, doing: Awaitable[Any], month: str = "", note: str = ""
) -> Response:
    try:
        await doing
    except Refusal as refusal:
        return await _render(request, console, person, refusal, month, note)
    return see_other(PATH)


async def _render(
    request: Request, console: Console, person: Person, refusal: Refusal | None = None, refused: str = "", note: str = ""
) -> Response:  # fmt: skip
    async with console.services.database.transaction() as session:
        found = await reads.months(session, business_day(now()))
        names = await accounts.all_names(session)
        over = [one.month for one in found if one.over and one.closed is None]
        missing = await unready_by_month(session, max(over)) if over else {}
    context = PeriodsContext(
        shell(request, person, PATH), found, names, person.may(Permission.CLOSE_PERIODS), person.id, refusal, refused,
        missing, note,
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = PATH
    status = refusal.http_status if refusal else 200
    return await console.answer(request, "finance/periods.html", context, status=status)
