"""No test module imports from another: what two of them need is a builder, which changes without a test and is found by its name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.architecture.tree import modules

HINT = "move it to tests/builders, or to a module beside the tests whose name does not begin with test_"


def of_tests(tree: ast.AST) -> Iterator[str]:
    """Yield each test module that this one imports from, by its name."""
    for node in ast.walk(tree):
        names = [f"{node.module}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name.startswith("tests.") and ".test_" in name)


def test_no_module_imports_from_a_test_module() -> None:
    found = {str(module): sorted(of_tests(module.tree)) for module in modules("tests")}
    assert {path: names for path, names in found.items() if names} == {}, HINT


def test_an_import_from_a_test_module_is_found() -> None:
    planted = "from tests.api.test_api import card\nfrom tests.api import test_api\nimport tests.api.test_api\nfrom tests.api.submitting import card"
    assert list(of_tests(ast.parse(planted))) == ["tests.api.test_api.card", "tests.api.test_api", "tests.api.test_api"]
