"""What readers of all formats share: amounts and moments taken strictly, and the sums that a file's own are compared with."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from operator import add, ne
from typing import Protocol

from domain.errors.finance import StatementTruncated
from domain.finance.statements import (
    AMOUNT_MINOR_MAX,
    REJECTED_TEXT_MAX,
    Batch,
    Line,
    Lines,
    Rejected,
    RejectedLine,
    StatementFoot,
    StatementHead,
)
from domain.places import business_day
from gateways.answers import beijing_moment

AT_ONCE = 10_000  # Lines of one batch: what is in memory at a time.
PART = 250  # Lines that are taken whole columns at a time: so few that they stay near the processor.
# Moments of years that are taken whatever the zone; the day may still be none.
USUAL_MOMENT = "20(?:0[1-9]|[1-8][0-9]|9[0-8])-[0-9]{2}-[0-9]{2} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
ZONE = "+08:00"  # Behind a moment of Beijing's clock.
BEIJING = timezone(timedelta(hours=8))  # Providers and banks write the time of their clocks without saying so.
_YUAN = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]{2}")
_GROUPED = re.compile(r"-?(?:0|[1-9][0-9]{0,2}(?:,[0-9]{3})*)\.[0-9]{2}")
_FEN = re.compile(r"-?(?:0|[1-9][0-9]*)")
_COUNT = re.compile(r"[0-9]{1,12}(?:\.0)?")  # WeChat Pay writes `20.0`.


class LineRejected(Exception):
    """One line cannot be taken; the others can."""

    def __init__(self, why: Rejected) -> None:
        super().__init__(why.value)
        self.why = why


class StatementReader(Protocol):
    """One open file. `batches` is read to its end once, then `foot` says what it came to."""

    head: StatementHead

    def batches(self) -> Iterator[Batch]:
        """Yield the lines in the file's order. Raises StatementTruncated and StatementEncodingWrong."""
        ...

    def foot(self) -> StatementFoot:
        """Return what the lines came to, found to agree with the file's own sums."""
        ...


def yuan(text: str) -> int:
    """Return fen from `465.00` or `-465.00`. Raises LineRejected for anything written differently, and for nothing."""
    if not _YUAN.fullmatch(text):
        raise LineRejected(Rejected.AMOUNT)
    return _within(int(text[:-3] + text[-2:]))


def grouped_yuan(text: str) -> int:
    """Return fen from `1,234.50`, for the banks that write so. Raises LineRejected."""
    if not _GROUPED.fullmatch(text):
        raise LineRejected(Rejected.AMOUNT)
    plain = text.replace(",", "")
    return _within(int(plain[:-3] + plain[-2:]))


def fen(text: str) -> int:
    """Return fen from `46500`. Raises LineRejected."""
    if not _FEN.fullmatch(text):
        raise LineRejected(Rejected.AMOUNT)
    return _within(int(text))


def moment(text: str) -> str:
    """Return `2026-11-28 10:03:04` with the zone of Beijing's clock, by which it is written. Raises LineRejected."""
    _moment(text)
    return text + ZONE


@lru_cache(maxsize=1_000)
def day_of(date_text: str) -> date:
    """Return the business day of `2026-11-28` by Beijing's clock, which is the office's too: a file has a million lines and
    few days. Raises LineRejected.
    """
    return business_day(_moment(f"{date_text} 12:00:00"))


def columns_of(lines: Sequence[str], width: int, before: str, between: str) -> list[list[str]] | None:
    """Return the cells of lines column by column, as a line's own text would be divided; None unless that is sure.

    `before` stands at the beginning of a line, `between` between its cells. It is sure when each of the lines has so many
    cells and the same end, and no character is one that makes a text end.
    """
    whole, end = "".join(lines), "\r\n" if lines[0].endswith("\r\n") else "\n"
    ends = whole.count("\n")
    if not len(lines) == ends == whole.count(end) or "\0" in whole or not whole.startswith(before):
        return None
    if whole.count("\r") != (ends if end == "\r\n" else 0):
        return None
    # Every line but the first begins with a mark, which is found again in front of the first column's cells, and only there.
    mark = f"{between}\n"
    marked = whole[len(before) : -len(end)].replace(end + before, mark)
    cells = marked.split(between)
    first = "".join(cells[::width])
    if len(cells) != width * ends or not marked.count(mark) == first.count("\n") == ends - 1:
        return None
    return [first.split("\n"), *(cells[place::width] for place in range(1, width))]


def all_written(form: str) -> Callable[[Sequence[str]], bool]:
    """Return a judge of whether every cell of a column is written so; the form takes no end of a line."""
    pattern = re.compile(f"(?:(?:{form})\n)*")

    def judge(cells: Sequence[str]) -> bool:
        return pattern.fullmatch("\n".join(cells) + "\n") is not None

    return judge


def minor_of(amounts: Iterable[str]) -> list[int]:
    """Return fen from amounts of which each is known to be written with a point and two decimals."""
    return list(map(int, "\n".join(amounts).replace(".", "").split("\n")))


