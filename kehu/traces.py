"""Sends traces to an OpenTelemetry collector, where one is configured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from infra.tracing import tracing
from kehu.failures import USAGE, Failure
from kehu.settings import Settings


@contextmanager
def traced(settings: Settings) -> Iterator[None]:
    """With traces, if the settings say where to. Raises `Failure` where the extra `traces` is not there."""
    if settings.traces is None:
        yield
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as missing:
        raise Failure(f"KEHU_TRACES needs more: pip install 'kehu[traces]' ({missing})", USAGE) from missing
    whose = {"service.name": "kehu", "kehu.tenant": settings.tenant}
    provider = TracerProvider(resource=Resource.create(whose))
    exporter = OTLPSpanExporter(endpoint=f"{settings.traces.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        with tracing(provider.get_tracer("kehu")):
            yield
    finally:
        provider.shutdown()
