"""Refuse words of the old style in product code, templates, scripts, styles, documents and test names.

Migrations may name what columns were called.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncEngine

from bootstrap.settings import PROJECT_ROOT
from tests.architecture.tree import LAYERS, modules

REFUSED = (
    "anew", "at hand", "by itself", "dear", "dearest", "gives? back", "hand(?:ed|s) in", "in hand", "in his hand", "in my hand", "in their hand", "in your hand", "let fall", "lets fall", "lets the card go", "hears? of", "mend(?:s|ed|ing)?", "pairs? of eyes", "probationers?",
    "puts? back", "puts? off", "reckon(?:ed|s)?", "somebody", "stands there", "told", "whoever", "whose turn",
)  # fmt: skip
# An underscore separates the words of a name.
PATTERN = re.compile(rf"(?<![^\W_])(?:{'|'.join(REFUSED).replace(' ', '[ _]+')})(?![^\W_])", re.IGNORECASE)


def refused_in(text: str) -> list[str]:
    """Return the refused words of `text` in their order."""
    return PATTERN.findall(text)


def test_no_file_has_words_of_the_old_style() -> None:
    assert {path: words for path, text in _texts() if (words := refused_in(text))} == {}


async def test_no_seeded_reason_has_words_of_the_old_style(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        rows = await connection.execute(sql("SELECT act, code, en FROM reason_code ORDER BY act, code"))
        found = {(act, code): refused_in(en) for act, code, en in rows}
    assert len(found) > 80
    assert {reason: words for reason, words in found.items() if words} == {}


@pytest.mark.parametrize(
    "text",
    [
        "The dearest first.",
        "def test_whoever_asks_is_told",
        "what is in_hand",
        "planned anew",
        "Somebody else",
        "A second pair of eyes",
        "def _answers_by_itself",
        "who can mend it",
        "he hears of it",
        "lets fall",
    ],
)
def test_a_refused_word_is_found(text: str) -> None:
    assert refused_in(text) != []


@pytest.mark.parametrize("text", ["renewed", "untold", "the handler", "endearing", "renew", "amended", "recommend"])
def test_other_words_are_not(text: str) -> None:
    assert refused_in(text) == []


def _texts() -> Iterator[tuple[str, str]]:
    for module in modules(*LAYERS):
        if not module.path.is_relative_to("database/migrations/versions"):
            yield str(module), module.source
    for module in modules("tests"):
        if "plain_words" not in str(module) and "glossary" not in str(module):
            yield str(module), "\n".join(_spoken(module.tree))
    for path in _pages():
        yield str(path.relative_to(PROJECT_ROOT)), path.read_text(encoding="utf-8")
    for path in (PROJECT_ROOT / "languages").rglob("*.po"):
        yield str(path.relative_to(PROJECT_ROOT)), "\n".join(_comments(path.read_text(encoding="utf-8")))
    documents = [*PROJECT_ROOT.glob("*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")]
    for path in documents:
        if path.name not in {"CHANGELOG.md", "glossary.md", "plan.md"}:
            yield str(path.relative_to(PROJECT_ROOT)), path.read_text(encoding="utf-8")


def _pages() -> Iterator[Path]:
    """Yield the templates, scripts and styles that are ours, the Makefile and the compose file."""
    yield from (PROJECT_ROOT / name for name in ("Makefile", "docker-compose.yml", "pyproject.toml"))
    for folder in ("reviewer_ui", "seller_ui", "simulators", "web"):
        for path in sorted((PROJECT_ROOT / folder).rglob("*")):
            if path.suffix in {".html", ".js", ".css"} and "vendor" not in path.parts:
                yield path


def _comments(catalogue: str) -> Iterator[str]:
    return (line for line in catalogue.splitlines() if line.startswith("#"))


def _spoken(tree: ast.Module) -> Iterator[str]:
    """Yield the docstring of a test module and the name and docstring of each of its functions."""
    yield ast.get_docstring(tree) or ""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
            yield ast.get_docstring(node) or ""
