"""Words that address the seller are never shown to staff: their pages ask for the wording that staff have."""

from __future__ import annotations

import re

from bootstrap.settings import PROJECT_ROOT
from languages.catalogue import keys

OF_STAFF = ".staff"
TRANSLATED = re.compile(r"_\(\s*'([a-z_]+\.)")


def test_pages_of_the_console_ask_for_the_staff_wording_where_there_is_one() -> None:
    families = {key.partition(".")[0] + "." for key in keys("en") if key.endswith(OF_STAFF)} - {"story."}
    assert "waiting_for." in families
    found = {
        f"{template.name}: {family}"
        for template in (PROJECT_ROOT / "reviewer_ui" / "templates").rglob("*.html")
        for family in TRANSLATED.findall(template.read_text(encoding="utf-8"))
        if family in families
    }
    assert found == set()
