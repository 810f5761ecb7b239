"""Which tests one process runs, and what is handed out first, where several processes share the run (`-n 3 --dist loadgroup`).

Tests of a module stay together: what they share (a database of their own, compiled statements and templates) is made once
and not in each process. What takes long begins first: at the end no process waits for another's last module.
"""

from __future__ import annotations

import os

import pytest

from bootstrap.settings import PROJECT_ROOT

GROUP = "xdist_group"
# What takes longest, by group or folder, in this order; then the rest as it was collected, the quickest folders last.
# A platform, browsers and engines saturate a processor each: beside one of them stand tests that are light.
LONG = (
    "whole_platform", "tests/workflows/", "architecture", "every_page", "tests/platform/", "embedded_postgres",
    "tests/faults/", "ocr_engine", "tests/ocr/", "tests/browser/", "tests/attacks/",
)  # fmt: skip
QUICK = ("tests/web/", "tests/simulators/", "tests/languages/", "tests/domain/")


def arrange(items: list[pytest.Item]) -> None:
    """Put each test that names no group into its module's, and the long groups first; without xdist all stays as collected."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    for item in items:
        if item.get_closest_marker(GROUP) is None:
            item.add_marker(pytest.mark.xdist_group(item.path.relative_to(PROJECT_ROOT).as_posix()))
    items.sort(key=lambda item: turn(str(next(item.iter_markers(GROUP)).args[0])))


def turn(group: str) -> int:
    """Return when the group is handed out: 0 at first; groups of the same turn keep their order."""
    long = next((place for place, name in enumerate(LONG) if group.startswith(name)), len(LONG))
    return long + group.startswith(QUICK)
