"""The review queue: what waits for a person, in the order in which it should be taken, narrowed to what one looks for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards.values import CardValue, values
from database.reads.people import accounts as people_reads
from database.reads.review.undeliverable import UndeliveredDecision, undelivered
from database.reads.support.desk import TicketGlance, glances
from database.reads.work import queue as reads
from database.reads.work import saved_views as view_reads
from database.tables.columns import now
from database.tables.work import ReasonCodeRow
from domain.people.roles import Permission
from domain.support.tickets import TICKET
from domain.work.kinds import KindOfWork, kind_of, kinds
from domain.work.queue_filter import Hand, QueueSort, Wanted
from domain.work.reason_codes import ReasonedAct
from domain.work.snooze import SnoozeUntil
from domain.work.task import TaskPhase
from languages import LOCALES
from reviewer_ui.brand_names import brand_names
from reviewer_ui.queue_place import FILTER_COOKIE, nothing_left, rail_place
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, QueueReader, Shell, Worker, require_sees, see_other, shell
from reviewer_ui.work.finance_rows import Money, money_of
from reviewer_ui.work.queue_rows import Row, counted, row
from web.locale import ONE_YEAR_S, locale_of, safe_return

router = APIRouter()
POLLS_MAX = 40  # Every 15 s for ten minutes; then the table says that it stopped.
FILTER_CHARACTERS_MAX = 2000
SIZE_COOKIE = "cardloop_queue_size"
SIZES = (20, 50, 100)
Carried = Annotated[str | None, Form(max_length=FILTER_CHARACTERS_MAX)]


@dataclass(frozen=True)
class Choices:
    """What the filters offer; `brands` gives each brand's name in both languages."""

    card_types: tuple[str, ...]
    brands: dict[str, dict[str, str]]
    reasons: tuple[str, ...]
    reason_words: str  # The family of their words.
    languages: tuple[str, ...]
    phases: tuple[TaskPhase, ...]
    hands: tuple[Hand, ...]
    sorts: tuple[QueueSort, ...]
    teams: tuple[str, ...]


@dataclass(frozen=True)
class Chip:
    """A count that leads to what it counts; `key` names its word."""

    key: str
    icon: str
    count: str
    href: str
    current: bool


@dataclass(frozen=True)
class KindLink:
    """The queue of one kind of work."""

    code: str
    href: str
    current: bool


@dataclass(frozen=True)
class Given:
    """One filter in use, and the address without it."""

    name: str
    value: str
    without: str


@dataclass(frozen=True)
class BulkChoices:
    """What may be done to many tasks at once, and with what."""

    assign: bool
    decide: bool
    people: tuple[people_reads.Reviewer, ...]
    reasons: tuple[ReasonCodeRow, ...]
    moments: tuple[SnoozeUntil, ...]


@dataclass(frozen=True)
class QueueContext:
    """The queue page. `poll_url` is None once polling has stopped; `live_url` refreshes the rows when the stream says so.

    `query` is the filter as "next" carries it.
    """

    shell: Shell
    rows: tuple[Row, ...]
    values: dict[str, CardValue]  # By card.
    tickets: dict[str, TicketGlance]  # By item, of the queue of tickets.
    money: Money
    size: int
    sizes: tuple[int, ...]
    chosen: Wanted
    query: str
    choices: Choices
    kinds: tuple[KindLink, ...]  # The queues that the person may see; empty where there is but one.
    facets: frozenset[str]  # What this kind can be narrowed by.
    chips: tuple[Chip, ...]
    given: tuple[Given, ...]
    found: str
    views: tuple[view_reads.View, ...]
    saved: bool
    may_share: bool
    bulk: BulkChoices | None
    sort_urls: dict[str, str]
    next_url: str | None
    first_url: str | None
    poll_url: str | None
    live_url: str
    nothing_left: bool
    undelivered: tuple[UndeliveredDecision, ...]  # What seniors see of it; empty for all others.
    reopen_reasons: tuple[ReasonView, ...]


@router.get("/review")
async def show(
    request: Request,
    console: At,
    person: QueueReader,
    after: Annotated[str, Query(max_length=120)] = "",
    polls: Annotated[int, Query(ge=0)] = 0,
    nothing: bool = False,
) -> Response:
    """One page of the queue; a filter or place that cannot be read counts as not given.

    Without any filter the person's own first view opens, unless `all` asks for the whole queue.
    """
    if not request.url.query and (first := await _opening(console, person)):
        return see_other(f"/review?{first}")
    wanted = _visible(person, Wanted.from_pairs(request.query_params.multi_items()), "kind" in request.query_params)
    context = await _context(request, console, person, wanted, _Turn(after, polls, nothing))
    answer = await console.answer(request, "work/queue.html", context, block="rows")
    if "hx-request" not in request.headers:
        _remember(answer, wanted, secure=console.services.https)
    return answer


