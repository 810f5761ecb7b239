"""The daily close of one source: what the statements and our books say, every difference by its reason, and who closes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import day_closes, suspense
from database.reads.finance import reconciliation as reads
from database.reads.finance.suspense import InSuspense, SuspenseTotal
from database.repositories import day_figures, expectations
from database.repositories.day_figures import DayFigures
from database.repositories.expectations import Expected
from database.tables.columns import now
from database.tables.finance.statements import ReconciledDayRow
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.finance.breaks import NOTE_MAX
from domain.finance.statements import StatementSource
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, see_other, shell
from services.finance.daily_close import DailyClose, needs_second
from web.forms import member_of

router = APIRouter(prefix="/reconciliation/days/{source}/{day}")
Reconciler = Annotated[Person, Depends(allowed(Permission.RECONCILE))]
Words = Annotated[str, Form(max_length=4000)]
SUSPENSE_SHOWN = 10


@dataclass(frozen=True)
class Step:
    """One line of the way from the books' balance to the statement's; `key` names its words."""

    key: str
    amount: Money


@dataclass(frozen=True)
class DayContext:
    """The page of a day; `row` is how it was closed or asked for, with the names of both people.

    `withdrawn` is the newest request where it was taken back, `earlier` the day that must be closed first, `unneeded`:
    the day is before the first statement of the source, `without_bill`: what our books expect of it where the provider says
    that it has no bill. Of the breaks, those since before `late_before` are late. `suspense`: its oldest entries at this moment,
    `in_suspense` all of them; None for an issuer, who has none.
    """

    shell: Shell
    source: StatementSource
    day: date
    figures: DayFigures
    books: Money
    books_before: Money
    steps: tuple[Step, ...]
    statement: Money | None
    unexplained: Money | None
    breaks: tuple[reads.OpenBreak, ...]
    late_before: datetime
    row: ReconciledDayRow | None
    asked_by: str
    agreed_by: str
    withdrawn: day_closes.Withdrawn | None
    earlier: date | None
    unneeded: bool
    without_bill: Expected | None
    history: tuple[tuple[ReconciledDayRow, str, str], ...]
    second: bool
    is_over: bool
    before: date
    after: date | None
    may: bool
    may_agree: bool
    note: str
    refusal: Refusal | None
    suspense: tuple[InSuspense, ...]
    in_suspense: SuspenseTotal | None
    words_max: int = NOTE_MAX


@router.get("")
async def show(request: Request, console: At, person: PayoutReader, source: str, day: str) -> Response:
    """Show the day as it is now."""
    return await _render(request, console, person, *_named(source, day))


@router.post("/close")
async def close(
    request: Request, console: At, person: Reconciler, source: str, day: str, note: Words = ""
) -> Response:  # fmt: skip
    """Closes the day, or asks a second person to."""
    await require_step_up(request, person)

    async def act(daily: DailyClose, of: StatementSource, on: date) -> None:
        await daily.close(person.id, of, on, note)

    return await _done(request, console, person, source, day, act, note)


@router.post("/agree")
async def agree(request: Request, console: At, person: Reconciler, source: str, day: str) -> Response:
    """Closes it as the second person."""
    await require_step_up(request, person)

    async def act(daily: DailyClose, of: StatementSource, on: date) -> None:
        await daily.agree(person.id, of, on)

    return await _done(request, console, person, source, day, act)


@router.post("/withdraw")
async def withdraw(request: Request, console: At, person: Reconciler, source: str, day: str) -> Response:
    """Discards the request to close it."""

    async def act(daily: DailyClose, of: StatementSource, on: date) -> None:
        await daily.withdraw(person.id, of, on)

    return await _done(request, console, person, source, day, act)


async def _done(
    request: Request, console: Console, person: Person, source: str, day: str,
    act: Callable[[DailyClose, StatementSource, date], Awaitable[None]], note: str = "",
) -> Response:  # fmt: skip
    of, on = _named(source, day)
    try:
        await act(DailyClose(console.services.database), of, on)
    except Refusal as refusal:
        return await _render(request, console, person, of, on, refusal=refusal, note=note)
    return see_other(f"/reconciliation/days/{of.value}/{on}")


def _named(source: str, day: str) -> tuple[StatementSource, date]:
    """The source and the day of an address. Refuses NotFound."""
    of = member_of(StatementSource, source)
    try:
        on = date.fromisoformat(day)
    except ValueError:
        on = None
    if of is None or on is None or not date(2000, 1, 2) <= on <= date(2999, 1, 1):
        raise NotFound(day=day[:20])
    return of, on


async def _render(
    request: Request, console: Console, person: Person, source: StatementSource, day: date, *,
    refusal: Refusal | None = None, note: str = "",
) -> Response:  # fmt: skip
    moment = now()
    today = business_day(moment)
    rules = reconciliation_in_force(today)
    async with console.services.database.transaction() as session:
        figures = await day_figures.figures(session, source, day, rules.sources[source], moment)
        breaks = await reads.open_breaks(session, source=source, until=day)
        history = await reads.closed_days(session, source)
        row = await session.get(ReconciledDayRow, (source, day))
        names = await day_closes.names_of(session, row)
        withdrawn = None if row is not None else await day_closes.withdrawn(session, source, day)
        absent = bool(figures.missing) and await day_closes.without_bill(session, source, day)
        expected = await expectations.expected_on(session, source, day) if absent else None
        stands = () if source.rail is None else await suspense.standing(session, source.rail)
        all_of_it = None if source.rail is None else await suspense.sum_of(session, source.rail)
        following = await day_closes.next_to_close(session, source, figures.first_day)
    unexplained = figures.unexplained_minor
    context = DayContext(
        shell=shell(request, person), source=source, day=day, figures=figures, books=Money(figures.books_minor),
        books_before=Money(figures.books_before_minor), steps=_steps(figures) if day < today else (),
        statement=None if figures.statement_minor is None else Money(figures.statement_minor),
        unexplained=None if unexplained is None else Money(unexplained), breaks=breaks,
        late_before=moment - rules.sources[source].late_after, row=row, asked_by=names[0],
        agreed_by=names[1], withdrawn=withdrawn, earlier=following if following is not None and following < day else None,
        unneeded=figures.first_day is not None and day < figures.first_day, without_bill=expected, history=history, second=needs_second(figures, rules), is_over=day < today,
        before=day - timedelta(days=1), after=day + timedelta(days=1) if day + timedelta(days=1) < today else None,
        may=person.may(Permission.RECONCILE),
        may_agree=row is not None and row.closed_at is None and person.id not in row.askers, note=note, refusal=refusal,
        suspense=stands[:SUSPENSE_SHOWN], in_suspense=all_of_it,
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = f"/reconciliation/days/{source.value}/{day}"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/day.html", context, status=status)


def _steps(figures: DayFigures) -> tuple[Step, ...]:
    """The reasons for a difference that there are, in the order in which they are read."""
    amounts = {
        "opening": figures.opening_minor, "lines": figures.lines_minor, "entries": -figures.entries_minor,
        "ignored": figures.ignored_minor, "booked_later": figures.booked_later_minor,
        "seen_later": -figures.seen_later_minor,
    }  # fmt: skip
    return tuple(Step(f"recon.step.{name}", Money(minor)) for name, minor in amounts.items() if minor)
