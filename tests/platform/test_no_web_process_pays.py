"""No web process can pay: each is built where our key for the payment gateway is not there, and loads no code that pays."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bootstrap import keys
from bootstrap.settings import PROJECT_ROOT, Settings
from tests.builders.provider_keys import lay_their_keys
from tests.slowness import patience

# Their libraries, which none of ours is, are loaded once; then each program is built in a process of its own.
PROGRAM = """
import os, sys
from pathlib import Path
import asyncpg, fastapi, httpx, jinja2, pydantic_settings, sqlalchemy.ext.asyncio, structlog, temporalio.client

home, *programs = sys.argv[1:]
assert not [name for name in sys.modules if name.partition(".")[0] in ("bootstrap", "gateways", "api", "reviewer_ui")]
for program in programs:
    if child := os.fork():
        assert os.waitpid(child, 0)[1] == 0, program
        continue
    from bootstrap.serving import build
    from bootstrap.settings import Settings

    build(Settings(home=Path(home)), program)
    print(program, *sys.modules, flush=True)
    break
"""
NOT_ITS_OWN = {
    "api": ("reviewer_ui",), "console": ("seller_ui", "api"), "codec": ("seller_ui", "api", "reviewer_ui.pages"),
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The modules of each web process that was built where our key for the payment gateway is not there."""
    keys.ensure(settings := Settings(home=tmp_path_factory.mktemp("web")))
    lay_their_keys(settings)
    (settings.alipay_keys / keys.ALIPAY_OURS).unlink()
    (settings.wechat_keys / keys.WECHAT_OURS).unlink()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(settings.home), *NOT_ITS_OWN],
        cwd=PROJECT_ROOT, check=False, capture_output=True, text=True, timeout=patience(50),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {program: modules for program, *modules in map(str.split, done.stdout.splitlines())}


@pytest.mark.parametrize("program", NOT_ITS_OWN)
def test_a_web_process_needs_and_loads_nothing_that_pays_and_no_other_ones_pages(
    loaded: dict[str, list[str]], program: str
) -> None:
    modules = loaded[program]
    assert "bootstrap.serving" in modules
    assert [name for name in modules if name.startswith("gateways.payout") or name == "bootstrap.paying"] == []
    assert [name for name in modules for other in NOT_ITS_OWN[program] if f"{name}.".startswith(f"{other}.")] == []
