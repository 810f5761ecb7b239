"""How long requests take, by route template and status: never by path, which may hold what a person typed."""

from __future__ import annotations

from prometheus_client import Histogram

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset("GET HEAD POST PUT PATCH DELETE OPTIONS".split())  # Any other word is a caller's own.
REQUESTS = Histogram(
    "cardloop_http_request_duration_seconds",
    "HTTP requests by route template and status.",
    ("method", "route", "status"),
    buckets=BUCKETS,
)


def observe(method: str, route: str, status: int, seconds: float) -> str:
    """Count one request that was answered after so many seconds; return its method, or `other` for a word of a caller's own."""
    known = method if method in METHODS else "other"
    REQUESTS.labels(known, route, str(status)).observe(seconds)
    return known
