"""Where a process gives its metrics: a port of its own, apart from every port that outsiders reach."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.registry import Collector

from bootstrap.settings import Settings

# Each program's port, counted from `metrics_port`: on one machine no two have the same.
STEPS: Mapping[str, int] = {"api": 0, "console": 1, "codec": 2, "cards": 3, "reading": 4}
_log = structlog.get_logger("metrics")


def metrics_port(settings: Settings, program: str) -> int | None:
    """Return the port of a program's metrics; None where metrics are off."""
    return None if settings.metrics_port is None else settings.metrics_port + STEPS[program]


def give_metrics(settings: Settings, program: str, *collectors: Collector) -> None:
    """Answer `GET /metrics` for this process where that is configured, on a thread of its own.

    A port that is taken, by a second worker of this machine for example, is logged: no card waits for a metric.
    """
    port = metrics_port(settings, program)
    if port is None:
        return
    for one in collectors:
        REGISTRY.register(one)
    try:
        start_http_server(port, settings.metrics_host)
    except OSError:
        _log.warning("metrics_port_taken", program=program, port=port)
