"""What a person of finance presses and is refused comes back on its own page, with what they typed, never on a bare error page."""

from __future__ import annotations

import ast

from tests.architecture.tree import Function, Module, modules

SHOWN = "done_or_shown"


def acts(module: Module) -> dict[str, Function]:
    """Return the functions that answer a form, by name."""
    return {
        one.name: one
        for one in module.functions()
        for by in one.decorator_list
        if isinstance(by, ast.Call) and isinstance(by.func, ast.Attribute) and by.func.attr == "post"
    }


def keeps(function: Function) -> bool:
    """Return whether the function itself takes a refusal and shows its page."""
    caught = any(isinstance(node, ast.ExceptHandler) for node in ast.walk(function))
    return caught or SHOWN in called(function)


def called(function: Function) -> set[str]:
    """Return the names of the functions that this one calls."""
    return {
        node.func.id for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def kept_in(module: Module, elsewhere: frozenset[tuple[str, str]] = frozenset()) -> set[str]:
    """Return the functions of a module that take a refusal, themselves or by one that they call; `elsewhere`: (module, function) of other modules that do."""
    functions = {one.name: one for one in module.functions()}
    kept = {name for name, one in functions.items() if keeps(one)} | {
        one.asname or one.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
        for one in node.names
        if (node.module or "", one.name) in elsewhere
    }
    while more := {name for name, one in functions.items() if name not in kept and called(one) & kept}:
        kept |= more
    return kept


def dotted(module: Module) -> str:
    """Return the name by which a module is imported."""
    return ".".join(module.path.with_suffix("").parts)


def test_every_act_of_finance_shows_its_refusal_on_its_own_page() -> None:
    found = modules("reviewer_ui/finance")
    assert sum(len(acts(module)) for module in found) > 50
    elsewhere = frozenset((dotted(module), name) for module in found for name in kept_in(module))
    bare = [f"{module}:{name}" for module in found for name in sorted(acts(module).keys() - kept_in(module, elsewhere))]
    assert bare == []
