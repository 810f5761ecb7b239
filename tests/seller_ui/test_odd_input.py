"""Malformed input is answered with a sentence, and nothing is written."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import func, select

from database.session import Database
from database.tables.cards import SubmissionRow
from tests.seller_ui.pages import Page

ANY = {
    "payee": "other",
    "payee_account": "13800000021",
    "payee_name": "李雷",
    "number": "JD0000000000000",
    "how": "type",
}


async def submissions(database: Database) -> int:
    async with database.transaction() as session:
        return int(await session.scalar(select(func.count()).select_from(SubmissionRow)) or 0)


@pytest.mark.parametrize(
    "address",
    [
        "/cards/%00",
        "/cards/%00/live",
        "/cards/%00/ahead",
        "/cards/%00/events",
        "/cards/%00/photos/x",
        "/sell/%00",
        "/static/%00",
    ],
)
async def test_an_address_with_nul_is_not_found(browser: httpx.AsyncClient, address: str) -> None:
    answer = await browser.get(address)
    assert (answer.status_code, "Page not found" in answer.text) == (404, True)


async def test_a_cursor_with_nul_is_a_field_that_is_not_right(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/cards?before=%00")
    assert (answer.status_code, "invalid" in answer.text) == (422, True)


@pytest.mark.parametrize("amount", ["1e999999", "1e5", "NaN", "sNaN", "Infinity", "1_000", "500.001", "9" * 5000, "-5"])
async def test_an_amount_is_digits(browser: httpx.AsyncClient, database: Database, amount: str) -> None:
    before = await submissions(database)
    page = await Page.get(browser, "/sell/jd?how=type")
    sent = await page.fill("/sell/jd", ANY | {"face_value": amount})
    assert (sent.status, await submissions(database)) == (422, before)


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("payee_account", "138\r\nX-Injected: 1"), ("payee_account", "а@b.cn"), ("payee_account", "1" * 101),
        ("payee_name", "\u202ecod.exe"), ("payee_name", "\u200b"), ("payee_name", "a\r\nb"), ("payee_name", "李" * 101),
        ("payee_name", "李\x00雷"), ("number", "JD\x00"),
    ],
)  # fmt: skip
async def test_a_payee_is_plausible(browser: httpx.AsyncClient, database: Database, field: str, typed: str) -> None:
    """The account's first letter in the second case is Cyrillic: it would pay another person."""
    before = await submissions(database)
    page = await Page.get(browser, "/sell/hualian?how=type")
    good = ANY | {"number": "1234567890", "pin": "123456", "face_value": "100"}
    sent = await page.fill("/sell/hualian", good | {field: typed})
    assert (sent.status, await submissions(database)) == (422, before)
    assert "invalid" in sent.text


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "idna", "undefined", "nonsense"])
async def test_a_character_set_that_breaks_text_breaks_nothing_else(browser: httpx.AsyncClient, charset: str) -> None:
    page = await Page.get(browser, "/sell/jd?how=type")
    values = {name: value.encode() for name, value in page.fields("/sell/jd").items()}
    values |= {"number": b"JD1", "payee_name": {"utf-7": b"+2AA-"}.get(charset, b"\\ud800\x80")}
    answer = await browser.post("/sell/jd", content=multipart(values), headers={"content-type": typed_as(charset)})
    assert answer.status_code == 422
    assert answer.text.count("<!doctype html>") + answer.text.count("<!DOCTYPE html>") == 1


@pytest.mark.parametrize("parts", [150, 10_000])
async def test_a_form_of_thousands_of_parts_is_refused(browser: httpx.AsyncClient, parts: int) -> None:
    content = multipart({f"f{place}": b"x" for place in range(parts)})
    answer = await browser.post("/sell/jd", content=content, headers={"content-type": typed_as("utf-8")})
    assert (answer.status_code, "invalid" in answer.text) == (422, True)


async def test_what_was_typed_comes_back_as_text_and_never_as_markup(browser: httpx.AsyncClient) -> None:
    page = await Page.get(browser, "/sell/jd?how=type")
    hostile = '"><script>alert(1)</script>{{7*7}}'
    sent = await page.fill("/sell/jd", ANY | {"payee_name": hostile, "number": hostile})
    assert sent.status == 422
    assert "<script>alert" not in sent.response.text
    assert hostile in sent.text
    assert not re.search(r"<script(?![^>]*src=)[^>]*>\s*\S", sent.response.text)


def typed_as(charset: str) -> str:
    return f"multipart/form-data; boundary=q; charset={charset}"


def multipart(values: dict[str, bytes]) -> bytes:
    parts = [
        b'--q\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"
        for name, value in values.items()
    ]
    return b"".join(parts) + b"--q--\r\n"
