"""Every relative link and picture of the documents leads to a file that is there, and every anchor to a heading of it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from bootstrap.settings import PROJECT_ROOT

DOCUMENTS = sorted([*PROJECT_ROOT.glob("README*.md"), *(PROJECT_ROOT / "docs").rglob("*.md")])
FENCED, SPOKEN = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE), re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\]\(([^)\s]+)(?: \"[^\"]*\")?\)")
ELSEWHERE = re.compile(r"[a-z]+:")  # Of another site, or a mail address.
HEADING = re.compile(r"^#+ (.+?)\s*$", re.MULTILINE)
NAMED = re.compile(r'<a id="([^"]+)"></a>')
LABEL, UNSPOKEN = re.compile(r"\[([^\]]*)\]\([^)]*\)"), re.compile(r"[^\w\- ]")


@cache
def anchors_of(path: Path) -> frozenset[str]:
    """What a link may name in a file: its headings as GitHub names them, the second of one name with `-1`, and named places."""
    seen: dict[str, int] = {}
    found = set(NAMED.findall(path.read_text(encoding="utf-8")))
    for heading in HEADING.findall(FENCED.sub("", path.read_text(encoding="utf-8"))):
        slug = UNSPOKEN.sub("", LABEL.sub(r"\1", heading).lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if slug in seen else slug)
        seen[slug] = seen.get(slug, 0) + 1
    return frozenset(found)


def broken(path: Path, content: str) -> list[str]:
    """The links of a document that lead nowhere."""
    found = []
    for link in LINK.findall(SPOKEN.sub("", FENCED.sub("", content))):
        name, _, anchor = link.partition("#")
        target = path.parent / name if name else path
        if ELSEWHERE.match(link):
            continue
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors_of(target)):
            found.append(link)
    return found


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT_ROOT)))
def test_every_link_leads_somewhere(path: Path) -> None:
    assert broken(path, path.read_text(encoding="utf-8")) == []


def test_a_link_to_a_missing_file_or_heading_is_found() -> None:
    text = "[a](money.md#accounts) [b](money.md#nothing) ![c](pictures/none.png) `[d](ledger.md)` [e](https://example.com/x)"
    assert broken(PROJECT_ROOT / "docs" / "sales.md", text) == ["money.md#nothing", "pictures/none.png"]
