"""How the desks do: figures over a time, each with its definition, its table, and a file for a spreadsheet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.quality.insight import DAYS_MAX, Span
from domain.cards.card import CardType
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.places import today_in
from domain.rules.brands import catalogue
from reviewer_ui.quality.insight_figures import MAKERS, Figure, Maker
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, shell
from web.forms import member_of
from web.locale import locale_of
from web.spreadsheet import download, given

router = APIRouter()
InsightReader = Annotated[Person, Depends(allowed(Permission.SEE_INSIGHT))]
RANGES = ("7", "30", "90", "custom")
BOARDS = (("/insight", "console.insight.title"), ("/insight/support", "console.insight.support"))


@dataclass(frozen=True)
class Asked:
    """What the form asked for, as it was given, and the span that it comes to; `wrong` names what could not be used."""

    range: str
    first: str
    last: str
    span: Span
    wrong: str = ""

    @property
    def query(self) -> str:
        """The same again, for the links to the files."""
        span = self.span
        days = {"from": span.first.isoformat(), "to": span.last.isoformat()} if self.range == "custom" else {}
        filters = {"brand": span.brand, "type": span.card_type}
        return urlencode({"range": self.range, **days, **{name: value for name, value in filters.items() if value}})


@dataclass(frozen=True)
class Board:
    """Figures of one page: its address, the key of its title, and what makes each figure."""

    path: str
    title: str
    makers: Mapping[str, Maker]


@dataclass(frozen=True)
class InsightContext:
    """A page of figures; `boards` are all such pages: address and the key of the title."""

    shell: Shell
    board: Board
    boards: tuple[tuple[str, str], ...]
    asked: Asked
    ranges: tuple[str, ...]
    brands: tuple[tuple[str, str], ...]
    types: tuple[CardType, ...]
    figures: tuple[Figure, ...]
    made_at: datetime
    timezone: str


async def asked_for(
    person: InsightReader,
    range: Annotated[str, Query(max_length=10)] = "7",  # noqa: A002
    first: Annotated[str, Query(max_length=10, alias="from")] = "",
    last: Annotated[str, Query(max_length=10, alias="to")] = "",
    brand: Annotated[str, Query(max_length=40)] = "",
    card_type: Annotated[str, Query(max_length=40, alias="type")] = "",
) -> Asked:
    """Read the span of a query on the reader's own clock. What cannot be used falls back to seven days or to all, and is named."""
    zone = ZoneInfo(person.timezone)
    known_brand = brand if brand in catalogue() else ""
    known_type = member_of(CardType, card_type) or ""
    today = today_in(zone, datetime.now(UTC))
    days, wrong = _days(range, first, last, today)
    if not wrong and (known_brand != brand or known_type != card_type):
        wrong = "filter"
    chosen = range if range in RANGES and wrong != "range" else RANGES[0]
    return Asked(chosen, days[0].isoformat(), days[1].isoformat(), Span(*days, zone, known_brand, known_type), wrong)


AskedFor = Annotated[Asked, Depends(asked_for)]


REVIEW = Board(*BOARDS[0], MAKERS)


@router.get(REVIEW.path)
async def show(request: Request, console: At, person: InsightReader, asked: AskedFor) -> Response:
    """All figures of reviews over the span."""
    return await page(request, console, person, asked, REVIEW)


@router.get("/insight/{figure}.csv")
async def file(request: Request, console: At, asked: AskedFor, figure: str) -> Response:
    """One figure of reviews as a file: durations in seconds, days as dates."""
    return await file_of(request, console, asked, REVIEW, figure)


async def page(request: Request, console: Console, person: Person, asked: Asked, board: Board) -> Response:
    """Return the page of a board's figures."""
    locale = locale_of(request)
    async with console.services.database.transaction() as session:
        figures = [await make(session, asked.span, locale) for make in board.makers.values()]
    brands = sorted((known.names[locale], code) for code, known in catalogue().items())
    context = InsightContext(
        shell(request, person), board, BOARDS, asked, RANGES, tuple((code, name) for name, code in brands), tuple(CardType),
        tuple(figures), datetime.now(UTC), asked.span.zone.key,
    )  # fmt: skip
    return await console.answer(request, "quality/insight.html", context)


async def file_of(request: Request, console: Console, asked: Asked, board: Board, figure: str) -> Response:
    """Return one figure of a board as a file. Refuse NotFound."""
    if figure not in board.makers:
        raise NotFound
    async with console.services.database.transaction() as session:
        made = await board.makers[figure](session, asked.span, locale_of(request))
    name = f"cardloop-{figure}-{asked.first}-{asked.last}"
    return download(name, made.heads, given([(row.name, *row.raw) for row in made.rows]))


def _days(chosen: str, first: str, last: str, today: date) -> tuple[tuple[date, date], str]:
    """The first and the last day, and `range` when they are the default because what was asked for is no range."""
    default = today - timedelta(days=6), today
    if chosen != "custom":
        return ((today - timedelta(days=int(chosen) - 1), today), "") if chosen in RANGES else (default, "range")
    try:
        days = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError:
        return default, "range"
    fits = days[0] <= days[1] and (days[1] - days[0]).days < DAYS_MAX and days[0].year >= 2000 and days[1].year < 2200
    return (days, "") if fits else (default, "range")
