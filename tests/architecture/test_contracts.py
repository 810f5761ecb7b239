"""Who may import whom: the contracts hold, and each of them breaks when a file that it forbids is planted in a copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bootstrap.settings import PROJECT_ROOT
from tests.architecture.tree import LAYERS

CONTRACTS = [
    contract["name"]
    for contract in tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
]
# For each contract, files that break it: path → what the file imports.
PLANTED = {
    "A card flows downhill": {"database/planted_climber.py": "services.cards.stock"},
    "Areas of the services import downhill": {
        "services/people/planted_climber.py": "services.work.claim",
        "services/support/planted_climber.py": "services.home.search",
    },
    "Areas of the domain import downhill": {
        "domain/people/planted_climber.py": "domain.work.eligibility",
        "domain/support/planted_climber.py": "domain.home.search_terms",
    },
    "Areas of the console import downhill": {"reviewer_ui/work/planted_climber.py": "reviewer_ui.support.tickets"},
    "Temporal is known to activities, workflows and what starts them": {
        "services/cards/planted_start.py": "temporalio"
    },
    "Web apps reach workflows by messages, never activities": {"reviewer_ui/planted_step.py": "activities.payout"},
    "The domain is plain Python": {"domain/planted_table.py": "sqlalchemy"},
    "Workflow files touch no I/O library themselves": {"workflows/planted_query.py": "database.session"},
    "Only payout (and the composition root) can move money": {
        "reviewer_ui/planted_transfer.py": "gateways.payout.alipay"
    },
    "No web process can pay, not even through another module": {"web/planted_payer.py": "bootstrap.paying"},
    "Engines are loaded only by the composition root": {"activities/planted_reader.py": "ocr.engine"},
    "Only the composition root and the command line read settings": {"web/planted_reader.py": "bootstrap.settings"},
    "Simulators share no code with what they test": {"simulators/planted_sharer.py": "domain.money"},
    "No cycles among siblings": {
        "gateways/fx/planted_there.py": "gateways.pos.planted_back",
        "gateways/pos/planted_back.py": "gateways.fx.planted_there",
    },
    "Workflows branch on recorded assessments, never on live rules": {
        "workflows/planted_rule.py": "domain.rules.brands"
    },
}
# Of a cycle only the packages are told, not their files.
TOLD = {"No cycles among siblings": ("No cycles are allowed in gateways", ".pos -> .fx")}
VERDICT = re.compile(r"^(.+) (KEPT|BROKEN)(?: \(.+\))?$", re.MULTILINE)


def linted(folder: Path) -> str:
    """What import-linter says of the project in that folder."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [program, "--no-cache"], cwd=folder, env={"PYTHONPATH": str(folder), "PATH": "", "LC_ALL": "C.UTF-8"},
        check=False, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    return done.stdout + done.stderr


def verdicts(said: str) -> dict[str, str]:
    return {name: verdict for name, verdict in VERDICT.findall(said) if name in CONTRACTS}


@pytest.mark.timeout(120)
def test_every_contract_is_kept() -> None:
    said = linted(PROJECT_ROOT)
    assert verdicts(said) == dict.fromkeys(CONTRACTS, "KEPT"), said


@pytest.mark.timeout(120)
def test_every_contract_breaks_by_what_it_forbids(tmp_path: Path) -> None:
    assert set(PLANTED) == set(CONTRACTS)
    _copy(tmp_path)
    for files in PLANTED.values():
        for path, imported in files.items():
            (tmp_path / path).write_text(f'"""Planted."""\n\nimport {imported}\n')
    said = linted(tmp_path)
    assert verdicts(said) == dict.fromkeys(CONTRACTS, "BROKEN"), said
    for contract, files in PLANTED.items():
        named = _section(said, contract)
        told = TOLD.get(contract) or tuple(path.removesuffix(".py").replace("/", ".") for path in files)
        assert [word for word in told if word not in named] == [], f"{contract}:\n{named}"


def _copy(folder: Path) -> None:
    python_only = shutil.ignore_patterns("static", "templates", "__pycache__", "locale")
    for layer in LAYERS:
        shutil.copytree(PROJECT_ROOT / layer, folder / layer, ignore=python_only)
    shutil.copy(PROJECT_ROOT / "pyproject.toml", folder)


def _section(said: str, contract: str) -> str:
    """What is said of one broken contract: its name, underlined, up to the next underlined name."""
    _, _, after = said.partition(f"\n{contract}\n{'-' * len(contract)}\n")
    return re.split(r"\n.+\n-{5,}\n", after)[0]
