"""Files whose format is described by data (JSON): columns, encoding, delimiter, header and footer. Banks and issuers use it.

A format has `encoding`, `delimiter`, `amounts` (yuan, fen, or grouped: `1,234.50`) and a part `statement`: cells of
`header`, `line` and `footer`, each a word that must stand there or `{name}` of what does; `titles`; `time` of a line and `day` of the
header (20261130 or 2026-11-30 where it is not given); the words by which
a payment came back (`returned`), a charge (`fees`) and our own money (`funds`) are known.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import IO, Any

from domain.errors.finance import StatementEncodingWrong, StatementHeadWrong, StatementTruncated
from domain.finance.statements import (
    KEY_MAX,
    Batch,
    Line,
    LineKind,
    Rejected,
    StatementFoot,
    StatementHead,
    StatementSource,
    line_id,
)
from domain.money import Currency
from domain.places import business_day
from gateways.statements.lines import BEIJING, LineRejected, Sums, count, fen, grouped_yuan, yuan

CELL_MAX = 4096
DAYS = (
    "%Y%m%d",
    "%Y-%m-%d",
)  # How a header writes its days where the format does not say: both can be read in one way only.
_DIRECTIVES = {"%Y": ("year", 4), "%m": ("month", 2), "%d": ("day", 2), "%H": ("hour", 2), "%M": ("minute", 2), "%S": ("second", 2)}  # fmt: skip
_READ = {"yuan": yuan, "grouped": grouped_yuan, "fen": fen}


@dataclass(frozen=True)
class Described:
    """One format; `source` is whose files have it."""

    source: StatementSource
    name: str
    form: Mapping[str, Any]

    @property
    def part(self) -> Mapping[str, Any]:
        """The description of its statements."""
        part: Mapping[str, Any] = self.form["statement"]
        return part

    def heads(self, first_line: str) -> bool:
        """Return whether a file of this format can begin so."""
        return _values(self.part["header"], _cells(self.form, first_line)) is not None

    def is_of(self, first_line: str) -> bool:
        """Return whether a file that begins so is of the account that the format describes."""
        return (_values(self.part["header"], _cells(self.form, first_line)) or {}).get("account") == self.form.get(
            "account"
        )

    @property
    def currency(self) -> Currency:
        """The currency of its statements, yuan unless it says otherwise. Raises StatementHeadWrong for one that is none of ours."""
        try:
            return Currency(self.form.get("currency", Currency.CNY))
        except ValueError:
            raise StatementHeadWrong(what="currency") from None


@cache
def formats(folder: Path, source: StatementSource) -> tuple[Described, ...]:
    """Return the formats described in a folder, those without statements left out."""
    found = [
        (path.stem, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*.json"))
    ]  # fmt: skip
    return tuple(Described(source, name, form) for name, form in found if "statement" in form)


class DescribedStatement:
    """A statement in a described format."""

    def __init__(self, content: IO[bytes], of: Described) -> None:
        self._of, self._part = of, of.part
        self._text = io.TextIOWrapper(io.BufferedReader(content, 1 << 18), encoding=of.form["encoding"], newline="")  # type: ignore[type-var]
        self._amount = _READ[of.form["amounts"]]
        self._time = _time(self._part["time"])
        self._sums = Sums()
        self._number = 0
        self._rows = self._read_rows()
        self._around = self._read_header()
        first, last = self._around_day("from"), self._around_day("until")
        self.head = StatementHead(of.source, self._around.get("account", ""), first, last, of.currency)
        self._foot: StatementFoot | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield the lines. Raises StatementTruncated for a missing or different footer, StatementEncodingWrong."""
        titled, ended = "titles" not in self._part, False
        try:
            for cells in self._rows:
                if not titled:
                    if cells != self._part["titles"]:
                        raise StatementHeadWrong(what="titles")
                    titled = True
                elif ended:
                    raise StatementTruncated(what="footer")
                elif (foot := self._footer(cells)) is not None:
                    self._require_foot(foot)
                    ended = True
                else:
                    self._take(cells)
                    if self._sums.full():
                        yield self._sums.handed_out()
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected=str(self._of.form["encoding"])) from None
        except csv.Error:
            raise StatementTruncated(what="quotes") from None
        if not ended:
            raise StatementTruncated(what="footer")
        yield self._sums.handed_out()

    def foot(self) -> StatementFoot:
        """Return what the lines came to. Raises StatementTruncated before they were read."""
        if self._foot is None:
            raise StatementTruncated(what="footer")
        return self._foot

    def _take(self, cells: list[str]) -> None:
        try:
            line, balance = self._line(cells)
        except LineRejected as rejected:
            self._sums.reject(self._number, rejected.why, self._of.form["delimiter"].join(cells))
        else:
            self._sums.take(line, balance)

    def _line(self, cells: list[str]) -> tuple[Line, int | None]:
        values = _values(self._part["line"], cells)
        if values is None:
            raise LineRejected(Rejected.COLUMNS)
        key, reference = values.get("key", ""), values.get("reference", "")
        if not reference:
            raise LineRejected(Rejected.NO_SERIAL)
        if max(len(key), len(reference)) > KEY_MAX or "\x00" in reference + key:
            raise LineRejected(Rejected.TEXT)
        amount = self._signed(values)
        when = self._moment(values["at"])
        if (
            self.head.first_day
            and self.head.last_day
            and not self.head.first_day <= business_day(when) <= self.head.last_day
        ):
            raise LineRejected(Rejected.OUTSIDE)
        kind = self._kind(values.get("type", ""), key, amount)
        identity = line_id(self._of.source, self.head.account, reference)
        line = (
            identity,
            self._number,
            kind.value,
            key,
            reference,
            amount,
            self.head.currency.value,
            when.isoformat(),
            business_day(when),
        )
        return line, self._balance(values["balance"]) if "balance" in values else None

    def _signed(self, values: Mapping[str, str]) -> int:
        if "signed" in values:
            return self._amount(values["signed"])
        came, went = values.get("in", ""), values.get("out", "")
        if bool(came) == bool(went):
            raise LineRejected(Rejected.AMOUNT)
        amount = self._amount(came or went)
        if amount < 0:
            raise LineRejected(Rejected.AMOUNT)
        return amount if came else -amount

    def _balance(self, text: str) -> int:
        try:
            return self._amount(text)
        except LineRejected as rejected:
            if rejected.why is Rejected.AMOUNT_ZERO:
                return 0
            raise

    def _moment(self, text: str) -> datetime:
        found = _moment(self._time, text)
        if found is None:
            raise LineRejected(Rejected.MOMENT)
        return found

    def _kind(self, word: str, key: str, amount: int) -> LineKind:
        if self._of.source is StatementSource.ISSUER:
            return LineKind.CALL
        for name, kind in (("returned", LineKind.RETURNED), ("fees", LineKind.FEE), ("funds", LineKind.FUNDS)):
            if word in self._part.get(name, ()):
                return kind
        return LineKind.TRANSFER if key and amount < 0 else LineKind.OTHER

    def _footer(self, cells: list[str]) -> dict[str, str] | None:
        """The footer's values; None for a line. A footer begins with the word that it is described to begin with."""
        if cells[0] != self._part["footer"][0]:
            return None
        found = _values(self._part["footer"], cells)
        if found is None:
            raise StatementTruncated(what="footer")
        return found

    def _require_foot(self, values: Mapping[str, str]) -> None:
        sums = self._sums
        sums.require_count(count(values["count"]))
        sums.require_sums(self._foot_amount(values.get("in_sum", "")), self._foot_amount(values.get("out_sum", "")))
        sums.require_chain()
        opening = self._around_amount("opening", self._around)
        closing = self._around_amount("closing", values)
        agreed = (
            opening is None or closing is None or sums.rejected or opening + sums.in_minor - sums.out_minor == closing
        )
        if not agreed:
            raise StatementTruncated(what="balance")
        self._foot = sums.foot(opening, closing)

    def _foot_amount(self, text: str) -> int:
        if not text:
            return 0
        try:
            return self._balance(text)
        except LineRejected:
            raise StatementTruncated(what="footer") from None

    def _around_amount(self, name: str, values: Mapping[str, str]) -> int | None:
        return self._foot_amount(values[name]) if name in values else None

    def _around_day(self, name: str) -> date | None:
        text = self._around.get(name)
        if text is None:
            return None
        described = [self._part["day"]] if "day" in self._part else DAYS
        for found in (_moment(_time(form), text) for form in described):
            if found is not None:
                return business_day(found)
        raise StatementHeadWrong(what="period", expected=" / ".join(described))

    def _read_header(self) -> dict[str, str]:
        try:
            found = _values(self._part["header"], next(self._rows, []))
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected=str(self._of.form["encoding"])) from None
        if found is None:
            raise StatementHeadWrong(what="header")
        return found

    def _read_rows(self) -> Iterator[list[str]]:
        csv.field_size_limit(CELL_MAX)
        for cells in csv.reader(self._text, delimiter=self._of.form["delimiter"]):
            self._number += 1
            if cells and any(cells):
                yield [cell.strip() for cell in cells]


@cache
def _time(form: str) -> re.Pattern[str]:
    """The pattern of moments that a format writes with these directives: unlike `strptime`, it takes no digit less."""
    pattern = re.escape(form)
    for directive, (name, digits) in _DIRECTIVES.items():
        pattern = pattern.replace(re.escape(directive), f"(?P<{name}>[0-9]{{{digits}}})")
    return re.compile(pattern)


def _moment(form: re.Pattern[str], text: str) -> datetime | None:
    """The moment that is written so, on Beijing's clock; None for any other text."""
    found = form.fullmatch(text)
    try:
        return found and datetime(**{name: int(value) for name, value in found.groupdict().items()}, tzinfo=BEIJING)
    except ValueError:
        return None


def _cells(form: Mapping[str, Any], line: str) -> list[str]:
    return next(csv.reader([line], delimiter=form["delimiter"]), [])


def _values(described: Sequence[str], cells: Sequence[str]) -> dict[str, str] | None:
    """Return the named cells; None where the number of cells or a fixed word differs."""
    if len(described) != len(cells):
        return None
    found = {}
    for cell, value in zip(described, cells, strict=True):
        if cell.startswith("{"):
            found[cell[1:-1]] = value
        elif cell != value:
            return None
    return found
