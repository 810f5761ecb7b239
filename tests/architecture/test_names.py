"""Who has seen one stage can guess every other path: the stage's word names the file in each layer."""

from __future__ import annotations

import ast

import pytest

from bootstrap.settings import PROJECT_ROOT
from tests.architecture.tree import AROUND, LAYERS, modules

# A drawer for everything ends up with everything in it; a module is named for what it does.
DRAWERS = frozenset("util utils helper helpers common commons manager managers misc shared".split())
# The rows of the table in the architecture that exist so far.
STAGES = {
    "intake": "domain/cards/intake.py services/cards/intake.py gateways/pictures database/tables/cards.py "
    "api/submissions.py",
    "reading": "domain/cards/reading.py activities/reading.py ocr/engine.py database/tables/cards.py",
    "verification": "domain/cards/verification.py workflows/verification.py activities/verification gateways/issuer "
    "gateways/pos gateways/outlet database/tables/cards.py",
    "pricing": "domain/cards/pricing.py domain/rules activities/pricing.py gateways/fx database/tables/cards.py",
    "review": "domain/cards/review.py domain/review services/review workflows/human_review.py activities/review "
    "database/tables/review.py database/reads/review reviewer_ui/review/card.py reviewer_ui/templates/review",
    "payout": "domain/finance/payout.py workflows/payout.py activities/payout.py gateways/payout "
    "services/finance/payout_orders.py database/tables/finance/payout.py reviewer_ui/finance/payouts.py",
    "evidence": "domain/evidence/log.py database/tables/evidence.py database/repositories/evidence.py "
    "reviewer_ui/evidence/trail.py",
}
# Recorded histories hold these names: the activities of a card's whole journey stand in the module of its area.
RECORDED = {"journey": "cards"}


def test_no_module_or_class_is_a_drawer_for_everything() -> None:
    folders = {part for module in modules() for part in (*module.path.parts[:-1], module.path.stem)}
    classes = [node.name for module in modules() for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef)]
    assert folders & DRAWERS == set()
    assert [name for name in classes if name.endswith(("Manager", "Helper", "Util", "Utils"))] == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_found_under_its_own_word_in_every_layer(stage: str) -> None:
    assert [path for path in STAGES[stage].split() if not (PROJECT_ROOT / path).exists()] == []


def test_every_activity_is_defined_in_the_module_or_package_of_its_stage() -> None:
    found = [(module, named) for module in modules("activities") for named in _activity_names(module.tree)]
    misplaced = [
        f"{module}: {named}" for module, named in found if not _belongs(named, module.path.with_suffix("").parts)
    ]
    assert len(found) > 20, "the search finds the activities"
    assert misplaced == [], "an activity <stage>.<verb> stands in activities/<stage>.py or in the package of that name"


def test_an_activity_in_the_module_of_another_stage_is_misplaced() -> None:
    assert _belongs("review.open", ("activities", "review", "tasks"))
    assert _belongs("journey.move", ("activities", "cards"))
    assert not _belongs("payout.send", ("activities", "review", "tasks"))
    assert not _belongs("payout", ("activities", "payout"))


def _belongs(named: str, path: tuple[str, ...]) -> bool:
    stage, _, verb = named.partition(".")
    return bool(verb) and path[1] == RECORDED.get(stage, stage)


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


def _activity_names(tree: ast.Module) -> list[str]:
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "activity.defn"
    ]
    return [str(word.value.value) for call in calls for word in call.keywords if isinstance(word.value, ast.Constant)]


@pytest.mark.parametrize("layer", ["domain", "services", "reviewer_ui"])
def test_tests_stand_in_the_areas_of_their_layer(layer: str) -> None:
    areas = _areas_of(layer)
    assert len(areas) > 5, "the search finds the areas"
    assert {path.parent.name for path in (PROJECT_ROOT / "tests" / layer).glob("*/test_*.py")} - areas == set()


def test_each_test_of_a_service_is_in_its_area() -> None:
    assert list((PROJECT_ROOT / "tests" / "services").glob("test_*.py")) == []


def test_tables_are_divided_as_the_areas_are() -> None:
    rooms = (PROJECT_ROOT / "database" / "tables").iterdir()
    found = {one.stem for one in rooms if one.suffix == ".py" or (one / "__init__.py").exists()}
    assert found - {"__init__", "columns", "platform"} <= _areas_of("services") | {"evidence"}


def _areas_of(layer: str) -> set[str]:
    return {path.parent.name for path in (PROJECT_ROOT / layer).glob("*/__init__.py")}
