"""The alert rules and the dashboard that are shipped, and the metrics that they use."""

from __future__ import annotations

import json
import re

import yaml

from bootstrap.settings import PROJECT_ROOT

FOLDER = PROJECT_ROOT / "docker" / "observability"
RULES = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
# A word before a brace, a bracket or a closing parenthesis that is neither a function nor a label.
METRIC = re.compile(r"\b((?:cardloop|temporal|process)_[a-z0-9_]+|up)\b")


def used() -> dict[str, str]:
    """Every metric that a rule or a panel names → where."""
    rules = [(one["alert"], one["expr"]) for one in RULES]
    panels = [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]
    return {name: place for place, expression in (*rules, *panels) for name in METRIC.findall(expression)}
