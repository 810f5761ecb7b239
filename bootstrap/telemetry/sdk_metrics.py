"""The Temporal SDK's own metrics, taken out of its buffer: for `/metrics`, and for the page of workers."""

from __future__ import annotations

import logging
import threading
import time
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from temporalio.runtime import (
    BUFFERED_METRIC_KIND_COUNTER,
    BUFFERED_METRIC_KIND_GAUGE,
    BufferedMetricUpdate,
    LogForwardingConfig,
    LoggingConfig,
    MetricBuffer,
    MetricBufferDurationFormat,
    Runtime,
    TelemetryConfig,
    TelemetryFilter,
)

from domain.ops.workers import WAIT_BOUNDS, QueuesUsed, QueueUse

# What falls out of a full buffer is lost: two seconds between two looks must fit.
BUFFERED_MAX = 200_000
# Only these are kept: names of our own, and few. Namespace, service and identities say nothing or too much.
LABELS = ("task_queue", "worker_type", "poller_type", "activity_type", "workflow_type", "operation", "status_code")
SERIES_MAX = 300  # Of one metric; more are not kept.
MINUTES = 10  # The page shows the waits of so many minutes.
WAITED = {
    "temporal_workflow_task_schedule_to_start_latency": "workflow",
    "temporal_activity_schedule_to_start_latency": "activity",
}
SLOTS = {"WorkflowWorker": "workflow", "ActivityWorker": "activity"}
HELP = "Of the Temporal SDK."
USED, AVAILABLE = "temporal_worker_task_slots_used", "temporal_worker_task_slots_available"
CORE_SAYS = TelemetryFilter(core_level="WARN", other_level="ERROR")
TAKE_S = 2.0
Labels = tuple[tuple[str, str], ...]
Family = TypeVar("Family", CounterMetricFamily, GaugeMetricFamily)


@dataclass
class _Histogram:
    counts: list[int] = field(default_factory=lambda: [0] * (len(WAIT_BOUNDS) + 1))
    total: float = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(WAIT_BOUNDS, value)] += 1
        self.total += value


class SdkMetrics(Collector):
    """The metrics of one Temporal runtime; `runtime` is given to `Client.connect`.

    Its own buffer in place of the SDK's Prometheus port: one port per process, and labels that we choose.
    """

    def __init__(self) -> None:
        self._buffer = MetricBuffer(BUFFERED_MAX, duration_format=MetricBufferDurationFormat.SECONDS)
        # Its lines go the way of ours: they are JSON too.
        lines = LoggingConfig(CORE_SAYS, forwarding=LogForwardingConfig(logging.getLogger("temporalio.core")))
        self.runtime = Runtime(telemetry=TelemetryConfig(metrics=self._buffer, logging=lines))
        self._lock = threading.Lock()  # A scrape comes on a thread of its own.
        self._counters: dict[str, dict[Labels, float]] = defaultdict(dict)
        self._gauges: dict[str, dict[Labels, float]] = defaultdict(dict)
        self._histograms: dict[str, dict[Labels, _Histogram]] = defaultdict(dict)
        self._minutes: deque[tuple[int, dict[tuple[str, str], _Histogram]]] = deque(maxlen=MINUTES)

    def take(self) -> None:
        """Take in what the SDK has measured since the last time."""
        with self._lock:
            for update in self._buffer.retrieve_updates():
                self._add(update)

    def keep_taking(self) -> None:
        """Take from now on, on a thread of its own: a process without heartbeats would fill the buffer."""

        def repeat() -> None:
            while True:
                time.sleep(TAKE_S)
                self.take()

        threading.Thread(target=repeat, name="sdk-metrics", daemon=True).start()

    def queues_used(self) -> QueuesUsed:
        """Return slots and waits of each task queue that this process polls."""
        self.take()
        with self._lock:
            waits = self._waits()
            found: dict[str, dict[str, QueueUse]] = defaultdict(dict)
            for labels, free in self._gauges[AVAILABLE].items():
                named = dict(labels)
                queue, kind = named.get("task_queue", ""), SLOTS.get(named.get("worker_type", ""))
                if kind is not None:
                    used = int(self._gauges[USED].get(labels, 0))
                    found[queue][kind] = QueueUse(used, used + int(free), waits.get((queue, kind), ()))
            return found

    def collect(self) -> Iterator[Metric]:
        """Give every metric to a Prometheus registry."""
        self.take()
        with self._lock:
            for name, series in self._counters.items():
                yield _filled(CounterMetricFamily(name, HELP, labels=LABELS), series)
            for name, series in self._gauges.items():
                yield _filled(GaugeMetricFamily(name, HELP, labels=LABELS), series)
            for name, histograms in self._histograms.items():
                family = HistogramMetricFamily(f"{name}_seconds", HELP, labels=LABELS)
                for labels, one in histograms.items():
                    family.add_metric(_values(labels), _buckets(one), one.total)
                yield family

    def describe(self) -> Iterator[Metric]:
        """Say nothing beforehand: what the SDK measures is known once it has."""
        return iter(())

    def _add(self, update: BufferedMetricUpdate) -> None:
        name, labels = update.metric.name, _labels(update.attributes)
        if update.metric.kind == BUFFERED_METRIC_KIND_COUNTER:
            if _room(self._counters[name], labels):
                self._counters[name][labels] = self._counters[name].get(labels, 0) + update.value
        elif update.metric.kind == BUFFERED_METRIC_KIND_GAUGE:
            if _room(self._gauges[name], labels):
                self._gauges[name][labels] = update.value
        elif update.metric.unit == "s" and _room(self._histograms[name], labels):
            self._histograms[name].setdefault(labels, _Histogram()).add(update.value)
            if name in WAITED:
                self._minute().setdefault((dict(labels).get("task_queue", ""), WAITED[name]), _Histogram()).add(
                    update.value
                )

    def _minute(self) -> dict[tuple[str, str], _Histogram]:
        minute = int(time.monotonic()) // 60
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, {}))
        return self._minutes[-1][1]

    def _waits(self) -> dict[tuple[str, str], tuple[int, ...]]:
        oldest = int(time.monotonic()) // 60 - MINUTES
        summed: dict[tuple[str, str], list[int]] = {}
        for minute, queues in self._minutes:
            for place, one in queues.items() if minute > oldest else ():
                before = summed.get(place, [0] * len(one.counts))
                summed[place] = [a + b for a, b in zip(before, one.counts, strict=True)]
        return {place: tuple(counts) for place, counts in summed.items()}


def _labels(attributes: Mapping[str, object]) -> Labels:
    return tuple((name, str(attributes[name])) for name in LABELS if name in attributes)


def _room(series: Mapping[Labels, object], labels: Labels) -> bool:
    return labels in series or len(series) < SERIES_MAX


def _values(labels: Labels) -> list[str]:
    named = dict(labels)
    return [named.get(name, "") for name in LABELS]


def _filled(family: Family, series: Mapping[Labels, float]) -> Family:
    for labels, value in series.items():
        family.add_metric(_values(labels), value)
    return family


def _buckets(one: _Histogram) -> list[tuple[str, float]]:
    seen, found = 0, []
    for bound, count in zip((*(str(bound) for bound in WAIT_BOUNDS), "+Inf"), one.counts, strict=True):
        seen += count
        found.append((bound, float(seen)))
    return found
