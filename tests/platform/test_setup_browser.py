"""Set-up installs Chromium's shell for the tests, and the whole browser where the distribution has no package of the shell."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bootstrap.setup import browser, system
from bootstrap.words import Problem

PROGRAM = Path("/usr/bin/of-this-test")


@pytest.mark.parametrize(
    ("packaged", "asked"),
    [
        ({"chromium-headless-shell", "chromium"}, ["chromium-headless-shell"]),
        ({"chromium"}, ["chromium-headless-shell", "chromium"]),
    ],
)
def test_a_machine_without_a_browser_gets_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packaged: set[str], asked: list[str]
) -> None:
    tried: list[str] = []
    installed: list[str] = []

    def install(packages: Sequence[str], progress: object) -> None:
        tried.append(packages[0])
        if packages[0] not in packaged:
            raise Problem("没有此软件包", "There is no such package.")
        installed.append(packages[0])

    monkeypatch.setattr(system, "install", install)
    monkeypatch.setattr(browser, "find", lambda: PROGRAM if installed else None)
    monkeypatch.setattr(browser, "_fetched", lambda _progress: None)
    browser.lay_out(tmp_path / "browser.path", lambda _line: None)
    assert tried == asked
    assert (tmp_path / "browser.path").read_text() == str(PROGRAM)
