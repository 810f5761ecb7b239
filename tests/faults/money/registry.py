"""Which activities move money: those whose code comes to a posting, a hold, or the payment gateway, by whatever road."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bootstrap.settings import PROJECT_ROOT

LAYERS = ("activities", "services", "database/repositories")
# What moves money itself.
_MOVERS = frozenset(
    f"database.repositories.{name}"
    for name in (
        "ledger.post",
        "ledger.post_new",
        "ledger.reverse",
        "holds.reserve",
        "holds.post",
        "holds.void",
        "holds.expire",
    )
) | {"gateway.transfer", "gateway.query"}

# Their road goes by a table of functions, which no name in the code leads through.
_BY_TABLE = frozenset({"payout.conclude"})


@dataclass
class _Module:
    """What one module defines, imports and calls."""

    names: dict[str, str] = field(default_factory=dict)  # A name of it, and what it stands for elsewhere.
    calls: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))  # By function or `Class.method`.
    activities: dict[str, str] = field(default_factory=dict)  # The function of each activity, by its name.


@cache
def money_activities() -> frozenset[str]:
    """Return the names of all activities that move money."""
    modules = {_dotted(path): _read(path) for layer in LAYERS for path in (PROJECT_ROOT / layer).rglob("*.py")}
    calls = {
        f"{name}.{function}": {_resolved(modules, name, function, called) for called in found}
        for name, module in modules.items()
        for function, found in module.calls.items()
    }
    return _BY_TABLE | frozenset(
        activity
        for name, module in modules.items()
        for activity, function in module.activities.items()
        if _reached(f"{name}.{function}", calls) & _MOVERS
    )


def _reached(start: str, calls: dict[str, set[str]]) -> set[str]:
    seen, left = set[str](), [start]
    while left:
        one = left.pop()
        if one not in seen:
            seen.add(one)
            left += calls.get(one, ())
    return seen


def _resolved(modules: dict[str, _Module], module: str, function: str, called: str) -> str:
    """Return what a call means, as `package.module.function` or `package.module.Class.method`."""
    first, _, rest = called.partition(".")
    if first == "self":
        method = rest.rpartition(".")[2]
        if rest.startswith("_gateway") and f"gateway.{method}" in _MOVERS:
            return f"gateway.{method}"
        own = f"{function.partition('.')[0]}.{method}"
        if "." not in rest:
            return f"{module}.{own}"
        return next(_methods(modules, module, method), called)
    place = modules[module].names.get(first, f"{module}.{first}")
    return f"{place}.{rest}" if rest else place


def _methods(modules: dict[str, _Module], module: str, method: str) -> Iterator[str]:
    """Yield the methods of that name of classes that the module knows, or that those are built on: one of them is meant."""
    near = list(modules[module].names.values())
    further = [other for place in near for other in _classes_beside(modules, place.rpartition(".")[0])]
    for place in (*near, *further):
        holder, _, kind = place.rpartition(".")
        if holder in modules and f"{kind}.{method}" in modules[holder].calls:
            yield f"{place}.{method}"


def _classes_beside(modules: dict[str, _Module], module: str) -> list[str]:
    """List the classes of a module, and what it imports."""
    if module not in modules:
        return []
    own = {function.partition(".")[0] for function in modules[module].calls if "." in function}
    return [*(f"{module}.{one}" for one in sorted(own)), *modules[module].names.values()]


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__")


def _read(path: Path) -> _Module:
    module, tree = _Module(), ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            module.names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
    for body, prefix in _bodies(tree):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = prefix + node.name
                module.calls[name] |= {_called(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)}
                for activity in _named(node):
                    module.activities[activity] = name
    return module


def _called(function: ast.expr) -> str:
    """Return what is called as it is written; `Class(…).method` as `Class.method`."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Call):
        return f"{ast.unparse(function.value.func)}.{function.attr}"
    return ast.unparse(function)


def _bodies(tree: ast.Module) -> list[tuple[list[ast.stmt], str]]:
    classes = [(node.body, f"{node.name}.") for node in tree.body if isinstance(node, ast.ClassDef)]
    return [(tree.body, ""), *classes]


def _named(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """Return the activity's name where the function is one."""
    return [
        str(word.value.value)
        for mark in function.decorator_list
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "activity.defn"
        for word in mark.keywords
        if word.arg == "name" and isinstance(word.value, ast.Constant)
    ]
