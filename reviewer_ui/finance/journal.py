"""The journal: every transaction with its lines, newest first, by days, step and cause; one of them; and all as files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from database.reads.finance import account_pages as reads
from database.reads.finance.books import NEWEST
from domain.errors.general import NotFound
from reviewer_ui.finance.days import DayQuery, Days, days_of, id_of
from reviewer_ui.visit import At, BooksReader, Shell, shell
from services.finance.books_export import as_beancount, as_csv, lines_of
from web.spreadsheet import BYTE_ORDER_MARK

router = APIRouter(prefix="/money/journal")
Word = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True)
class JournalContext:
    """A page of the journal. `older` is the transaction before which the next page begins; 0 on the last one."""

    shell: Shell
    entries: tuple[reads.BookTransaction, ...]
    steps: tuple[str, ...]
    days: Days
    what: str
    cause: str
    filtered: bool
    paged: bool
    older: int


@dataclass(frozen=True)
class TransactionContext:
    """One transaction."""

    shell: Shell
    entry: reads.BookTransaction


@router.get("")
async def show(
    request: Request, console: At, person: BooksReader, since: DayQuery = "", until: DayQuery = "", what: Word = "",
    cause: Word = "", before: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """List transactions, newest first."""
    days, place = days_of(since, until), id_of(before, NEWEST)
    first, last = (reads.FIRST_DAY, reads.LAST_DAY) if days.wrong else (days.since, days.until)
    wanted = reads.Wanted(first, last, what, cause.strip())
    async with console.services.database.transaction() as session:
        found = await reads.transactions(session, wanted, place, reads.TRANSACTIONS_PAGE + 1)
        steps = await reads.steps(session)
    older = found[reads.TRANSACTIONS_PAGE - 1].id if len(found) > reads.TRANSACTIONS_PAGE else 0
    context = JournalContext(
        shell(request, person), found[: reads.TRANSACTIONS_PAGE], steps, days, what, cause.strip(),
        days.any or bool(what or cause.strip()), place != NEWEST, older,
    )  # fmt: skip
    return await console.answer(request, "finance/journal.html", context)


@router.get(".csv")
async def as_table(console: At, person: BooksReader, since: DayQuery = "", until: DayQuery = "") -> Response:  # noqa: ARG001
    """Download the journal of these days as CSV, streamed."""
    days = _days(since, until)
    lines = as_csv(lines_of(console.services.database, days.since, days.until))
    return _file(_marked(lines), f"journal{_named(days)}.csv", "text/csv; charset=utf-8")


@router.get(".beancount")
async def as_plain_text(console: At, person: BooksReader, since: DayQuery = "", until: DayQuery = "") -> Response:  # noqa: ARG001
    """Download the journal of these days as text that beancount reads, streamed."""
    days = _days(since, until)
    lines = as_beancount(lines_of(console.services.database, days.since, days.until), days.since)
    return _file(lines, f"journal{_named(days)}.beancount", "text/plain; charset=utf-8")


@router.get("/{transaction_id}")
async def one(request: Request, console: At, person: BooksReader, transaction_id: str) -> Response:
    """Show one transaction with its lines and what it reverses. Refuses NotFound."""
    async with console.services.database.transaction() as session:
        entry = await reads.transaction(session, id_of(transaction_id, 0))
    if entry is None:
        raise NotFound(transaction=transaction_id[:26])
    return await console.answer(request, "finance/transaction.html", TransactionContext(shell(request, person), entry))


def _days(since: str, until: str) -> Days:
    """A file of days that are none is a file of all days: its name says so."""
    days = days_of(since, until)
    return days_of("", "") if days.wrong else days


def _named(days: Days) -> str:
    typed = (days.since_typed or "…", days.until_typed or "…")
    return "-" + "-".join(one for one in typed if one != "…") if days.any else "-all"


async def _marked(lines: AsyncIterator[str]) -> AsyncIterator[str]:
    yield BYTE_ORDER_MARK
    async for line in lines:
        yield line


def _file(lines: AsyncIterator[str], name: str, media_type: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
    return StreamingResponse(lines, media_type=media_type, headers=headers)
