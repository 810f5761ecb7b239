"""Check the UI texts of both languages against the terms that docs/glossary.md excludes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncEngine

from languages import LOCALES
from languages.catalogue import _texts

PAGE = Path(__file__).parents[2] / "docs" / "glossary.md"
EXCLUDED = PAGE.read_text(encoding="utf-8").partition("## Terms that are not used")[2]
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \|$", re.MULTILINE)
TERMS = dict(ROW.findall(EXCLUDED))
HAN = re.compile(r"[\u4e00-\u9fff]")
PLACEHOLDER = re.compile(r"{\w+}|docs/\S+")


def excluded_in(text: str) -> list[str]:
    """Return the excluded terms that occur in `text`, English ones as whole words and in any case."""
    words = PLACEHOLDER.sub("", text)
    return [
        term
        for term in TERMS
        if (term in words if HAN.search(term) else re.search(rf"\b{re.escape(term)}\b", words, re.IGNORECASE))
    ]


@pytest.mark.parametrize("locale", LOCALES)
def test_ui_texts_use_the_terms_of_the_glossary(locale: str) -> None:
    found = {key: excluded_in(" ".join(forms)) for key, forms in _texts(locale).items()}
    assert {key: terms for key, terms in found.items() if terms} == {}


async def test_seeded_reasons_use_the_terms_of_the_glossary(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        rows = await connection.execute(sql("SELECT act, code, en, zh FROM reason_code ORDER BY act, code"))
        found = {(act, code): excluded_in(f"{en}\n{zh}") for act, code, en, zh in rows}
    assert len(found) > 80
    assert {reason: terms for reason, terms in found.items() if terms} == {}


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("Card {card} is late.", "is late"),
        ("Somebody else", "somebody"),
        ("Give back", "give back"),
        ("在您手上", "手上"),
    ],
)
def test_an_excluded_term_is_found(text: str, term: str) -> None:
    assert excluded_in(text) == [term]


def test_every_excluded_term_has_a_replacement_in_both_languages() -> None:
    assert all(instead.strip() for instead in TERMS.values())
    assert {bool(HAN.search(term)) for term in TERMS} == {True, False}
