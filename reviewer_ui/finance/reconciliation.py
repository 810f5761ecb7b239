"""Reconciliation at a glance: days and sources, what waits for a second person, files on their way, and the form that brings one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import reconciliation as reads
from database.reads.finance import suspense
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.statements import ReconciledDayRow, StatementRow
from database.tables.finance.suspense import ReversalRow
from domain.errors.base import REGISTER, Refusal
from domain.errors.finance import StatementTooLarge, StatementUnreadable
from domain.errors.general import FieldInvalid
from domain.finance.breaks import BREAK_WORK
from domain.finance.statements import FILE_BYTES_MAX, StatementSource, StatementState
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from languages import translate
from reviewer_ui.charts import Columns, columns
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, see_other, shell
from services.finance.statements import Statements
from web.locale import locale_of

router = APIRouter(prefix="/reconciliation")
bringing_router = APIRouter(prefix="/reconciliation")  # A file is read only from people who may bring one.
bringing = allowed(Permission.RECONCILE)
BRING_PATH = "/reconciliation/statements"
FORM_BYTES_MAX = FILE_BYTES_MAX + 64 * 1024  # The file, and the form around it.
DAYS = 14


@dataclass(frozen=True)
class DayLine:
    """One day with a cell for each source; a provider has no file of today before it is over."""

    day: date
    cells: tuple[reads.DayCell, ...]


@dataclass(frozen=True)
class OverviewContext:
    """The overview; `refused` are the refusals of files by their id."""

    shell: Shell
    sources: tuple[StatementSource, ...]
    days: tuple[DayLine, ...]
    proposed: tuple[reads.OpenBreak, ...]
    asked: tuple[tuple[ReconciledDayRow, str], ...]
    reversals: tuple[ReversalRow, ...]
    names: dict[str, str]
    files: tuple[StatementRow, ...]
    refused: dict[str, Refusal]
    open_breaks: int
    late: int
    total: Money
    chart: Columns | None
    may: bool
    moving: bool  # A file is on its way: the list is asked for again automatically.
    refusal: Refusal | None
    day: str
    bytes_max: int = FILE_BYTES_MAX


@router.get("")
async def show(request: Request, console: At, person: PayoutReader) -> Response:
    """Show the overview."""
    return await _render(request, console, person)


@router.get("/breaks")
async def queue(person: PayoutReader) -> Response:  # noqa: ARG001  # Only who may see the queue is led to it.
    """Lead to the queue of breaks."""
    return see_other(f"/review?kind={BREAK_WORK.code}")


@bringing_router.post("/statements")
async def bring(request: Request, console: At, person: PayoutReader) -> Response:
    """Keep the file of the form; the page of its statement shows how its import goes. What is refused is said in the form."""
    form = await request.form()
    sent, day = form.get("file"), str(form.get("day", ""))[:10]
    statements = Statements(console.services.database, console.services.keyring)
    try:
        if not isinstance(sent, UploadFile) or not sent.filename:
            raise FieldInvalid(field="file", why="missing")
        if sent.size == 0:
            raise StatementUnreadable(why="empty")
        if (sent.size or 0) > FILE_BYTES_MAX:
            raise StatementTooLarge(bytes_max=FILE_BYTES_MAX)
        brought = await statements.bring(person.id, sent.filename, sent.read, _day(day))
    except Refusal as refusal:
        return await _render(request, console, person, refusal=refusal, day=day)
    return see_other(f"/reconciliation/statements/{brought.statement_id}{'?known=yes' if brought.known else ''}")


def refusal_of(row: StatementRow) -> Refusal | None:
    """Return why a file was refused; None for others."""
    kind = REGISTER.get(row.refused_as)
    return None if row.state is not StatementState.REFUSED or kind is None else kind(**row.refused_with)


def _day(written: str) -> date | None:
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise FieldInvalid(field="day", why="not_a_date") from None


async def _render(
    request: Request, console: Console, person: PayoutReader, *, refusal: Refusal | None = None, day: str = ""
) -> Response:  # fmt: skip
    moment = now()
    today, rules = business_day(moment), reconciliation_in_force(business_day(moment))
    first = today - timedelta(days=DAYS)
    late = {source: moment - one.late_after for source, one in rules.sources.items()}
    async with console.services.database.transaction() as session:
        cells = await reads.cells(session, first, today - timedelta(days=1))
        files = await reads.files(session)
        proposed = await reads.open_breaks(session, proposed=True)
        asked = await reads.days_asked(session)
        reversals = await suspense.reversals_waiting(session)
        names = await accounts.names_of(session, [one.asked_by for one in reversals])
        number, overdue, total = await reads.open_sums(session, late)
    days = [today - timedelta(days=back) for back in range(1, DAYS + 1)]
    context = OverviewContext(
        shell=shell(request, person), sources=tuple(StatementSource),
        days=tuple(DayLine(one, tuple(cells[source, one] for source in StatementSource)) for one in days),
        proposed=proposed, asked=asked, reversals=reversals, names=names, files=files,
        refused={row.id: why for row in files if (why := refusal_of(row)) is not None},
        open_breaks=number, late=overdue, total=Money(total), chart=_chart(days, cells, locale_of(request)),
        may=person.may(Permission.RECONCILE), moving=any(row.state is StatementState.RECEIVED for row in files),
        refusal=refusal, day=day,
    )  # fmt: skip
    if request.method == "POST":
        request.state.back = "/reconciliation"
    status = 200 if refusal is None else refusal.http_status
    return await console.answer(request, "finance/reconciliation.html", context, block="files", status=status)


def _chart(days: list[date], cells: dict[tuple[StatementSource, date], reads.DayCell], locale: str) -> Columns | None:
    """Lines matched and breaks of each day; None while there are no lines."""
    shown = list(reversed(days))
    values = [
        (
            sum(cells[source, day].matched for source in StatementSource),
            sum(cells[source, day].breaks for source in StatementSource),
        )
        for day in shown
    ]
    if not any(number for pair in values for number in pair):
        return None
    series = [translate(f"recon.chart.{name}", locale) for name in ("matched", "open")]
    said = translate("recon.chart.said", locale)
    return columns(translate("recon.chart.title", locale), said, series, [f"{day:%m-%d}" for day in shown], values)
