"""Accounts: the trial balance as of a day, the statement of one account, and both as files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import account_pages as reads
from database.reads.finance.books import NEWEST, TrialLine, trial_balance
from database.session import Database
from database.tables.columns import now
from domain.errors.general import NotFound
from domain.finance.chart import CHART, AccountKind
from domain.money import Currency, Money
from domain.places import business_day
from reviewer_ui.finance.days import DayQuery, Days, days_of, id_of
from reviewer_ui.visit import At, BooksReader, Shell, shell
from web.forms import member_of
from web.spreadsheet import Cell, download

router = APIRouter(prefix="/money/accounts")
ACCOUNTS_MAX = 500  # On the page; the file has them all.
Code = Annotated[str, Query(max_length=60)]
TRIAL_HEADING = ("account", "kind", "currency", "debits", "credits", "balance")
STATEMENT_HEADING = (
    "entry", "transaction", "step", "effective_on", "late_for", "written_at", "card", "cause", "amount", "balance", "currency",
)  # fmt: skip


@dataclass(frozen=True)
class TrialSum:
    """All accounts of one currency: both sides, which are the same when the books add up."""

    currency: Currency
    debit: Money
    credit: Money


@dataclass(frozen=True)
class AccountsContext:
    """The trial balance as of a day. `wrong_day` says that what was typed is no day; `more` accounts are not shown."""

    shell: Shell
    on: date
    wrong_day: bool
    chosen: str
    classes: tuple[str, ...]
    groups: tuple[tuple[AccountKind, tuple[TrialLine, ...]], ...]
    sums: tuple[TrialSum, ...]
    more: int


@dataclass(frozen=True)
class StatementContext:
    """One account. `older` is the entry before which the next page begins; 0 on the last one."""

    shell: Shell
    code: str
    currency: Currency
    known: TrialLine
    lines: tuple[reads.StatementLine, ...]
    days: Days
    paged: bool
    older: int


@router.get("")
async def show(
    request: Request, console: At, person: BooksReader, on: DayQuery = "",
    chosen: Annotated[str, Query(alias="class", max_length=60)] = "",
) -> Response:  # fmt: skip
    """Show every account that was used up to a day, by kind, with both sums."""
    today = business_day(now())
    day = days_of("", on)
    as_of = today if day.wrong or not on else day.until
    async with console.services.database.transaction() as session:
        lines = await trial_balance(session, as_of)
    shown = [one for one in lines if not chosen or one.code.partition(":")[0] == chosen]
    groups = tuple((kind, tuple(one for one in shown[:ACCOUNTS_MAX] if one.kind is kind)) for kind in AccountKind)
    used = {one.code.partition(":")[0] for one in lines}
    context = AccountsContext(
        shell(request, person), as_of, day.wrong, chosen if chosen in used else "", tuple(code for code in CHART if code in used),
        tuple(group for group in groups if group[1]), _sums(lines), max(0, len(shown) - ACCOUNTS_MAX),
    )  # fmt: skip
    return await console.answer(request, "finance/accounts.html", context)


@router.get(".csv")
async def trial_file(console: At, person: BooksReader, on: DayQuery = "") -> Response:  # noqa: ARG001
    """Download the trial balance as of a day."""
    day = days_of("", on)
    as_of = business_day(now()) if day.wrong or not on else day.until
    return download(f"trial-balance-{as_of}", TRIAL_HEADING, _trial_rows(console.services.database, as_of))


@router.get("/{code}.csv")
async def statement_file(
    console: At, person: BooksReader, code: str, currency: Code = "", since: DayQuery = "", until: DayQuery = ""  # noqa: ARG001
) -> Response:  # fmt: skip
    """Download the statement of an account, the newest line first."""
    days, of = days_of(since, until), member_of(Currency, currency) or Currency.CNY
    name = f"statement-{code.replace(':', '-')}-{of.value}"
    return download(name, STATEMENT_HEADING, _statement_rows(console.services.database, code, of, days))


@router.get("/{code}")
async def statement(
    request: Request, console: At, person: BooksReader, code: str, currency: Code = "", since: DayQuery = "",
    until: DayQuery = "", before: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """Show the account's lines, newest first, each with what the account came to. Refuses NotFound for one never used."""
    of, days, place = member_of(Currency, currency) or Currency.CNY, days_of(since, until), id_of(before, NEWEST)
    asked = (reads.FIRST_DAY, reads.LAST_DAY) if days.wrong else (days.since, days.until)
    async with console.services.database.transaction() as session:
        known = await reads.account_line(session, code, of)
        if known is None:
            raise NotFound(account=code[:60])
        lines = await reads.statement_lines(session, code, of, asked, place, reads.PAGE + 1)
    older = lines[reads.PAGE - 1].line.id if len(lines) > reads.PAGE else 0
    context = StatementContext(
        shell(request, person), code, of, known, lines[: reads.PAGE], days, place != NEWEST, older
    )
    return await console.answer(request, "finance/account.html", context)


def _sums(lines: tuple[TrialLine, ...]) -> tuple[TrialSum, ...]:
    sums = []
    for currency in Currency:
        of = [one.balance_minor for one in lines if one.currency is currency]
        if of:
            debit, credit = sum(one for one in of if one > 0), -sum(one for one in of if one < 0)
            sums.append(TrialSum(currency, Money(debit, currency), Money(credit, currency)))
    return tuple(sums)


async def _trial_rows(database: Database, as_of: date) -> AsyncIterator[tuple[Cell, ...]]:
    async with database.transaction() as session:
        lines = await trial_balance(session, as_of)
    for one in lines:
        amounts = (one.debits_minor, one.credits_minor, one.balance_minor)
        yield (
            one.code, one.kind.value, one.currency.value,
            *(Decimal(Money(minor, one.currency).decimal_text()) for minor in amounts),
        )  # fmt: skip


async def _statement_rows(
    database: Database, code: str, currency: Currency, days: Days
) -> AsyncIterator[tuple[Cell, ...]]:
    """Page after page, each in a short transaction: no file holds one open."""
    before, asked = NEWEST, (days.since, days.until)
    while True:
        async with database.transaction() as session:
            lines = await reads.statement_lines(session, code, currency, asked, before, 500)
        for one in lines:
            line = one.line
            yield (
                line.id, line.key, line.what, str(line.effective_on), str(line.late_for or ""), line.at.isoformat(),
                line.card_id, line.cause, Decimal(one.amount.decimal_text()), Decimal(one.balance.decimal_text()),
                currency.value,
            )  # fmt: skip
        if len(lines) < 500:
            return
        before = lines[-1].line.id
