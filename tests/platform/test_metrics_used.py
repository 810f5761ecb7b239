"""Alert rules and dashboard: Prometheus's own checks, and every rule fires for what it is meant for."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bootstrap.settings import PROJECT_ROOT
from tests.platform.observability import DASHBOARD, FOLDER, RULES
from tests.slowness import patience

PROMTOOL = shutil.which("promtool")
with_promtool = pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus")
# For each alert, series that make it fire, and for how long they must last.
FIRES = {
    "ProcessAway": {'up{job="api"}': "0x20"},
    "FiguresOld": {"cardloop_figures_timestamp_seconds": "0x20"},
    "NoPoller": {'cardloop_queue_pollers{queue="reading", kind="activity"}': "0x20"},
    "BacklogOld": {'cardloop_queue_backlog_age_seconds{queue="cards", kind="workflow"}': "90x20"},
    "WorkerLost": {'cardloop_workers{kind="cards", state="lost"}': "1x20"},
    "StuckCards": {'cardloop_stuck_runs{reason="timeout", step="s", provider="p"}': "11x20"},
    "PayoutUnknown": {"cardloop_payouts_unknown_oldest_seconds": "901x20"},
    "PayoutsRefused": {'cardloop_payouts_total{outcome="refused"}': "0+2x20"},
    "OutboxBehind": {'cardloop_outbox_oldest_seconds{kind="webhook"}': "601x20"},
    "LoopBehind": {
        'cardloop_loop_lag_seconds{loop="stuck"}': "90x20", 'cardloop_loop_interval_seconds{loop="stuck"}': "2x20",
    },
    "LoopFails": {'cardloop_loop_looks_total{job="console", loop="stuck", outcome="failed"}': "0+1x20"},
    "WorkSetAside": {'cardloop_set_aside{loop="starter"}': "1x40"},
    "ErrorsAnswered": {
        'cardloop_http_request_duration_seconds_count{job="api", status="500"}': "0+10x20",
        'cardloop_http_request_duration_seconds_count{job="api", status="200"}': "0+90x20",
    },
    "QuotesSlow": {
        'cardloop_quote_duration_seconds_bucket{le="60"}': "0+1x30", 'cardloop_quote_duration_seconds_bucket{le="300"}': "0+9x30",
        'cardloop_quote_duration_seconds_bucket{le="+Inf"}': "0+9x30",
    },
    "ReviewOld": {'cardloop_work_items_oldest_seconds{kind="review"}': "90000x40"},
}  # fmt: skip


def test_every_rule_says_how_grave_it_is_and_where_its_runbook_is() -> None:
    headings = re.findall(r"^#+ (.+)$", (PROJECT_ROOT / "docs" / "operations.md").read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", one.lower()).replace(" ", "-") for one in headings}
    for rule in RULES:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors, rule["labels"]["severity"] in ("warning", "critical")) == (
            "docs/operations.md", True, True
        ), rule["alert"]  # fmt: skip
    assert {rule["alert"] for rule in RULES} == set(FIRES)


def test_the_dashboard_has_each_panel_once_and_in_its_own_place() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels) > 20
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert {target["refId"] for panel in panels for target in panel["targets"]} <= set("ABC")


@with_promtool
def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    for asked in (["check", "rules", "rules.yml"], ["check", "config", "--syntax-only", "prometheus.yml"]):
        checked = _promtool(*asked, folder=FOLDER)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@with_promtool
def test_promtool_understands_every_expression_of_the_dashboard(tmp_path: Path) -> None:
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    rules = [{"record": f"panel:{place}", "expr": one} for place, one in enumerate(expressions)]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    checked = _promtool("check", "rules", "panels.yml", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@with_promtool
def test_every_alert_fires_for_what_it_is_meant_for_and_none_does_where_all_is_well(tmp_path: Path) -> None:
    shutil.copy(FOLDER / "rules.yml", tmp_path)
    tests = [_fires(alert, series) for alert, series in FIRES.items()]
    tests.append({"interval": "1m", "input_series": [], "alert_rule_test": [
        {"eval_time": "30m", "alertname": alert, "exp_alerts": []} for alert in FIRES
    ]})  # fmt: skip
    (tmp_path / "tests.yml").write_text(
        yaml.safe_dump({"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": tests})
    )
    checked = _promtool("test", "rules", "tests.yml", folder=tmp_path)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _fires(alert: str, series: dict[str, str]) -> dict[str, object]:
    """The alert is there after half an hour; which labels and words it has is left to the rule."""
    given = [{"series": name, "values": values} for name, values in series.items()]
    firing = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
    expected = [{"labels": "{}", "value": 1}]
    return {
        "interval": "1m", "input_series": given,
        "promql_expr_test": [{"expr": firing, "eval_time": "20m", "exp_samples": expected}],
    }  # fmt: skip


def _promtool(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run(
        [PROMTOOL, *arguments], cwd=folder, check=False, capture_output=True, text=True, timeout=patience(50)
    )
