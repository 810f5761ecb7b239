"""The scans of what running programs keep survive a file that vanishes under them."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.disk import contents_of


def test_a_file_that_vanishes_after_it_was_listed_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    read = contents_of(tmp_path)
    assert next(read) == (tmp_path / "a", b"a")
    (tmp_path / "b").unlink()
    assert list(read) == [(tmp_path / "c", b"c")]


def test_a_file_that_vanishes_between_a_look_and_its_reading_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pg_internal.init").write_text("x")

    def is_file(path: Path) -> bool:
        path.unlink()
        return True

    monkeypatch.setattr(Path, "is_file", is_file)
    assert list(contents_of(tmp_path)) == []


def test_only_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "kept").write_bytes(b"kept")
    os.symlink(tmp_path / "nowhere", tmp_path / "dangling")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        assert list(contents_of(tmp_path)) == [(tmp_path / "deep" / "er" / "kept", b"kept")]