@router.post("/review/next")
async def take_next(request: Request, console: At, person: Worker, filter: Carried = None) -> Response:  # noqa: A002
    """Takes the lease of the top item of the person's filter and opens its page; with nothing to take, the queue says so."""
    query = request.cookies.get(FILTER_COOKIE, "") if filter is None else filter
    wanted = _takeable(person, Wanted.from_query(query[:FILTER_CHARACTERS_MAX]))
    task = await console.services.review.leases.take(person.id, None, wanted)
    if task is None:
        return see_other(nothing_left(wanted))
    return see_other(kind_of(wanted.kind).page_of(task.task_id, task.card_id))


def _visible(person: Person, wanted: Wanted, named: bool) -> Wanted:
    """The filter, of the first kind that the person may see unless one was named. Refuses NotAllowed for one they may not see."""
    if named or person.may(kind_of(wanted.kind).see):
        require_sees(person, wanted.kind)
        return wanted
    return replace(wanted, kind=next(kind.code for kind in kinds() if person.may(kind.see)))


def _takeable(person: Person, wanted: Wanted) -> Wanted:
    """The filter, or the whole queue of the first kind that the person takes where they do not take this one."""
    if person.may(kind_of(wanted.kind).take):
        return wanted
    return Wanted(kind=next(kind.code for kind in kinds() if person.may(kind.take)))


@router.post("/review/size")
async def choose_size(
    console: At,
    person: QueueReader,
    size: Annotated[int, Form()],
    back: Annotated[str, Form(max_length=FILTER_CHARACTERS_MAX)] = "/review",
) -> Response:
    """Keeps how many rows this browser shows on a page and goes back; another number changes nothing."""
    del person
    answer = see_other(safe_return(back))
    if size in SIZES:
        answer.set_cookie(
            SIZE_COOKIE, str(size), max_age=ONE_YEAR_S, httponly=True, samesite="lax", secure=console.services.https
        )
    return answer


@dataclass(frozen=True)
class _Turn:
    """Which page of the queue is asked for, for the how-manieth time, and whether "next" found nothing."""

    after: str
    polls: int
    nothing: bool


async def _opening(console: Console, person: Person) -> str | None:
    async with console.services.database.transaction() as session:
        return await view_reads.opening(session, person.id)


async def _context(request: Request, console: Console, person: Person, wanted: Wanted, turn: _Turn) -> QueueContext:
    moment, kind = now(), kind_of(wanted.kind)
    async with console.services.database.transaction() as session:
        size = _size(request)
        page = await reads.queue(session, wanted, _place(wanted.sort, turn.after), person.id, moment, size)
        worth = await values(session, [entry.task.card_id for entry in page.entries if entry.task.card_id])
        about = await glances(session, [one.task.id for one in page.entries]) if kind.code == TICKET else {}
        money = await money_of(session, kind, [one.task.id for one in page.entries])
        teams = await reads.teams(session) if kind.holds_card else ()  # Other work is not divided among teams.
        counts = await reads.counts(session, wanted, person.id, moment, by_team=len(teams) > 1)
        reasons = await reads.reason_words(session)
        views = await view_reads.views(session, person.id)
        refused = await undelivered(session) if kind.holds_card and person.may(Permission.DECIDE_ESCALATED) else ()
        bulk = _bulk(person, await people_reads.reviewers(session, wanted.kind), tuple(reasons.values()), kind)
    locale, query = locale_of(request), wanted.query()
    return QueueContext(
        shell=shell(request, person, at=rail_place(kind)),
        rows=tuple(row(entry, person.id, reasons, locale, moment) for entry in page.entries),
        values=worth,
        tickets=about,
        money=money,
        size=size,
        sizes=SIZES,
        chosen=wanted,
        query=query,
        choices=_choices(kind, teams),
        kinds=_kinds(person, wanted),
        facets=frozenset(facet.value for facet in kind.facets),
        chips=_chips(wanted, counts, teams),
        given=_given(wanted),
        found=counted(counts.found),
        views=views,
        saved=any(view.query == query for view in views),
        may_share=person.may(Permission.SHARE_VIEW),
        bulk=bulk,
        sort_urls={sort.value: _url(replace(wanted, sort=sort)) for sort in QueueSort},
        next_url=None if page.after is None else _url(wanted, after=page.after.text()),
        first_url=_url(wanted) if turn.after else None,
        poll_url=_url(wanted, after=turn.after, polls=turn.polls + 1) if turn.polls < POLLS_MAX else None,
        live_url=_url(wanted, after=turn.after),
        nothing_left=turn.nothing,
        undelivered=refused,
        reopen_reasons=tuple(
            reason_view(one) for one in reasons.values() if one.act == ReasonedAct.REOPEN and one.active
        ),
    )


