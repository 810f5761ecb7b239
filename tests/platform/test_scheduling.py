"""What several test processes are handed first: what takes long, and what is quick at the end."""

from __future__ import annotations

from tests.scheduling import turn


def test_long_groups_are_handed_out_first_and_quick_modules_last() -> None:
    given = [
        "tests/domain/test_money.py", "tests/api/test_api.py", "tests/workflows/test_journeys.py", "every_page_1", "whole_platform",
        "tests/database/test_session.py", "tests/languages/test_words.py",
    ]  # fmt: skip
    assert sorted(given, key=turn) == [
        "whole_platform", "tests/workflows/test_journeys.py", "every_page_1", "tests/api/test_api.py",
        "tests/database/test_session.py", "tests/domain/test_money.py", "tests/languages/test_words.py",
    ]  # fmt: skip
