"""Traces go to a collector where one is named, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from infra.tracing import is_on, span
from kehu.settings import Settings, from_environment
from kehu.traces import traced


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A server's address, and what is sent to it."""
    sent: list[tuple[str, bytes]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing on the screen."""

    with HTTPServer(("127.0.0.1", 0), Taking) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", sent
        server.shutdown()


def test_spans_reach_the_collector_that_the_settings_name(
    collector: tuple[str, list[tuple[str, bytes]]],
) -> None:
    url, sent = collector
    with traced(from_environment({"KEHU_TRACES": f"{url}/"})), span("operation"):
        assert is_on()
    [(path, body)] = sent
    assert path == "/v1/traces"
    assert b"operation" in body
    assert b"kehu.tenant" in body


def test_nothing_is_traced_without_one() -> None:
    with traced(Settings()), span("operation"):
        assert not is_on()
