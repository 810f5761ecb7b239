"""A statement's files: PDF and CSV, each in both languages. Of the same content, always the same bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from domain.finance.postings.settlement import NETTED
from domain.identifiers import short
from domain.money import Currency, Money
from gateways.pdf import FontMissing, Sheet, Table, rendered
from languages import LOCALES, has, translate

PDF_LINES_MAX = 2000  # A longer statement is whole as CSV; the PDF says so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MEDIA_TYPES = {"pdf": "application/pdf", "csv": "text/csv; charset=utf-8"}


def files_of(content: Mapping[str, Any]) -> dict[str, bytes]:
    """Return the files by name: `pdf.en`, `csv.zh_CN` and so on. A PDF that this machine has no font for is left out."""
    made = {f"csv.{locale}": _csv(content, locale) for locale in LOCALES}
    for locale in LOCALES:
        with suppress(FontMissing):
            made[f"pdf.{locale}"] = rendered(_sheet(content, locale))
    return made


def what_words(what: str, locale: str) -> str:
    """Return the words for what an entry was posted for; its code where it has none."""
    known = (key for key in (f"settlement_line.{what}", f"ledger_step.{what}") if has(key, locale))
    key = next(known, None)
    return what if key is None else translate(key, locale)


def _csv(content: Mapping[str, Any], locale: str) -> bytes:
    """UTF-8 with a mark, by which spreadsheets know it; no cell begins as a formula does."""
    written = io.StringIO()
    sheet = csv.writer(written, lineterminator="\r\n")
    sheet.writerow([_say(f"column.{one}", locale) for one in ("line", *_COLUMNS)])
    for number, line in enumerate(content["lines"], 1):
        sheet.writerow([number, *map(_plain, _cells(content, line, locale))])
    for name, minor in _sums(content):
        # The sums come below, each with its name in place of the posting.
        sheet.writerow(["", "", _say(f"sum.{name}", locale), "", "", "", _amount(content, minor).decimal_text()])
    return b"\xef\xbb\xbf" + written.getvalue().encode()


_COLUMNS = ("day", "what", "card", "cause", "note", "amount")


def _cells(content: Mapping[str, Any], line: Mapping[str, Any], locale: str) -> tuple[str, ...]:
    marks = [_say("late", locale)] if line["late"] else []
    if line["what"] == NETTED:
        marks.append(translate("settlement_sheet.of_sale", locale, {"sale": short(line["cause"])}))
    note = " ".join((*marks, line["note"])).strip()
    amount = _amount(content, line["amount"]).decimal_text()
    return (line["on"], what_words(line["what"], locale), line["card"], line["cause"], note, amount)


def _plain(cell: str) -> str:
    """A negative amount stays a number; any other text that a spreadsheet would calculate is marked as text."""
    is_amount = cell.lstrip("-").replace(".", "", 1).isdigit()
    return f"'{cell}" if cell.startswith(_FORMULA) and not is_amount else cell


def _sheet(content: Mapping[str, Any], locale: str) -> Sheet:
    shown = content["lines"][:PDF_LINES_MAX]
    rows = tuple(_short(content, one, locale) for one in shown)
    heading = tuple(_say(f"column.{one}", locale) for one in ("day", "what", "card", "note", "amount"))
    total = ("", _say("sum.sum", locale), "", "", str(_amount(content, content["sum"])))
    sums = tuple((_say(f"sum.{name}", locale), str(_amount(content, minor))) for name, minor in _sums(content))
    days = {"first": content["first"], "last": content["last"]}
    facts = (
        (_say("counterparty", locale), content["counterparty"]),
        (_say("account", locale), content["account"]),
        (_say("days_name", locale), translate("settlement_sheet.days", locale, days)),
        (_say("made_on", locale), content["made_on"]),
        (_say("answer_until", locale), content["answer_until"]),
        *sums,
    )
    notes = [_say("silence" if content["terms"]["silence_confirms"] else "no_silence", locale)]
    if len(shown) < len(content["lines"]):
        notes.append(translate("settlement_sheet.more", locale, {"count": len(content["lines"]) - len(shown)}))
    tables = (Table(heading, rows, total, (4,), _say("lines", locale)),) if rows else ()
    about = {"period": content["period"], "version": content["version"]}
    return Sheet(
        locale, _say("title", locale), translate("settlement_sheet.subtitle", locale, about), facts, tables, tuple(notes),
        translate("settlement_sheet.footer", locale, {"id": content["settlement"], **about}),
    )  # fmt: skip


def _short(content: Mapping[str, Any], line: Mapping[str, Any], locale: str) -> tuple[str, ...]:
    day, what, card, _, note, _ = _cells(content, line, locale)
    return (day, what, card[-6:], note, str(_amount(content, line["amount"])))


def _sums(content: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """What the statement comes to, from above to below; what is nothing is left out, but for what is paid."""
    for name in ("carried_in", "sum", "held_back", "carried_out", "payable", "still_owed"):
        sign = -1 if name in ("held_back", "still_owed") else 1
        if content.get(name) or name in ("sum", "payable"):
            yield name, sign * content[name]


def _amount(content: Mapping[str, Any], minor: int) -> Money:
    return Money(minor, Currency(content["currency"]))


def _say(key: str, locale: str) -> str:
    return translate(f"settlement_sheet.{key}", locale)
