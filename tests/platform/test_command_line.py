"""The command line: installed under its own name, and documented in full."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import typer

from bootstrap.settings import PROJECT_ROOT
from cli.app import app


def commands(group: click.Group, before: str = "") -> Iterator[str]:
    """Every command by its whole name, `stuck list`."""
    for name, one in group.commands.items():
        if isinstance(one, click.Group):
            yield from commands(one, f"{before}{name} ")
        else:
            yield f"{before}{name}"


def test_every_command_is_documented() -> None:
    text = (PROJECT_ROOT / "docs" / "cli.md").read_text()
    named = {name for cell in re.findall(r"`([^`]+)`", text) for name in [cell]}
    root = typer.main.get_command(app)
    assert isinstance(root, click.Group)
    missing = [
        name for name in commands(root)
        if not any(cell == name.split()[0] or cell.startswith(name) for cell in named)
    ]  # fmt: skip
    assert not missing, "say in docs/cli.md what they do"


def test_set_up_installs_the_command_under_its_own_name() -> None:
    """The command that stands beside this Python."""
    found = subprocess.run(
        [Path(sys.executable).with_name("cardloop"), "--help"], capture_output=True, text=True, check=True
    )
    assert "stuck" in found.stdout
