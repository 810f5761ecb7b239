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


def bare(module: Module) -> list[str]:
    """Return the acts of a module whose refusals nobody takes."""
    functions = {one.name: one for one in module.functions()}
    kept = {name for name, one in functions.items() if keeps(one)}
    while more := {name for name, one in functions.items() if name not in kept and called(one) & kept}:
        kept |= more
    return sorted(f"{module}:{name}" for name in acts(module) if name not in kept)


def test_every_act_of_finance_shows_its_refusal_on_its_own_page() -> None:
    found = modules("reviewer_ui/finance")
    assert sum(len(acts(module)) for module in found) > 50
    assert [name for module in found for name in bare(module)] == []