def _choices(kind: KindOfWork, teams: tuple[str, ...]) -> Choices:
    return Choices(
        card_types=tuple(kind.card_types or ()),
        brands=brand_names(),
        reasons=tuple(kind.opened_for or ()),
        reason_words=kind.reasons,
        languages=LOCALES,
        phases=tuple(TaskPhase),
        hands=tuple(Hand),
        sorts=tuple(QueueSort),
        teams=teams,
    )


def _chips(wanted: Wanted, counts: reads.QueueCounts, teams: tuple[str, ...]) -> tuple[Chip, ...]:
    """The counts that are always shown; the team's own is the whole queue where there is but one team."""
    team = Wanted(team=counts.own_team or "") if len(teams) > 1 else Wanted()
    checked = kind_of(wanted.kind).check is not None
    offered = (
        ("team", "inbox", counts.team, team),
        ("mine", "user-check", counts.mine, Wanted(mine=True)),
        ("escalated", "urgent", counts.escalated, Wanted(escalated=True)),
        ("soon_late", "clock-exclamation", counts.soon_late, Wanted(soon_late=True)),
        *((("second_review", "eye", counts.second_review, Wanted(phase=TaskPhase.CHECK)),) if checked else ()),
        ("snoozed", "clock-pause", counts.snoozed, Wanted(snoozed=True)),
        *(
            (("waiting", "hourglass", counts.waiting, Wanted(waiting=True)),)
            if kind_of(wanted.kind).keeps_own_time
            else ()
        ),
    )
    here = replace(wanted, sort=QueueSort.QUEUE)
    links = ((key, icon, number, replace(leads, kind=wanted.kind)) for key, icon, number, leads in offered)
    return tuple(Chip(key, icon, counted(number), _url(leads), leads == here) for key, icon, number, leads in links)


def _kinds(person: Person, wanted: Wanted) -> tuple[KindLink, ...]:
    seen = [kind for kind in kinds() if person.may(kind.see)]
    links = (KindLink(kind.code, _url(Wanted(kind=kind.code)), kind.code == wanted.kind) for kind in seen)
    return tuple(links) if len(seen) > 1 else ()


def _given(wanted: Wanted) -> tuple[Given, ...]:
    pairs = wanted.pairs()
    return tuple(
        Given(name, value, _url(Wanted.from_pairs(pair for pair in pairs if pair != (name, value))))
        for name, value in pairs
        if name not in ("sort", "kind")
    )


def _bulk(
    person: Person, people: tuple[people_reads.Reviewer, ...], reasons: tuple[ReasonCodeRow, ...], kind: KindOfWork
) -> BulkChoices | None:
    assign, decide = person.may(Permission.ASSIGN), person.may(kind.take)
    if not (assign or decide):
        return None
    snooze_reasons = tuple(one for one in reasons if one.act == ReasonedAct.SNOOZE and one.active)
    return BulkChoices(assign, decide, people if assign else (), snooze_reasons, tuple(SnoozeUntil))


def _url(wanted: Wanted, **more: object) -> str:
    """This page with these filters; the whole queue is asked for by name, so that it can be had beside a first view."""
    pairs = [*wanted.pairs(), *((name, str(value)) for name, value in more.items() if value)]
    return f"/review?{urlencode(pairs)}" if pairs else "/review?all=yes"


def _remember(answer: Response, wanted: Wanted, *, secure: bool) -> None:
    """Keeps the filter that "next" takes from; with the whole queue there is nothing to keep."""
    query = wanted.for_next().query()
    if query and len(query) <= FILTER_CHARACTERS_MAX:
        answer.set_cookie(FILTER_COOKIE, query, httponly=True, samesite="lax", secure=secure)
    else:
        answer.delete_cookie(FILTER_COOKIE, httponly=True, samesite="lax", secure=secure)


def _size(request: Request) -> int:
    chosen = request.cookies.get(SIZE_COOKIE, "")
    return next((size for size in SIZES if str(size) == chosen), SIZES[0])


def _place(sort: QueueSort, after: str) -> reads.Place | None:
    try:
        return reads.Place.from_text(sort, after) if after else None
    except ValueError:
        return None  # A link cut short by a chat program leads to the first page.
