"""Sheets as PDF: statements and certificates, in both languages. Typst sets them; what it is given is never markup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import typst

TEMPLATE = Path(__file__).with_name("document.typ")
# Sans-serif families with Chinese characters, the first that a machine has; Debian's fonts-noto-cjk or fonts-wqy-zenhei.
CHINESE = (
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei", "Noto Serif CJK SC",
)  # fmt: skip
_LATIN = "Libertinus Serif"  # Built into Typst.
_LANGUAGES = {"zh_CN": "zh", "en": "en"}
_FIRST_CHINESE = "⺀"  # Characters from here on need a Chinese font.


class FontMissing(RuntimeError):
    """This machine has no font for the Chinese characters of a sheet: install fonts-noto-cjk or fonts-wqy-zenhei."""


@dataclass(frozen=True)
class Table:
    """A table. Each row, and `total` where there is one, has as many words as the heading; `amounts` are set to the right."""

    heading: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()
    amounts: tuple[int, ...] = ()  # Columns, from 0.
    title: str = ""


@dataclass(frozen=True)
class Sheet:
    """What a PDF says: a title, facts by name, tables, notes, and a line at the foot of each page."""

    locale: str
    title: str
    subtitle: str = ""
    facts: tuple[tuple[str, str], ...] = ()
    tables: tuple[Table, ...] = ()
    notes: tuple[str, ...] = ()
    footer: str = ""

    def words(self) -> Iterator[str]:
        """Yield every word of the sheet."""
        yield from (self.title, self.subtitle, self.footer, *self.notes)
        yield from (word for fact in self.facts for word in fact)
        for table in self.tables:
            yield from (table.title, *table.heading, *table.total)
            yield from (word for row in table.rows for word in row)


def rendered(sheet: Sheet) -> bytes:
    """Return the sheet as PDF, the same bytes for the same sheet. It takes about 0.2 s of a processor: call it in a thread.

    Raises FontMissing where it has Chinese characters and this machine no font for them, ValueError for a table whose rows
    have other numbers of words.
    """
    if any({len(row) for row in (*one.rows, one.total) if row} - {len(one.heading)} for one in sheet.tables):
        raise ValueError("every row of a table has as many words as its heading")
    family = chinese_font()
    if family is None and any(character >= _FIRST_CHINESE for word in sheet.words() for character in word):
        raise FontMissing("fonts-noto-cjk")
    data = asdict(sheet) | {
        "language": _LANGUAGES[sheet.locale],
        "fonts": [family, _LATIN] if family else [_LATIN],
    }
    made: bytes = typst.compile(
        TEMPLATE.read_bytes(), sys_inputs={"sheet": json.dumps(data, ensure_ascii=False)}, timestamp=0
    )
    return made


@cache
def chinese_font() -> str | None:
    """Return the family that Chinese is set in, or None where this machine has none."""
    known = set(typst.Fonts().families())
    return next((one for one in CHINESE if one in known), None)
