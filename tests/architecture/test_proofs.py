"""What `make test` leaves out is not forgotten: `make proof` names each folder that holds such a test, and the checks on a commit run the rest."""

from __future__ import annotations

import re
from pathlib import Path

from bootstrap.settings import PROJECT_ROOT
from tests.cases import the_first

FORGOTTEN = "run by no target: name its folder in PROOFS of the Makefile"


def test_every_long_test_is_run_by_make_proof() -> None:
    (named,) = re.findall(r"^PROOFS \?= (.+)$", (PROJECT_ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    folders = [PROJECT_ROOT / folder for folder in named.split()]
    assert all(folder.is_dir() for folder in folders)
    long = [path for path in sorted((PROJECT_ROOT / "tests").rglob("test_*.py")) if _is_long(path)]
    assert long
    assert [path.name for path in long if not any(path.is_relative_to(one) for one in folders)] == [], FORGOTTEN


def test_the_checks_on_a_commit_run_every_case_that_make_test_leaves_out() -> None:
    assert "\nstep thorough make thorough\n" in (PROJECT_ROOT / ".ci/run").read_text("utf-8")
    (recipe,) = re.findall(r"^thorough:.*\n\t(.+)$", (PROJECT_ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert recipe.endswith("-m thorough")


def test_of_many_cases_the_first_few_stay_in_make_test() -> None:
    marked = [(one.values, [mark.name for mark in one.marks]) for one in the_first(2, ["a", ("b", 1), "c"])]
    assert marked == [(("a",), []), (("b", 1), []), (("c",), ["thorough"])]


def _is_long(path: Path) -> bool:
    return "pytest.mark" + ".proof" in path.read_text("utf-8")