def count(text: str) -> int:
    """Return a number of lines as a footer writes it. Raises StatementTruncated for anything else."""
    if not _COUNT.fullmatch(text):
        raise StatementTruncated(what="footer")
    return int(text.partition(".")[0])


def foot_amount(text: str) -> int:
    """Return fen from a footer's amount, which may be nothing. Raises StatementTruncated for anything else."""
    if not _YUAN.fullmatch(text):
        raise StatementTruncated(what="footer")
    return int(text[:-3] + text[-2:])


def _moment(text: str) -> datetime:
    if len(text) != 19 or text[10] != " " or text[4] != "-":
        raise LineRejected(Rejected.MOMENT)
    try:
        return beijing_moment(text)
    except ValueError:
        raise LineRejected(Rejected.MOMENT) from None


def _within(amount_minor: int) -> int:
    if amount_minor == 0:
        raise LineRejected(Rejected.AMOUNT_ZERO)
    if abs(amount_minor) > AMOUNT_MINOR_MAX:
        raise LineRejected(Rejected.AMOUNT_TOO_LARGE)
    return amount_minor


@dataclass
class Sums:
    """What the lines of a file came to so far. A rejected line leaves sums and balances unknown, but is counted."""

    lines: int = 0
    rejected: int = 0
    in_minor: int = 0
    in_count: int = 0
    out_minor: int = 0
    out_count: int = 0
    opening_minor: int | None = None
    closing_minor: int | None = None
    first_day: date | None = None
    last_day: date | None = None
    broken_chain: bool = False  # A balance does not follow from the one before.
    batch: Batch = field(default_factory=Batch)

    def take(self, line: Line, balance_minor: int | None) -> None:
        """Count a line that is taken."""
        self.lines += 1
        amount, day = line[5], line[8]
        if amount > 0:
            self.in_minor += amount
            self.in_count += 1
        else:
            self.out_minor -= amount
            self.out_count += 1
        if balance_minor is not None:
            if self.closing_minor is None:
                if not self.rejected:
                    self.opening_minor = balance_minor - amount
            elif self.closing_minor + amount != balance_minor and not self.rejected:
                self.broken_chain = True
            self.closing_minor = balance_minor
        self._see(day)
        self.batch.lines.add(line)

    def take_all(self, lines: Lines, balances: Sequence[int]) -> None:
        """Count lines that follow each other and are all taken, as `take` counts one by one."""
        amounts = lines.amounts
        came = [amount for amount in amounts if amount > 0]
        self.lines += len(amounts)
        self.in_count, self.in_minor = self.in_count + len(came), self.in_minor + sum(came)
        self.out_count += len(amounts) - len(came)
        self.out_minor += sum(came) - sum(amounts)
        before = balances[0] - amounts[0]
        if not self.rejected:
            if self.closing_minor is None:
                self.opening_minor = before
            elif self.closing_minor != before:
                self.broken_chain = True
            if any(map(ne, map(add, balances, amounts[1:]), balances[1:])):
                self.broken_chain = True
        self.closing_minor = balances[-1]
        for day in set(lines.days):
            self._see(day)
        self.batch.lines.add_all(lines)

    def reject(self, number: int, why: Rejected, text: str) -> None:
        """Count a line that is not taken, and keep how it reads."""
        self.lines += 1
        self.rejected += 1
        self.batch.rejected.append(RejectedLine(number, why, text[:REJECTED_TEXT_MAX]))

    def _see(self, day: date) -> None:
        if self.first_day is None or day < self.first_day:
            self.first_day = day
        if self.last_day is None or day > self.last_day:
            self.last_day = day

    def full(self) -> bool:
        """Return whether the batch is as large as one may be."""
        return len(self.batch.lines) + len(self.batch.rejected) >= AT_ONCE

    def handed_out(self) -> Batch:
        """Return the batch and begin the next."""
        made, self.batch = self.batch, Batch()
        return made

    def require_count(self, lines: int) -> None:
        """Raise StatementTruncated unless the file's own count is that of its lines, the rejected ones included."""
        if lines != self.lines:
            raise StatementTruncated(what="count", said=lines, found=self.lines)

    def require_sums(self, in_minor: int, out_minor: int) -> None:
        """Raise StatementTruncated unless the file's own sums are those of its lines; not known when one was rejected."""
        if not self.rejected and (in_minor, out_minor) != (self.in_minor, self.out_minor):
            raise StatementTruncated(what="sum", said=in_minor - out_minor, found=self.in_minor - self.out_minor)

    def require_chain(self) -> None:
        """Raise StatementTruncated when a line is missing inside: its balance does not follow from the one before."""
        if self.broken_chain:
            raise StatementTruncated(what="balance")

    def foot(self, opening_minor: int | None = None, closing_minor: int | None = None) -> StatementFoot:
        """Return the sums, with the balances that the file names besides those of its lines."""
        return StatementFoot(
            self.lines, self.in_minor, self.out_minor,
            self.opening_minor if opening_minor is None else opening_minor,
            self.closing_minor if closing_minor is None else closing_minor, self.first_day, self.last_day,
        )  # fmt: skip
