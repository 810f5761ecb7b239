"""Importing the package of refusals registers every one of them: each module that holds some is imported by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import domain.errors
from bootstrap.settings import PROJECT_ROOT

FOLDER = Path(domain.errors.__file__).parent
LISTED = "import sys, domain.errors; print(*sorted(name for name in sys.modules if name.startswith('domain.errors.')))"


def test_the_package_imports_every_module_that_holds_refusals() -> None:
    found = subprocess.run([sys.executable, "-c", LISTED], capture_output=True, text=True, check=True, cwd=PROJECT_ROOT)
    holding = {one.stem for one in FOLDER.glob("*.py") if "code = " in one.read_text("utf-8") and one.stem != "base"}
    assert {"sales", "support", "tax"} <= holding
    assert {f"domain.errors.{name}" for name in holding} <= set(found.stdout.split())
