"""Spans of SQL statements, within a traced request or step: the statement's verb and first table, never a text or a value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext

TRACER = trace.get_tracer("cardloop.database")
_VERB = re.compile(r"\s*([A-Za-z]+)")
_TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+\"?([a-z_]+)", re.IGNORECASE)
_SPAN = "_cardloop_span"


def follow(engine: Engine) -> None:
    """Trace every statement of an engine that runs within a recorded span."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


@contextmanager
def traced(sql: str) -> Iterator[None]:
    """Trace one statement that goes past the engine."""
    if not recorded():
        yield
        return
    span = _span(sql)
    try:
        yield
    except Exception:
        span.set_status(Status(StatusCode.ERROR))
        raise
    finally:
        span.end()


def recorded() -> bool:
    """Return whether what runs now is part of a recorded trace."""
    return trace.get_current_span().is_recording()


def _span(sql: str) -> Span:
    verb, table = _VERB.match(sql), _TABLE.search(sql)
    operation = verb.group(1).upper() if verb else "SQL"
    span = TRACER.start_span(operation, kind=SpanKind.CLIENT)
    span.set_attributes({"db.system.name": "postgresql", "db.operation.name": operation})
    if table:
        span.set_attribute("db.collection.name", table.group(1))
    return span


def _begin(_connection: Any, _cursor: Any, sql: str, _values: Any, context: Any, _many: bool) -> None:
    if recorded() and context is not None:
        setattr(context, _SPAN, _span(sql))


def _end(_connection: Any, _cursor: Any, _sql: str, _values: Any, context: Any, _many: bool) -> None:
    span = getattr(context, _SPAN, None)
    if span is not None:
        span.end()


def _fail(context: ExceptionContext) -> None:
    span = getattr(context.execution_context, _SPAN, None)
    if span is not None:
        span.set_status(Status(StatusCode.ERROR))
        span.end()
