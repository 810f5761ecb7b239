"""Write a batch of transfers as a bank's file, and read the file that it answers with; what does not fit is refused whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from domain.finance.payout import PayeeFault, PayoutOutcome
from domain.money import Money
from gateways.banks.formats import CELL, BankFormat

LINES_MAX = 5_000
BYTES_MAX = 5_000_000
TEXT_MAX = 200


class FileRefused(ValueError):
    """The bank's file is refused: `why` is a word, `line` the line of the file, from 1, or 0 for the whole."""

    def __init__(self, why: str, line: int = 0) -> None:
        super().__init__(f"{why} in line {line}")
        self.why = why
        self.line = line


@dataclass(frozen=True)
class OrderLine:
    """One transfer of a batch, by its place from 1; the payee never appears in a log."""

    number: int
    key: str
    amount: Money
    account: str = field(repr=False)
    name: str = field(repr=False)
    bank: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class ResultLine:
    """What the bank says of one transfer; `returned` when the money had arrived and came back."""

    at_line: int
    key: str
    amount: Money
    outcome: PayoutOutcome
    returned: bool
    word: str  # The bank's reason, or its state where it gives none.
    fault: PayeeFault | None
    reference: str | None


def order_file(form: BankFormat, batch: str, day: date, lines: Sequence[OrderLine]) -> bytes:
    """Write a batch. Raises FileRefused: empty, encoding (a name that the bank's encoding has no letters for)."""
    if not lines:
        raise FileRefused("empty")
    total = Money(sum(line.amount.amount_minor for line in lines))
    around = {
        "batch": batch, "account": form.account, "date": f"{day:%Y%m%d}", "count": str(len(lines)),
        "sum": form.amount_text(total),
    }  # fmt: skip
    rows = [_filled(form.order.header, around)] if form.order.header else []
    rows += [list(form.order.titles)] if form.order.titles else []
    rows += [_filled(form.order.line, _order_values(form, line)) for line in lines]
    rows += [_filled(form.order.footer, around)] if form.order.footer else []
    text = io.StringIO()
    csv.writer(text, delimiter=form.delimiter, lineterminator=form.newline).writerows(rows)
    try:
        return text.getvalue().encode(form.encoding)
    except UnicodeEncodeError:
        raise FileRefused("encoding") from None


def read_results(form: BankFormat, batch: str, content: bytes) -> tuple[ResultLine, ...]:
    """Read the bank's answer to a batch, every line of it or none.

    Raises FileRefused: too_large, encoding, empty, header, batch (another one's), titles, columns, amount, state, key
    (twice), count, sum.
    """
    rows = _rows(form, content)
    first, last = 1, len(rows)
    if form.result.header is not None:
        around = _read(form.result.header, rows[0], "header", 1)
        if around.get("batch", batch) != batch:
            raise FileRefused("batch", 1)
        first += 1
    if form.result.titles is not None:
        if last < first or tuple(cell.strip() for cell in rows[first - 1]) != form.result.titles:
            raise FileRefused("titles", first)
        first += 1
    if form.result.footer is not None:
        last -= 1
    found = tuple(_result(form, rows[number - 1], number) for number in range(first, last + 1))
    if len({one.key for one in found}) != len(found):
        raise FileRefused("key")
    _check_sums(form, rows, found, last)
    return found


def _rows(form: BankFormat, content: bytes) -> list[list[str]]:
    if len(content) > BYTES_MAX:
        raise FileRefused("too_large")
    try:
        text = content.decode(form.encoding)
    except UnicodeDecodeError:
        raise FileRefused("encoding") from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=form.delimiter, strict=True) if row]
    except csv.Error:
        raise FileRefused("columns") from None
    if len(rows) > LINES_MAX:
        raise FileRefused("too_large")
    if len(rows) < 1 + sum(part is not None for part in (form.result.header, form.result.titles, form.result.footer)):
        raise FileRefused("empty")
    return rows


def _check_sums(form: BankFormat, rows: list[list[str]], found: tuple[ResultLine, ...], last: int) -> None:
    """Count and sum wherever the format has them, in the header or the footer."""
    total = sum(one.amount.amount_minor for one in found)
    for layout, number, why in ((form.result.header, 1, "header"), (form.result.footer, last + 1, "footer")):
        if layout is None:
            continue
        around = _read(layout, rows[number - 1], why, number)
        if around.get("count", str(len(found))) != str(len(found)):
            raise FileRefused("count", number)
        if "sum" in around and _amount(form, around["sum"], "sum", number).amount_minor != total:
            raise FileRefused("sum", number)


def _result(form: BankFormat, row: list[str], number: int) -> ResultLine:
    said = _read(form.result.line, row, "columns", number)
    state, reason = said["state"], said.get("reason", "")
    if state not in form.paid | form.refused | form.returned or len(reason) > TEXT_MAX:
        raise FileRefused("state", number)
    amount = _amount(form, said["amount"], "amount", number)
    if amount.amount_minor <= 0:
        raise FileRefused("amount", number)
    outcome = PayoutOutcome.PAID if state in form.paid else PayoutOutcome.REFUSED
    reference = said.get("reference", "")[:TEXT_MAX] or None
    fault = form.faults.get(reason) or form.faults.get(state)
    return ResultLine(number, said["key"], amount, outcome, state in form.returned, reason or state, fault, reference)


def _read(cells: tuple[str, ...], row: Sequence[str], why: str, number: int) -> dict[str, str]:
    """Return the values of a row by name; a cell without a value must match the format's text."""
    if len(row) != len(cells):
        raise FileRefused(why, number)
    found = {}
    for cell, given in zip(cells, (one.strip() for one in row), strict=True):
        if (named := CELL.fullmatch(cell)) is not None:
            found[named[1]] = given
        elif given != cell:
            raise FileRefused(why, number)
    return found


def _amount(form: BankFormat, text: str, why: str, number: int) -> Money:
    try:
        return form.amount_of(text)
    except ValueError:
        raise FileRefused(why, number) from None


def _filled(cells: tuple[str, ...], values: Mapping[str, str]) -> list[str]:
    return [values[found[1]] if (found := CELL.fullmatch(cell)) else cell for cell in cells]


def _order_values(form: BankFormat, line: OrderLine) -> dict[str, str]:
    return {
        "line": str(line.number), "key": line.key, "amount": form.amount_text(line.amount), "payee_account": line.account,
        "payee_name": line.name, "payee_bank": line.bank, "purpose": line.purpose,
    }  # fmt: skip
