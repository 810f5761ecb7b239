"""A function's docstring starts with its verb: one that starts with a noun leaves open whether it makes, changes or only returns that thing."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import LAYERS, Function, modules, name_of

NOUNS = frozenset("A An The What Whether Who".split())
# Read like a value, a property is described as one.
VALUES = frozenset("property cached_property".split())
HINT = "start with a verb: “Return the …”, “Record that …”; a reader must see what the function does"


def test_each_public_function_starts_with_its_verb() -> None:
    written = [module for module in modules(*LAYERS) if not str(module).startswith("database/migrations/versions/")]
    found = [f"{module}:{one.lineno} {one.name}" for module in written for one in starting_with_a_noun(module.tree)]
    assert found == [], HINT


@pytest.mark.parametrize("opening", ["The card.", "A new one.", "Whether it holds.", "What was said.", "Who asked."])
def test_a_docstring_without_a_verb_is_found(opening: str) -> None:
    planted = f'def find():\n    """{opening}"""\n\n\nclass One:\n    def find(self):\n        """{opening}"""'
    assert [one.name for one in starting_with_a_noun(ast.parse(planted))] == ["find", "find"]


@pytest.mark.parametrize(
    "planted",
    [
        'def find():\n    """Return the card."""',
        'def _find():\n    """The card."""',
        'class One:\n    """The card."""',
        'class One:\n    @property\n    def card(self):\n        """The card."""',
        "def find(): ...",
    ],
)
def test_other_docstrings_are_not(planted: str) -> None:
    assert list(starting_with_a_noun(ast.parse(planted))) == []


def starting_with_a_noun(tree: ast.Module) -> Iterator[Function]:
    """Yield the public functions and methods whose docstring starts with an article or a question word."""
    for node in ast.walk(tree):
        if not isinstance(node, Function) or node.name.startswith("_") or _is_value(node):
            continue
        if (ast.get_docstring(node) or "").partition(" ")[0] in NOUNS:
            yield node


def _is_value(function: Function) -> bool:
    return any(name_of(decorator) in VALUES for decorator in function.decorator_list)
