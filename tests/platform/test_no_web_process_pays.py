"""No web process can pay: each is built where our key for the payment gateway is not there, and loads no code that pays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import keys
from bootstrap.settings import PROJECT_ROOT, Settings
from tests.builders.provider_keys import lay_their_keys
from tests.slowness import patience

PROGRAM = """
import sys
from pathlib import Path
from bootstrap.serving import build
from bootstrap.settings import Settings

build(Settings(home=Path(sys.argv[1])), sys.argv[2])
print(*sys.modules)
"""


def _loaded(folder: Path, program: str) -> list[str]:
    """The modules of a web process that was built where our key for the payment gateway is not there."""
    keys.ensure(settings := Settings(home=folder))
    lay_their_keys(settings)
    (settings.alipay_keys / keys.ALIPAY_OURS).unlink()
    (settings.wechat_keys / keys.WECHAT_OURS).unlink()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), program],
        cwd=PROJECT_ROOT, check=False, capture_output=True, text=True, timeout=patience(50),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("program", "not_its_own"),
    [
        ("api", ("reviewer_ui",)),
        ("console", ("seller_ui", "api")),
        ("codec", ("seller_ui", "api", "reviewer_ui.pages")),
    ],
)
def test_a_web_process_needs_and_loads_nothing_that_pays_and_no_other_ones_pages(
    tmp_path: Path, program: str, not_its_own: tuple[str, ...]
) -> None:
    loaded = _loaded(tmp_path, program)
    assert "bootstrap.serving" in loaded
    assert [name for name in loaded if name.startswith("gateways.payout") or name == "bootstrap.paying"] == []
    assert [name for name in loaded for other in not_its_own if f"{name}.".startswith(f"{other}.")] == []
