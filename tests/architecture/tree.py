"""The project's own modules as text and syntax, for the tests that hold the house rules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bootstrap.loading import loading
from bootstrap.settings import PROJECT_ROOT

LAYERS = tuple(
    "cli bootstrap jobs api seller_ui reviewer_ui web workflows activities services database gateways ocr domain languages simulators".split()
)
AROUND = ("tests", "benchmarks", "docs", "docker", "samples", "photo_set")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """One file: `path` from the project's folder, its source and its parsed tree."""

    path: Path
    source: str
    tree: ast.Module

    def __str__(self) -> str:
        return str(self.path)

    @property
    def lines(self) -> int:
        """How long the file is."""
        return len(self.source.splitlines())

    def functions(self) -> Iterator[Function]:
        """Every function and method, inner ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """The modules of these top-level folders, of all when none is named."""
    paths = (path for folder in folders or LAYERS + AROUND for path in (PROJECT_ROOT / folder).rglob("*.py"))
    with loading():  # Walking the trees for garbage takes six times as long as parsing them.
        return tuple(_parsed(path) for path in sorted(paths) if path.is_file())


def name_of(node: ast.AST) -> str | None:
    """`number` of `number` and of `card.number`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


@cache
def _parsed(path: Path) -> Module:
    source = path.read_text(encoding="utf-8")
    return Module(path.relative_to(PROJECT_ROOT), source, ast.parse(source))


# Names of values that are a card's secret or a person's.
SECRET = frozenset(
    "number pin payee payee_account payee_name account phone password secret token form body raw keyring".split()
)
