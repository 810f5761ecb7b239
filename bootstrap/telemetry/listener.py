"""Where a process gives its metrics: a port of its own, apart from every port that outsiders reach."""

from __future__ import annotations

from collections.abc import Mapping
from errno import EADDRINUSE

import structlog
from prometheus_client import REGISTRY, start_http_server
from prometheus_client.registry import Collector

from bootstrap.settings import Settings

# Each program's port, counted from `metrics_port`: on one machine no two have the same.
STEPS: Mapping[str, int] = {"api": 0, "console": 1, "codec": 2, "cards": 3, "reading": 4}
# Further processes of one kind on one machine are found at ports that others do not use: 9403, 9413, 9423 …
APART, SEVERAL, PORTS = 10, 10, 65_536
SETTING = "CARDLOOP_METRICS_PORT"
_log = structlog.get_logger("metrics")


def metrics_port(settings: Settings, program: str) -> int | None:
    """Return the port of a program's metrics; None where metrics are off."""
    return None if settings.metrics_port is None else settings.metrics_port + STEPS[program]


def give_metrics(settings: Settings, program: str, *collectors: Collector) -> int | None:
    """Answer `GET /metrics` for this process where that is configured, on a thread of its own; return the port.

    Where another process has the port, a second worker of one kind on this machine for example, the next one in steps of
    APART is taken and logged. None where metrics are off or no port could be had: no card waits for a metric.
    """
    usual = metrics_port(settings, program)
    if usual is None:
        return None
    for one in collectors:
        REGISTRY.register(one)
    for port in range(usual, min(usual + APART * SEVERAL, PORTS), APART):
        try:
            start_http_server(port, settings.metrics_host)
        except OSError as error:
            if error.errno == EADDRINUSE:
                continue
            break
        if port != usual:
            _log.warning("metrics_port_taken", program=program, port=usual, answers_on=port, setting=SETTING)
        return port
    _log.error("no_metrics", program=program, port=usual, setting=SETTING)
    return None
