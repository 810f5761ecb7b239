"""No web process can pay: each is built where our key for the payment gateway is not there, and loads no code that pays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from bootstrap import keys
from bootstrap.settings import PROJECT_ROOT, Settings

PROGRAM = """
import sys
from pathlib import Path
from bootstrap.serving import build
from bootstrap.settings import Settings

build(Settings(home=Path(sys.argv[1])), sys.argv[2])
print([name for name in sys.modules if name.startswith("gateways.payout") or name == "bootstrap.paying"])
"""


@pytest.mark.parametrize("program", ["api", "console", "codec"])
def test_a_web_process_needs_and_loads_nothing_that_pays(tmp_path: Path, program: str) -> None:
    settings = Settings(home=tmp_path)
    keys.ensure(settings)
    copy(settings.alipay_keys / keys.ALIPAY_OURS_PUBLIC, settings.alipay_keys / keys.ALIPAY_THEIRS)
    (settings.alipay_keys / keys.ALIPAY_OURS).unlink()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), program],
        cwd=PROJECT_ROOT, check=False, capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


@pytest.mark.parametrize(
    ("program", "not_its_own"),
    [
        ("api", ("reviewer_ui",)),
        ("console", ("seller_ui", "api")),
        ("codec", ("seller_ui", "api", "reviewer_ui.pages")),
    ],
)
def test_a_web_process_loads_no_other_ones_pages(tmp_path: Path, program: str, not_its_own: tuple[str, ...]) -> None:
    keys.ensure(settings := Settings(home=tmp_path))
    copy(settings.alipay_keys / keys.ALIPAY_OURS_PUBLIC, settings.alipay_keys / keys.ALIPAY_THEIRS)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("print(", "print(*sys.modules); print("), str(tmp_path), program],
        cwd=PROJECT_ROOT, check=True, capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    loaded = done.stdout.splitlines()[0].split()
    assert [name for name in loaded for other in not_its_own if f"{name}.".startswith(f"{other}.")] == []
