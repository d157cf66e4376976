"""Where the time goes, for OpenTelemetry: requests, operations, statements and appends; off by default.

A span tells names and numbers, never what a request, a statement or an event says.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncpg.connection import LoggedQuery
    from opentelemetry.trace import Span, Tracer
    from opentelemetry.util.types import AttributeValue

Note = Callable[[str, "AttributeValue"], None]
"""Adds to a span what is known only later."""

_tracer: Tracer | None = None


@contextmanager
def tracing(tracer: Tracer) -> Iterator[None]:
    """While this lasts, spans go to that tracer; connections opened meanwhile tell of their statements."""
    global _tracer
    _tracer = tracer
    try:
        yield
    finally:
        _tracer = None


def is_on() -> bool:
    return _tracer is not None


def span(name: str, **attributes: AttributeValue) -> AbstractContextManager[Note]:
    """A span around what is done inside, part of the one around it; in an attribute's name `__` is a dot."""
    return _OFF if _tracer is None else _span(_tracer, name, attributes)


def request(name: str, headers: Mapping[str, str]) -> AbstractContextManager[Note]:
    """The span of a request, which may go on with a trace that its `traceparent` names."""
    return _OFF if _tracer is None else _span(_tracer, name, {}, headers)


@contextmanager
def _span(
    tracer: Tracer,
    name: str,
    attributes: Mapping[str, AttributeValue],
    headers: Mapping[str, str] | None = None,
) -> Iterator[Note]:
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    parent = None if headers is None else TraceContextTextMapPropagator().extract(headers)
    with tracer.start_as_current_span(
        name,
        parent,
        SpanKind.INTERNAL if headers is None else SpanKind.SERVER,
        record_exception=False,  # a message may hold anything
        set_status_on_exception=False,
    ) as made:

        def note(name: str, value: AttributeValue) -> None:
            made.set_attribute(name.replace("__", "."), value)

        for attribute, value in attributes.items():
            note(attribute, value)
        try:
            yield note
        except BaseException as error:
            _fail(made, error)
            raise


def _fail(made: Span, error: BaseException) -> None:
    from opentelemetry.trace import StatusCode

    made.set_status(StatusCode.ERROR)
    made.set_attribute("error.type", type(error).__name__)


def statement(query: LoggedQuery) -> None:
    """The span of a statement that has ended: how it begins, and a number that equal ones share."""
    if _tracer is None:
        return
    from opentelemetry.trace import SpanKind

    ended = time.time_ns()
    made = _tracer.start_span("statement", kind=SpanKind.CLIENT, start_time=ended - int(query.elapsed * 1e9))
    made.set_attribute("db.system.name", "postgresql")
    made.set_attribute("db.operation.name", query.query.split(None, 1)[0].upper())
    made.set_attribute("kehu.statement", f"{zlib.crc32(query.query.encode()):08x}")
    if query.exception is not None:
        _fail(made, query.exception)
    made.end(ended)


def _nothing(name: str, value: AttributeValue) -> None:
    """Where nobody traces."""


_OFF: AbstractContextManager[Note] = nullcontext(_nothing)
