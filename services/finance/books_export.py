"""The books for other programs: CSV, and beancount's plain text, which `bean-check` judges without us."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable
from datetime import date
from itertools import groupby

from database.reads.finance.books import BookLine, journal
from database.session import Database
from domain.finance.chart import AccountKind, account_of
from domain.money import Money

HEADER = (
    "entry", "transaction", "what", "account", "amount", "currency", "effective_on", "late_for", "written_at", "card",
    "cause", "reverses",
)  # fmt: skip
AT_ONCE = 1_000  # Lines in memory.
_ROOTS = {
    AccountKind.ASSET: "Assets",
    AccountKind.LIABILITY: "Liabilities",
    AccountKind.INCOME: "Income",
    AccountKind.EXPENSE: "Expenses",
    AccountKind.EQUITY: "Equity",
}
_UNFIT = re.compile(r"[^A-Za-z0-9]+")


async def lines_of(database: Database, since: date, until: date) -> AsyncIterator[BookLine]:
    """Yield every line of these days (both included), transaction by transaction, from short transactions of the database.

    What is posted meanwhile may be in it: its transactions are whole all the same, and come at the end.
    """
    after = (0, 0)
    while True:
        async with database.transaction() as session:
            page = await journal(session, since, until, after, AT_ONCE)
        for line in page:
            yield line
        if len(page) < AT_ONCE:
            return
        after = (page[-1].transaction, page[-1].id)


async def as_csv(lines: AsyncIterator[BookLine]) -> AsyncIterator[str]:
    """Yield lines of the journal as CSV, a header first; amounts in major units, debits positive."""
    yield _row(HEADER)
    async for line in lines:
        yield _row(
            (
                line.id, line.key, line.what, line.code, Money(line.amount_minor, line.currency).decimal_text(),
                line.currency.value, line.effective_on, line.late_for or "", line.at.isoformat(), line.card_id or "",
                line.cause, line.reverses or "",
            )
        )  # fmt: skip


async def as_beancount(journal_lines: AsyncIterator[BookLine], since: date) -> AsyncIterator[str]:
    """Yield lines of the journal as beancount directives: accounts are opened on the first day, where they are first used."""
    yield 'option "title" "Cardloop"\noption "operating_currency" "CNY"\n\n'
    opened: set[str] = set()
    lines: list[BookLine] = []
    async for line in journal_lines:
        if lines and lines[-1].key != line.key:
            yield _directives(lines, opened, since)
            lines = []
        lines.append(line)
    if lines:
        yield _directives(lines, opened, since)


def beancount_name(code: str) -> str:
    """Return an account's name in beancount: a root by its kind, then parts that begin with a capital or a digit."""
    kind = account_of(code).kind
    parts = (_UNFIT.sub("-", part).strip("-") for part in code.split(":"))
    return ":".join((_ROOTS[kind], *(part[:1].upper() + part[1:] for part in parts if part)))


def _directives(lines: list[BookLine], opened: set[str], since: date) -> str:
    first = lines[0]
    made = [
        f"{since} open {name}\n"
        for name in dict.fromkeys(beancount_name(line.code) for line in lines)
        if name not in opened
    ]
    opened |= {beancount_name(line.code) for line in lines}
    made.append(f'{first.effective_on} * "{_text(first.what)}" "{_text(first.key)}"\n')
    made += [f'  {name}: "{_text(value)}"\n' for name, value in _facts(first) if value]
    for code, same in groupby(lines, key=lambda line: line.code):
        for line in same:
            amount = Money(line.amount_minor, line.currency).decimal_text()
            made.append(f"  {beancount_name(code)}  {amount} {line.currency.value}\n")
    return "".join([*made, "\n"])


def _facts(line: BookLine) -> Iterable[tuple[str, str]]:
    late = line.late_for.isoformat() if line.late_for else ""
    return (("card", line.card_id or ""), ("cause", line.cause), ("reverses", line.reverses or ""), ("late", late))


def _text(words: str) -> str:
    return words.replace("\\", "\\\\").replace('"', '\\"')


def _row(values: Iterable[object]) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(values)
    return written.getvalue()
