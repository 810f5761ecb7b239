"""Whatever people wrote into a table, a spreadsheet shows it and runs none of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import StreamingResponse

from web import spreadsheet
from web.spreadsheet import BYTE_ORDER_MARK, FORMULA_STARTS, Cell

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
STARTS = st.sampled_from([*FORMULA_STARTS, "＝", "＋", "－", "＠", " =", "\u3000=", "\x00=", "\x0b=", "'=", ""])
CELLS = st.one_of(st.none(), st.integers(), st.builds(lambda start, rest: start + rest, STARTS, TEXT))


def read(text: str) -> list[list[str]]:
    """The table as a reader of RFC 4180 takes it."""
    return list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline=""), strict=True))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+86 138", "'+86 138"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("＝1", "'＝1"),
        ("  =1", "'  =1"),
        ("\x00=1", "'=1"),
        ("王芳", "王芳"),
        ("a-b", "a-b"),
        (-250, "-250"),
        (0, "0"),
        (None, ""),
        ("", ""),
    ],
)
def test_text_that_could_be_a_formula_is_made_text_and_the_rest_is_left_alone(value: Cell, written: str) -> None:
    assert spreadsheet.cell(value) == written


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=6))
@example([['=HYPERLINK("http://x.test","1")']])
@example([["a\r\n=1", 'b"c', "d,e"]])
@example([[""]])
def test_every_table_reads_back_as_it_was_and_no_text_of_it_starts_a_formula(rows: list[list[Cell]]) -> None:
    text = "".join(spreadsheet.lines(["a", "=b"], rows))
    assert text.startswith(BYTE_ORDER_MARK)
    assert text.endswith("\r\n")
    back = read(text)
    assert back[0] == ["a", "'=b"]
    assert [[spreadsheet.cell(value) for value in row] for row in rows] == back[1:]
    for row, shown in zip(rows, back[1:], strict=True):
        for value, cell in zip(row, shown, strict=True):
            assert isinstance(value, int) or not cell.lstrip(" \u3000").startswith(FORMULA_STARTS)


def test_a_download_is_a_saved_file_with_its_name_in_any_language() -> None:
    app = FastAPI()

    @app.get("/file")
    def file() -> StreamingResponse:
        rows: list[Sequence[Cell]] = [["王芳", index, "=1"] for index in range(1000)]
        return spreadsheet.download('积压"/x\r\n', ["姓名", "n", "f"], spreadsheet.given(rows))

    answer = TestClient(app).get("/file")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"____x__.csv\"; filename*=UTF-8''%E7%A7%AF%E5%8E%8B__x__.csv"
    )
    back = read(answer.content.decode())
    assert len(back) == 1001
    assert back[1000] == ["王芳", "999", "'=1"]


async def test_a_long_table_leaves_in_parts() -> None:
    rows: list[Sequence[Cell]] = [[index] for index in range(1000)]
    parts = [part async for part in spreadsheet.table(["n"], spreadsheet.given(rows))]
    assert len(parts) == 6
    assert b"".join(parts).count(b"\r\n") == 1001
