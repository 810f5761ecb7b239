"""Sheets as PDF: both languages can be read out again, nothing is markup, and the same sheet gives the same bytes."""

from __future__ import annotations

import pypdfium2
import pytest

from gateways import pdf
from gateways.pdf import FontMissing, Sheet, Table, rendered

ROWS = (("2026-11-03", "465.00"), ("2026-11-04", "#eval(1) *bold* $x$ [a] \\ //"))


def sheet(**values: object) -> Sheet:
    table = Table(("Day", "Amount"), ROWS, ("", "465.00"), (1,), "Payments")
    given = {"locale": "en", "title": "Statement", "facts": (("Seller", "王小明"),), "tables": (table,)} | values
    return Sheet(**given)  # type: ignore[arg-type]


def text_of(made: bytes) -> str:
    document = pypdfium2.PdfDocument(made)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def test_both_languages_are_read_out_of_the_pdf() -> None:
    made = text_of(rendered(sheet(locale="zh_CN", title="代扣税凭证", notes=("本凭证由系统生成。",))))
    assert all(word in made for word in ("代扣税凭证", "王小明", "465.00", "本凭证由系统生成。"))


def test_no_word_is_read_as_markup() -> None:
    assert "#eval(1) *bold* $x$ [a] \\ //" in text_of(rendered(sheet()))


def test_the_same_sheet_gives_the_same_bytes() -> None:
    assert rendered(sheet()) == rendered(sheet())
    assert rendered(sheet()) != rendered(sheet(title="Another"))


def test_long_table_continues_on_the_next_page_with_its_heading() -> None:
    rows = tuple((f"day {number}", str(number)) for number in range(120))
    document = pypdfium2.PdfDocument(rendered(sheet(tables=(Table(("Day", "Amount"), rows),))))
    assert len(document) == 4
    assert all("Amount" in page.get_textpage().get_text_range() for page in document)


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="as its heading"):
        rendered(sheet(tables=(Table(("Day", "Amount"), (("alone",),)),)))


def test_chinese_without_a_font_is_refused_and_latin_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "chinese_font", lambda: None)
    with pytest.raises(FontMissing, match="fonts-noto-cjk"):
        rendered(sheet())
    assert "Statement" in text_of(rendered(sheet(facts=())))
