"""Traces tell the way of a request to its statements and its append, and nothing of what was said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from infra.tracing import tracing
from tests.api.server import Api
from tests.api.test_rights import tell

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
STORY = """query Story($of: String!) { customer(customerId: $of) { name orders { nodes { orderId } } } }"""
CHANGE = """mutation Change($of: String!) {
  changeProfile(input: {customerId: $of, name: "SECRET new"}) { position }
}"""


@pytest.fixture
def told() -> Iterator[InMemorySpanExporter]:
    """What is exported; begun before the server opens connections."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with tracing(provider.get_tracer("kehu")):
        yield exporter
    provider.shutdown()


async def spans_of(api: Api, told: InMemorySpanExporter, query: str, **variables: Any) -> list[ReadableSpan]:
    """The spans of one request."""
    told.clear()
    body = {"query": query, "variables": variables}
    await api.client.post("/graphql", json=body, headers=TRACED)
    while "request" not in [span.name for span in told.get_finished_spans()]:  # noqa: ASYNC110
        await asyncio.sleep(0)  # it ends after the answer, and nobody says so
    return [s for s in told.get_finished_spans() if s.context and s.context.trace_id == int(TRACE, 16)]


def way(span: ReadableSpan, spans: list[ReadableSpan]) -> list[str]:
    """From the request down to a span."""
    above = [s for s in spans if s.context and span.parent and s.context.span_id == span.parent.span_id]
    return [*(way(above[0], spans) if above else []), span.name]


async def test_a_request_is_followed_to_its_statement_and_its_append(
    told: InMemorySpanExporter, api: Api
) -> None:
    last = await tell(api, 1, "mei")
    await api.tenant.reader.reached(api.tenant.declarations, last)

    for _ in range(2):  # the second time by the plan of the first
        spans = await spans_of(api, told, STORY, of="c1")
        statements = [span for span in spans if span.name == "statement"]
        assert ["request", "operation", "statement"] in [way(span, spans) for span in statements]
        assert {(span.attributes or {})["db.operation.name"] for span in statements} <= {"SELECT", "WITH"}
    [request] = [span for span in spans if span.name == "request"]
    assert request.parent is not None
    assert request.parent.span_id == int(PARENT, 16)
    about = dict(request.attributes or {})
    assert about.pop("kehu.request")
    wanted = {"http.request.method": "POST", "url.path": "/graphql", "http.response.status_code": 200}
    assert about == wanted

    spans = await spans_of(api, told, CHANGE, of="c1")
    [append] = [span for span in spans if span.name == "append"]
    assert way(append, spans) == ["request", "operation", "append"]
    [operation] = [span for span in spans if span.name == "operation"]
    assert dict(operation.attributes or {}) == {"graphql.operation.type": "mutation", "kehu.errors": ()}
    assert "SECRET" not in "".join(span.to_json() for span in told.get_finished_spans())
    assert "c1" not in {str(v) for span in spans for v in (span.attributes or {}).values()}

    spans = await spans_of(api, told, "{ nothing }")
    [operation] = [span for span in spans if span.name == "operation"]
    assert (operation.attributes or {})["kehu.errors"] == ("GRAPHQL_VALIDATION_FAILED",)


async def test_nothing_is_traced_where_nobody_asks_for_it(api: Api) -> None:
    from infra import tracing as module

    assert not module.is_on()
    assert module.span("one") is module.request("another", {})  # the same that does nothing
    await api.ask("{ __typename }")
