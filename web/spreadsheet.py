"""Tables for spreadsheets: CSV that Excel opens in the right characters and in which no cell can become a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from decimal import Decimal
from urllib.parse import quote

from starlette.responses import StreamingResponse

Cell = str | int | Decimal | None

MEDIA_TYPE = "text/csv; charset=utf-8"
BYTE_ORDER_MARK = "\ufeff"  # Without it Excel takes UTF-8 for the code page of the machine.
# A spreadsheet executes a cell that begins so, and may fetch its result from a foreign server.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
# Spreadsheets of East Asian systems read the full-width forms as the plain ones, and skip spaces before them.
_WIDE = str.maketrans("＝＋－＠", "=+-@")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_UNSAFE_IN_NAME = re.compile(r'[\x00-\x1f"\\/:*?<>|]')
_ROWS_A_PART = 200


def cell(value: Cell) -> str:
    """One value as text: None is empty, a number is itself (also a negative one), text that could be a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, int | Decimal):
        return str(int(value)) if isinstance(value, int) else f"{value:f}"
    text = _UNPRINTABLE.sub("", value)
    starts = (text, text.translate(_WIDE).lstrip(" \u00a0\u3000"))
    return f"'{text}" if any(start.startswith(FORMULA_STARTS) for start in starts) else text


def lines(heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    """Write the table line by line (RFC 4180: CRLF, quotes doubled), the byte order mark before the first."""
    yield BYTE_ORDER_MARK + _line(heading)
    for row in rows:
        yield _line(row)


async def table(heading: Sequence[str], rows: AsyncIterator[Sequence[Cell]]) -> AsyncIterator[bytes]:
    """Write the table from rows as they come, in parts of some hundred rows, so that no table is ever whole in memory."""
    part = [BYTE_ORDER_MARK + _line(heading)]
    async for row in rows:
        part.append(_line(row))
        if len(part) >= _ROWS_A_PART:
            yield "".join(part).encode()
            part = []
    if part:
        yield "".join(part).encode()


def download(name: str, heading: Sequence[str], rows: AsyncIterator[Sequence[Cell]]) -> StreamingResponse:
    """Serve the table as a file `name`.csv that a browser saves and never shows."""
    return StreamingResponse(table(heading, rows), media_type=MEDIA_TYPE, headers=_headers(name))


async def given(rows: Iterable[Sequence[Cell]]) -> AsyncIterator[Sequence[Cell]]:
    """Rows already in memory, for `download`."""
    for row in rows:
        yield row


def _headers(name: str) -> dict[str, str]:
    plain = _UNSAFE_IN_NAME.sub("_", name)
    ascii_name = plain.encode("ascii", "replace").decode().replace("?", "_")
    return {
        "content-disposition": f"attachment; filename=\"{ascii_name}.csv\"; filename*=UTF-8''{quote(plain, safe='')}.csv",
        "x-content-type-options": "nosniff",
    }


def _line(row: Sequence[Cell]) -> str:
    """A single empty cell is quoted: its line would be a blank one, which readers skip."""
    kept = io.StringIO()
    csv.writer(kept, lineterminator="\r\n").writerow([cell(value) for value in row])
    return kept.getvalue()
