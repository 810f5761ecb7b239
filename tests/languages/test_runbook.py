"""The runbook in docs/operations.md says what the console's page says, and every section that anything links to is there.

Run this module to write the runbook again.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bootstrap.settings import PROJECT_ROOT
from domain.ops.alerts import AlertRule
from domain.ops.health import Measure
from domain.ops.runbook import Topic, page_of, section_of
from languages import LOCALES, has, translate
from reviewer_ui.navigation import PAGES

PAGE = PROJECT_ROOT / "docs" / "operations.md"
BEGINS, ENDS = "<!-- runbook: written by python -m tests.languages.test_runbook -->", "<!-- end of the runbook -->"
FAMILIES = ("ops_topic", "ops_means", "ops_do", "ops_expect")
LINKED = re.compile(r"docs/([a-z-]+\.md)#([a-z0-9-]+)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
ANCHOR = re.compile(r'<a id="([a-z0-9_-]+)"></a>')


def runbook() -> str:
    """The runbook as it should be, in English."""
    return "\n".join([BEGINS, "", *(_section(topic) for topic in Topic), ENDS])


def _section(topic: Topic) -> str:
    name, means, act, expect = (translate(f"{family}.{topic}", "en") for family in FAMILIES)
    return (
        f'<a id="runbook-{topic}"></a>\n### {name}\n\n- **Symptom:** {means}\n- **Page:** `{page_of(topic)}`\n'
        f"- **Action:** {act}\n- **What to expect:** {expect}\n"
    )


def test_the_documented_runbook_is_that_of_the_console() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text[text.index(BEGINS) : text.index(ENDS) + len(ENDS)] == runbook()


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("topic", list(Topic))
def test_every_section_has_words(topic: Topic, locale: str) -> None:
    assert [family for family in FAMILIES if not has(f"{family}.{topic}", locale)] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_every_measure_says_what_it_measures(locale: str) -> None:
    assert [measure for measure in Measure if not has(f"ops_measured.{measure}", locale)] == []


def test_every_section_leads_to_a_page() -> None:
    addresses = {page.address for page in PAGES}
    assert {topic: page_of(topic) for topic in Topic if page_of(topic).partition("?")[0] not in addresses} == {}


def test_every_measure_and_every_rule_has_its_section() -> None:
    template = (PROJECT_ROOT / "reviewer_ui/templates/ops/runbook.html").read_text()
    assert 'id="{{ topic.value }}"' in template
    used = {one.topic for one in (*Measure, *AlertRule)}
    assert used == set(Topic)
    assert {section_of(topic) for topic in used} == {f"/operations/runbook#{topic}" for topic in Topic}
    assert {f"runbook-{topic}" for topic in used} <= set(ANCHOR.findall(PAGE.read_text(encoding="utf-8")))


def test_every_section_of_a_document_that_the_code_names_exists() -> None:
    """`doctor` and refusals send people to a section."""
    folders = ("bootstrap", "cli", "services", "domain", "reviewer_ui", "languages", "docker")
    files = [
        path
        for folder in folders
        for path in (PROJECT_ROOT / folder).rglob("*")
        if path.suffix in (".py", ".po", ".yml")
    ]
    named = {link for path in files for link in LINKED.findall(path.read_text(encoding="utf-8"))}
    assert ("operations.md", "keys") in named
    assert {link for link in named if link[1] not in _sections(PROJECT_ROOT / "docs" / link[0])} == set()


def _sections(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    slugs = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}
    return slugs | set(ANCHOR.findall(text))


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    before, after = text[: text.index(BEGINS)], text[text.index(ENDS) + len(ENDS) :]
    PAGE.write_text(before + runbook() + after, encoding="utf-8")
