"""The home page: a person's own work, the next deadlines, what waits for them, and what they have not read yet."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.home import needs
from database.reads.work import queue
from database.tables.columns import now
from domain.work.kinds import KindOfWork, kinds
from domain.work.queue_filter import QueueSort, Wanted
from reviewer_ui.brand_names import brand_names
from reviewer_ui.home.need_pages import PAGE_OF_NEED
from reviewer_ui.notices.notices import Entry, entry_of
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, SignedIn, shell
from reviewer_ui.work.queue_rows import Row, counted, row
from services.notices.digest_text import Reader
from web.locale import locale_of

router = APIRouter()
SHOWN_MAX = 8  # Of each list; the page that it leads to shows the rest.
NEWS_MAX = 5


@dataclass(frozen=True)
class NeedView:
    """One kind of thing that waits for this person, how often, and where."""

    key: str
    href: str
    count: str


@dataclass(frozen=True)
class HomeContext:
    """The home page. `mine` and `due` are None for people who work on no queue."""

    shell: Shell
    mine: tuple[Row, ...] | None
    due: tuple[Row, ...] | None
    needs: tuple[NeedView, ...]
    news: tuple[Entry, ...]
    brands: dict[str, dict[str, str]]


@router.get("/")
async def show(request: Request, console: At, person: SignedIn) -> Response:
    """Everything that is this person's own at this moment."""
    locale, moment = locale_of(request), now()
    async with console.services.database.transaction() as session:
        mine = await _rows(session, [one for one in kinds() if person.may(one.take)], person, locale, mine=True)
        due = await _rows(session, [one for one in kinds() if person.may(one.see)], person, locale)
        waiting = await needs.counts(session, person.id, person.may, moment)
    context = HomeContext(
        shell(request, person),
        mine,
        due,
        tuple(
            NeedView(one.key, PAGE_OF_NEED[one.key], counted(waiting[one.key]))
            for one in needs.NEEDS
            if one.key in waiting
        ),
        await _news(console, person, locale),
        brand_names(),
    )
    return await console.answer(request, "home/home.html", context)


async def _rows(
    session: AsyncSession, of_kinds: list[KindOfWork], person: Person, locale: str, *, mine: bool = False
) -> tuple[Row, ...] | None:
    """Open items of these kinds, the first due first; only what this person holds or was assigned, if `mine`.

    None without a kind.
    """
    if not of_kinds:
        return None
    moment, found = now(), list[Row]()
    for kind in of_kinds:
        wanted = Wanted(kind=kind.code, mine=mine, sort=QueueSort.DUE)
        page = await queue.queue(session, wanted, None, person.id, moment, SHOWN_MAX)
        found += [row(one, person.id, {}, locale, moment) for one in page.entries if not one.task.decided]
    return tuple(sorted(found, key=lambda one: one.due_at)[:SHOWN_MAX])


async def _news(console: Console, person: Person, locale: str) -> tuple[Entry, ...]:
    rows, names = await console.services.notices.newest_unread(person.id, NEWS_MAX)
    reader = Reader(locale, ZoneInfo(person.timezone), names)
    return tuple(entry_of(one, reader) for one in rows)
