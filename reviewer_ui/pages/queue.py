"""The review queue: what waits for a person, in the order in which it should be taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads import console as reads
from database.tables.columns import now
from domain.cards import CardType
from domain.people import Permission
from domain.review import ReviewReason
from domain.rules.brands import catalogue
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Decider, QueueReader, Shell, see_other, shell

router = APIRouter()
POLLS_MAX = 40  # Every 15 s for ten minutes; then the table says that it stopped.
Chosen = TypeVar("Chosen")
Word = Annotated[str, Query(max_length=40)]


@dataclass(frozen=True)
class QueueContext:
    """The queue page. `poll_url` is None once polling has stopped; `brands` gives each brand's name in both languages."""

    shell: Shell
    entries: tuple[reads.QueueEntry, ...]
    chosen: reads.Wanted
    card_types: tuple[CardType, ...]
    brands: dict[str, dict[str, str]]
    reasons: tuple[ReviewReason, ...]
    next_url: str | None
    first_url: str | None
    poll_url: str | None
    now: datetime
    person_id: str
    may_take_escalated: bool
    nothing_left: bool


@router.get("/review")
async def show(
    request: Request,
    console: At,
    person: QueueReader,
    type: Word = "",  # noqa: A002
    brand: Word = "",
    reason: Word = "",
    after: Annotated[str, Query(max_length=120)] = "",
    polls: Annotated[int, Query(ge=0)] = 0,
    nothing: bool = False,
) -> Response:
    """One page of the queue; a filter or place that cannot be read counts as not given."""
    wanted = reads.Wanted(_word(CardType, type), brand if brand in catalogue() else None, _word(ReviewReason, reason))
    async with console.services.database.transaction() as session:
        page = await reads.queue(session, wanted, _place(after), now())
    links = _Links({"type": wanted.card_type or "", "brand": wanted.brand or "", "reason": wanted.reason or ""}, after)
    context = _context(shell(request, person), person, wanted, page, links, polls, nothing)
    return await console.answer(request, "queue.html", context, block="rows")


@router.post("/review/next")
async def take_next(console: At, person: Decider) -> Response:
    """Takes the lease of the top task and opens its card; with nothing to take, the queue says so."""
    task = await console.services.review.take(person.id, None)
    return see_other("/review?nothing=true" if task is None else f"/cards/{task.card_id}")


@dataclass(frozen=True)
class _Links:
    """Addresses of this page with its filters kept."""

    filters: dict[str, str]
    after: str

    def to(self, **more: object) -> str:
        pairs = {name: value for name, value in (self.filters | more).items() if value}
        return f"/review?{urlencode(pairs)}" if pairs else "/review"


def _context(
    around: Shell, person: Person, wanted: reads.Wanted, page: reads.QueuePage, links: _Links, polls: int, nothing: bool
) -> QueueContext:
    following = page.after
    return QueueContext(
        shell=around,
        entries=page.entries,
        chosen=wanted,
        card_types=tuple(CardType),
        brands={code: dict(brand.names) for code, brand in catalogue().items()},
        reasons=tuple(ReviewReason),
        next_url=None if following is None else links.to(after=following.text()),
        first_url=links.to() if links.after else None,
        poll_url=links.to(after=links.after, polls=polls + 1) if polls < POLLS_MAX else None,
        now=now(),
        person_id=person.id,
        may_take_escalated=person.may(Permission.DECIDE_ESCALATED),
        nothing_left=nothing,
    )


def _place(after: str) -> reads.Place | None:
    try:
        return reads.Place.from_text(after) if after else None
    except ValueError:
        return None  # A link cut short by a chat program leads to the first page.


def _word(kind: type[Chosen], given: str) -> Chosen | None:
    return next((member for member in kind if member == given), None)  # type: ignore[attr-defined]
