"""Who has seen one stage can guess every other path: the stage's word names the file in each layer."""

from __future__ import annotations

import ast

import pytest

from bootstrap.settings import PROJECT_ROOT
from tests.architecture.tree import AROUND, LAYERS, modules, name_of

# A drawer for everything ends up with everything in it; a module is named for what it does.
DRAWERS = frozenset("util utils helper helpers common commons manager managers misc shared".split())
# The rows of the table in the architecture that exist so far.
STAGES = {
    "intake": "domain/intake.py activities/intake.py gateways/pictures database/tables/intake.py api/submissions.py",
    "reading": "domain/reading.py activities/reading.py ocr/engine.py database/tables/reading.py",
    "verification": "domain/verification.py workflows/verification.py activities/verification.py gateways/issuer "
    "gateways/pos gateways/outlet database/tables/verification.py",
    "pricing": "domain/pricing.py domain/rules activities/pricing.py gateways/fx database/tables/pricing.py",
    "review": "domain/review.py workflows/human_review.py activities/review.py database/tables/review.py "
    "reviewer_ui/pages/queue.py reviewer_ui/pages/card.py",
    "payout": "domain/payout.py domain/ledger.py workflows/payout.py activities/payout.py gateways/payout "
    "database/tables/payout.py database/tables/ledger.py reviewer_ui/pages/payouts.py",
    "evidence": "domain/evidence.py database/tables/evidence.py database/repositories/evidence.py "
    "reviewer_ui/pages/trail.py",
}


def test_no_module_or_class_is_a_drawer_for_everything() -> None:
    folders = {part for module in modules() for part in (*module.path.parts[:-1], module.path.stem)}
    classes = [node.name for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    assert folders & DRAWERS == set()
    assert [name for name in classes if name.endswith(("Manager", "Helper", "Util", "Utils"))] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_found_under_its_own_word_in_every_layer(stage: str) -> None:
    assert [path for path in STAGES[stage].split() if not (PROJECT_ROOT / path).exists()] == []


def test_every_activity_is_defined_in_the_module_of_its_stage_or_in_a_part_of_it() -> None:
    activities = modules("activities")
    parts = _parts({module.path.stem: module.tree for module in activities})
    misplaced = [
        f"{module}: {named}"
        for module in activities
        for named in _activity_names(module.tree)
        if not _belongs(named, module.path.stem, parts)
    ]
    assert sum(len(_activity_names(module.tree)) for module in activities) > 20, "the search finds the activities"
    assert misplaced == [], "an activity is named <stage>.<verb> after the module that holds or composes it"


def test_an_activity_in_a_module_that_its_stage_only_imports_is_misplaced() -> None:
    written = {
        "review": "from activities.review.alarms import Alarms\nfrom activities.leaving import send\nclass Review(Alarms): ...",
        "alarms": "from activities.undelivered import Undelivered as Kept\nclass Alarms(Kept): ...",
        "undelivered": "class Undelivered: ...",
        "leaving": "def send(): ...",
    }
    parts = _parts({stem: ast.parse(text) for stem, text in written.items()})
    assert parts["review"] == {"alarms", "undelivered"}
    assert [_belongs("review.x", module, parts) for module in written] == [True, True, True, False]
    assert not _belongs("payout.send", "review", parts)


def _belongs(named: str, module: str, parts: dict[str, frozenset[str]]) -> bool:
    stage, _, verb = named.partition(".")
    return bool(verb) and stage in parts and (module == stage or module in parts[stage])


def test_every_layer_is_a_package_of_the_contracts() -> None:
    packages = {path.parent.name for path in PROJECT_ROOT.glob("*/__init__.py")}
    assert packages <= {*LAYERS, *AROUND}


def test_every_module_opens_with_a_sentence() -> None:
    written = [module for module in modules() if module.source.strip()]
    silent = [str(module) for module in written if not _is_sentence(ast.get_docstring(module.tree))]
    assert silent == []


def _is_sentence(opening: str | None) -> bool:
    first = (opening or "").split("\n\n")[0]
    return len(first) > 20 and first[-1] in ".;:!?。"


def _parts(trees: dict[str, ast.Module]) -> dict[str, frozenset[str]]:
    """Return for each module of `activities` the modules whose classes its own classes inherit, however far up.

    What a module only imports and calls is no part of its stage.
    """
    direct = {stem: _inherited(tree) for stem, tree in trees.items()}
    found: dict[str, frozenset[str]] = {}
    for stem in direct:
        reached, left = set[str](), [stem]
        while left:
            for part in direct.get(left.pop(), frozenset()) - reached:
                reached.add(part)
                left.append(part)
        found[stem] = frozenset(reached)
    return found


def _inherited(tree: ast.Module) -> frozenset[str]:
    """Return the modules of `activities` from which this one's classes take a base class."""
    imported = {
        alias.asname or alias.name: node.module.partition(".")[2]
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("activities.")
        for alias in node.names
    }
    bases = {name_of(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases}
    return frozenset(module for name, module in imported.items() if name in bases)


def _activity_names(tree: ast.Module) -> list[str]:
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "activity.defn"
    ]
    return [str(word.value.value) for call in calls for word in call.keywords if isinstance(word.value, ast.Constant)]
