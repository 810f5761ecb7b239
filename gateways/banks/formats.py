"""A bank's file format as data: encoding, delimiter, how amounts are written, and the cells of each kind of line.

A format is a JSON file; `docs/gateways.md` describes it. A cell is a literal text, or `{name}` for a value.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.finance.payout import PayeeFault
from domain.money import Money

CELL = re.compile(r"\{([a-z_]+)\}")
ORDER_VALUES = frozenset({"line", "key", "payee_account", "payee_name", "payee_bank", "amount", "purpose"})
RESULT_VALUES = frozenset({"line", "key", "amount", "state", "reason", "reference"})
AROUND = frozenset({"batch", "account", "date", "count", "sum"})
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class FormatUnreadable(ValueError):
    """The described format has a fault; its text names it."""


@dataclass(frozen=True)
class Layout:
    """The lines of one kind of file; `header`, `titles` and `footer` are None where the bank has none."""

    header: tuple[str, ...] | None
    titles: tuple[str, ...] | None
    line: tuple[str, ...]
    footer: tuple[str, ...] | None


@dataclass(frozen=True)
class BankFormat:
    """One bank: the account that we pay from, and its files. States and reasons are the bank's own words."""

    name: str
    titles: Mapping[str, str]
    account: str
    encoding: str
    newline: str
    delimiter: str
    in_yuan: bool
    order: Layout
    result: Layout
    paid: frozenset[str]
    refused: frozenset[str]
    returned: frozenset[str]
    faults: Mapping[str, PayeeFault]

    def title(self, locale: str) -> str:
        """Return the bank's name for people."""
        return self.titles.get("zh" if locale.startswith("zh") else "en", self.name)

    def amount_text(self, amount: Money) -> str:
        """Write an amount as the bank reads it."""
        return amount.decimal_text() if self.in_yuan else str(amount.amount_minor)

    def amount_of(self, text: str) -> Money:
        """Read an amount as the bank writes it. Raises ValueError."""
        if self.in_yuan and text.isascii():  # A machine writes no full-width digits: such a file was typed or changed.
            return Money.from_decimal_text(text)
        if self.in_yuan or not (text.isascii() and text.isdigit() and len(text) <= 12):
            raise ValueError("an amount in fen is written as digits")
        return Money(int(text))


def formats_in(folder: Path) -> dict[str, BankFormat]:
    """Read every format of a folder that pays, by name; none where there is no such folder. Raises FormatUnreadable naming the file."""
    found = {}
    for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
        try:
            given = json.loads(path.read_text(encoding="utf-8"))
            if "statement" in given and "order" not in given:
                continue  # An account that we pay nobody from.
            one = parse(given)
        except (ValueError, KeyError, TypeError, LookupError) as fault:
            raise FormatUnreadable(f"{path.name}: {fault}") from None
        found[one.name] = one
    return found


def parse(given: Mapping[str, Any]) -> BankFormat:
    """Read one described format. Raises KeyError, LookupError, TypeError or ValueError for what it lacks or cannot be."""
    result = given["result"]
    if not NAME.fullmatch(given["name"]) or len(given["delimiter"]) != 1 or given["amounts"] not in ("yuan", "fen"):
        raise FormatUnreadable("name, delimiter or amounts")
    codecs.lookup(given["encoding"])
    return BankFormat(
        name=given["name"],
        titles=dict(given["title"]),
        account=str(given["account"]),
        encoding=given["encoding"],
        newline=given["newline"],
        delimiter=given["delimiter"],
        in_yuan=given["amounts"] == "yuan",
        order=_layout(
            given["order"], ORDER_VALUES, frozenset({"line", "key", "payee_account", "payee_name", "amount"})
        ),
        result=_layout(result, RESULT_VALUES, frozenset({"key", "amount", "state"})),
        paid=_words(result["paid"]),
        refused=_words(result["refused"]),
        returned=_words(result.get("returned", [])),
        faults={word: PayeeFault(fault) for word, fault in result.get("faults", {}).items()},
    )


def _layout(given: Mapping[str, Any], values: frozenset[str], needed: frozenset[str]) -> Layout:
    parts = {name: None if name not in given else tuple(given[name]) for name in ("header", "titles", "line", "footer")}
    line = parts["line"]
    if line is None:
        raise FormatUnreadable("line")
    named = [found[1] for cell in line if (found := CELL.fullmatch(cell))]
    if len(set(named)) != len(named) or not needed <= set(named) <= values:
        raise FormatUnreadable(f"line names {sorted(named)}")
    for name in ("header", "footer"):
        unknown = {found[1] for cell in parts[name] or () if (found := CELL.fullmatch(cell))} - AROUND
        if unknown:
            raise FormatUnreadable(f"{name} names {sorted(unknown)}")
    return Layout(parts["header"], parts["titles"], line, parts["footer"])


def _words(given: object) -> frozenset[str]:
    if not isinstance(given, list) or not all(isinstance(one, str) and one for one in given):
        raise FormatUnreadable("states are a list of texts")
    return frozenset(given)
