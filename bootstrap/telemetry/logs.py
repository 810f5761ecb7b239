"""One line of JSON for each thing that a process has to say: ours and every library's, with ids and without secrets."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import structlog
from opentelemetry import trace
from structlog.typing import Processor

from bootstrap.settings import Settings
from domain.errors.faults import kind_and_place

# What is logged under one of these names is taken out. tests/architecture refuses a call that hands it over at all.
SECRET_NAMES = frozenset(
    "number pin payee payee_account payee_name account phone password secret token form body raw keyring".split()
)
REMOVED = "[removed]"
# A library's own words at these levels and above; below, it describes its inner life.
LIBRARIES_SAY = logging.WARNING
# What Temporal's loggers give beside the message, by our names.
TEMPORAL_EXTRAS = {
    "temporal_activity": ("workflow_id", "activity_type", "attempt"),
    "temporal_workflow": ("workflow_id",),
}
Event = MutableMapping[str, Any]


def configure(settings: Settings, process: str, to: TextIO | None = None) -> None:
    """Log from now on as `settings` want it; `process` is in every line. Standard output unless `to` is given."""
    sink, level = to or sys.stdout, logging.getLevelNamesMapping()[settings.log_level]
    last: Processor = structlog.dev.ConsoleRenderer(colors=False)
    if settings.log_format == "json":
        last = structlog.processors.JSONRenderer(ensure_ascii=False, default=_typed)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(process),
        _traced,
        _faults_by_kind_and_place,
        _without_secrets,
    ]
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sink),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sink)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
            foreign_pre_chain=[_of_temporal, structlog.stdlib.add_logger_name, *shared],
            keep_exc_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers, root.level = [handler], max(level, LIBRARIES_SAY)


def quiet_temporal() -> None:
    """Keep the whole description of a step, with every argument's place, out of the messages that Temporal logs in a worker."""
    from temporalio import activity, workflow  # Not for the many processes that log and run no step.

    activity.logger.activity_info_on_message = False
    workflow.logger.workflow_info_on_message = False


def adopt_libraries() -> None:
    """Let the loggers of libraries that brought a handler of their own speak through ours; call it after their import."""
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger) and logger.handlers:
            logger.handlers, logger.propagate = [], True
            logger.setLevel(logging.NOTSET)


def _naming(process: str) -> Processor:
    def name(_logger: Any, _method: str, event: Event) -> Event:
        event["process"] = process
        return event

    return name


def _traced(_logger: Any, _method: str, event: Event) -> Event:
    """A line within a traced request or step names its trace."""
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
    return event


def _of_temporal(_logger: Any, _method: str, event: Event) -> Event:
    """Workflow and activity of a line that the SDK logs."""
    record: logging.LogRecord = event["_record"]
    for extra, names in TEMPORAL_EXTRAS.items():
        given = getattr(record, extra, None)
        if isinstance(given, dict):
            event.update({name: given[name] for name in names if name in given})
    return event


def _faults_by_kind_and_place(_logger: Any, _method: str, event: Event) -> Event:
    """An error's own text may quote a value, its causes' too: only its kind and place are kept."""
    given = event.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else None
    if isinstance(given, tuple):
        error = given[1]
    elif given and error is None:
        error = sys.exc_info()[1]
    if error is not None:
        event["error"] = kind_and_place(error)
    return event


def _without_secrets(_logger: Any, _method: str, event: Event) -> Event:
    for name in SECRET_NAMES & event.keys():
        event[name] = REMOVED
    return event


def _typed(value: object) -> str:
    """What JSON has no word for is logged by its type: its text might hold anything."""
    return f"<{type(value).__name__}>"
