"""The command line: installed under its own name, and documented in full."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from bootstrap.settings import PROJECT_ROOT
from cli.app import app


def commands(family: typer.Typer, before: str = "") -> Iterator[str]:
    """Every command by its whole name, `stuck list`."""
    for one in family.registered_commands:
        assert one.name or one.callback
        yield before + (one.name or one.callback.__name__.replace("_", "-"))  # type: ignore[union-attr]  # One of the two.
    for group in family.registered_groups:
        assert group.typer_instance is not None
        yield from commands(group.typer_instance, f"{before}{group.name} ")


def test_every_command_is_documented() -> None:
    named = set(re.findall(r"`([^`]+)`", (PROJECT_ROOT / "docs" / "cli.md").read_text()))
    missing = [name for name in commands(app) if not _named(name, named)]
    assert not missing, "say in docs/cli.md what they do"


def _named(command: str, named: set[str]) -> bool:
    """Alone, with its arguments, or by its family as a whole."""
    return command.split()[0] in named or any(f"{cell} ".startswith(f"{command} ") for cell in named)


def test_set_up_installs_the_command_under_its_own_name() -> None:
    """The command that stands beside this Python."""
    found = subprocess.run(
        [Path(sys.executable).with_name("cardloop"), "--help"], capture_output=True, text=True, check=True
    )
    assert "stuck" in found.stdout
