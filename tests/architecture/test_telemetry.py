"""Every web app leaves the framework's own telemetry off: it would hold paths and the texts of errors."""

from __future__ import annotations

import ast

from tests.architecture.tree import modules, name_of

LAYERS = ("api", "seller_ui", "reviewer_ui", "web")


def test_every_web_app_leaves_the_frameworks_own_telemetry_off() -> None:
    made = [
        (str(module), [word.arg for word in call.keywords])
        for module in modules(*LAYERS)
        for call in ast.walk(module.tree)
        if isinstance(call, ast.Call) and name_of(call.func) == "FastAPI"
    ]
    assert len(made) >= 4
    assert [module for module, words in made if "telemetry" not in words] == []
