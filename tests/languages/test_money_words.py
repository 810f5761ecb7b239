"""Check that everything the books can show has words in both languages: accounts, rails, steps, sources, invariants."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

from database.invariants import INVARIANTS
from database.invariants.sources import SOURCES
from domain.finance.chart import CHART, AccountKind
from domain.finance.rails import Rail
from languages import LOCALES, has
from reviewer_ui.finance.causes import FINDERS
from reviewer_ui.finance.overview_cards import CARDS
from reviewer_ui.ops.invariants import OUTSIDE, CheckState
from tests.architecture.tree import Function, Module, modules, name_of

ROOT = Path(__file__).parents[2]
# Which argument of a posting call names the step.
PLACES = {"post": 3, "Step": 2, "reverse": 3}


@pytest.mark.parametrize("locale", LOCALES)
def test_accounts_rails_sources_and_invariants_have_words(locale: str) -> None:
    wanted = [f"account_class.{code}" for code in CHART] + [f"account_kind.{kind}" for kind in AccountKind]
    wanted += [f"rail.{rail}" for rail in Rail] + [f"ledger_cause.{one.name}" for one in SOURCES]
    wanted += [f"ops.invariants.state.{state}" for state in CheckState]
    names = [one.name for one in INVARIANTS] + [name for _, name in OUTSIDE]
    wanted += [f"{family}.{name}" for family in ("invariant", "invariant_means") for name in names]
    assert [key for key in wanted if not has(key, locale)] == []


def posted_in(module: Module) -> set[str]:
    """Return the steps that a module posts, whether their names are written there, chosen before, given or imported."""
    found: set[str] = set()
    for function in module.functions():
        for call in ast.walk(function):
            place = posting(call)
            if isinstance(call, ast.Call) and place is not None:
                steps = named(module, function, call.args[place])
                assert steps, f"{module}:{call.lineno}: which step is posted here?"
                found |= steps
    return found


def posting(node: ast.AST) -> int | None:
    """Return at which place a call of the ledger names its step; None for any other node."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    return PLACES.get(node.func.attr) if name_of(node.func.value) == "ledger" else None


def named(module: Module, function: Function, step: ast.expr, seen: frozenset[str] = frozenset()) -> set[str]:
    """Return what the expression can be: a text, one of two, a variable of the function, a parameter, a constant of ours."""
    texts = {one.value for one in ast.walk(step) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    for name in {one.id for one in ast.walk(step) if isinstance(one, ast.Name)} - seen:
        constant = getattr(import_module(".".join(module.path.with_suffix("").parts)), name, None)
        texts |= {constant} if isinstance(constant, str) else set()
        for node in ast.walk(function):
            if isinstance(node, ast.Assign):
                for target, value in pairs(node):
                    if name_of(target) == name:
                        texts |= named(module, function, value, seen | {name})
        for place, argument in enumerate(function.args.args):
            if argument.arg == name:
                texts |= given(module, function.name, place, name)
    return texts


def pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """Return what is assigned to what, `a, b = 1, 2` one by one."""
    found: list[tuple[ast.expr, ast.expr]] = []
    for target in node.targets:
        both = isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple)
        found += zip(target.elts, node.value.elts, strict=True) if both else [(target, node.value)]  # type: ignore[attr-defined]
    return found


def given(module: Module, function: str, place: int, name: str) -> set[str]:
    """Return the texts that the module's own calls of the function give for this parameter."""
    texts: set[str] = set()
    for call in (node for node in ast.walk(module.tree) if isinstance(node, ast.Call)):
        if name_of(call.func) == function:
            bound = place - 1 if isinstance(call.func, ast.Attribute) else place  # `self` is not in the call.
            values = [*call.args[bound : bound + 1], *(one.value for one in call.keywords if one.arg == name)]
            texts |= {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return texts


@pytest.mark.parametrize("locale", LOCALES)
def test_every_step_that_is_posted_has_words(locale: str) -> None:
    steps = {step for module in modules("services", "activities") for step in posted_in(module)}
    assert {"owed", "payout_paid", "goodwill_refused", "settlement_opening", "statement_adjusted", "sale_returned", "rollback_dropped"} <= steps  # fmt: skip
    assert [step for step in sorted(steps) if not has(f"ledger_step.{step}", locale)] == []


def test_pages_show_accounts_and_steps_in_words() -> None:
    """Every page takes them from the macros of `_books.html`: another list of words would say the same thing differently."""
    code = re.compile(r"<code[^>]*>\{\{ (?:one\.)?(?:account(?:\.code)?|what) \}\}")
    pages = [path for path in (ROOT / "reviewer_ui" / "templates").rglob("*.html") if path.name != "_books.html"]
    assert [path.name for path in pages if code.search(path.read_text(encoding="utf-8"))] == []


def test_every_source_leads_to_a_page() -> None:
    assert {one.name for one in SOURCES} == set(FINDERS)
    assert len(CARDS) == len(set(CARDS))
