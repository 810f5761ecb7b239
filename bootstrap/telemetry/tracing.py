"""Traces from a request through the workflow to its steps and their SQL; nothing is traced until a collector is configured."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry import trace
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased
from opentelemetry.trace import Status

from bootstrap.settings import Settings

# The text of an error and of its causes may quote a value; its type stays.
TEXTS = frozenset({"exception.message", "exception.stacktrace"})


def configure(settings: Settings, process: str) -> None:
    """Send this process's traces to the collector of the settings; without one nothing is recorded."""
    if settings.otlp_endpoint is None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # Only where it is used.

    exporter = OTLPSpanExporter(endpoint=f"{str(settings.otlp_endpoint).rstrip('/')}/v1/traces")
    provider = provider_of(process, ParentBased(TraceIdRatioBased(settings.trace_share)))
    provider.add_span_processor(BatchSpanProcessor(Discreet(exporter)))
    trace.set_tracer_provider(provider)


def provider_of(process: str, sampler: Sampler) -> TracerProvider:
    """Return a provider of spans that name their process, and nothing else of the machine."""
    return TracerProvider(sampler=sampler, resource=Resource({SERVICE_NAME: f"cardloop-{process}"}))


class Discreet(SpanExporter):
    """Hands spans on without the texts of errors."""

    def __init__(self, to: SpanExporter) -> None:
        self._to = to

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export what may be known."""
        return self._to.export([_discreet(span) for span in spans])

    def shutdown(self) -> None:
        """End the exporter behind."""
        self._to.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what waits."""
        return self._to.force_flush(timeout_millis)


def _discreet(span: ReadableSpan) -> ReadableSpan:
    events = [
        Event(
            one.name,
            {name: value for name, value in (one.attributes or {}).items() if name not in TEXTS},
            one.timestamp,
        )
        for one in span.events
    ]
    return ReadableSpan(
        name=span.name, context=span.context, parent=span.parent, resource=span.resource, attributes=span.attributes,
        events=events, links=span.links, kind=span.kind, status=Status(span.status.status_code),
        start_time=span.start_time, end_time=span.end_time, instrumentation_scope=span.instrumentation_scope,
    )  # fmt: skip
