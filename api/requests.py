"""What is known of requests without knowing whose they are: an id for each, counts, times, a log line."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import Any

import orjson
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from infra import tracing
from infra.tenant import Tenant
from infra.views.lag import lags

ID = "x-request-id"
METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT")
PATHS = ("/", "/graphql", "/export/events", "/health", "/ready", "/metrics", "/session")
"""What a trace names: others may say anything."""
GOOD_ID = re.compile(r"[\w.-]{1,64}\Z", re.ASCII)
_log = logging.getLogger("kehu.access")


class Metrics:
    """The figures of one application, for Prometheus."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "kehu_requests", "HTTP requests answered.", ["status"], registry=self._registry
        )
        self.seconds = Histogram("kehu_request_seconds", "Time to an answer.", registry=self._registry)
        self._units = Histogram(
            "kehu_commit_commands",
            "Commands, or units of several, that share a commit.",
            buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000),
            registry=self._registry,
        )
        self._commits = Histogram("kehu_commit_seconds", "Time of a commit.", registry=self._registry)
        self._waiting = Gauge(
            "kehu_commit_queue", "Commands that wait for a commit.", registry=self._registry
        )
        self._subscribers = Gauge("kehu_subscribers", "Subscriptions under way.", registry=self._registry)
        self._head = Gauge("kehu_log_position", "Where the log ends.", registry=self._registry)
        self._lag = Gauge(
            "kehu_view_lag_events", "Events that a view has not seen.", ["view"], registry=self._registry
        )
        self._behind = Gauge(
            "kehu_view_lag_seconds",
            "For how long the first of them has been in the log.",
            ["view"],
            registry=self._registry,
        )
        self._parked = Gauge(
            "kehu_view_parked_keys", "Keys whose fold refused an event.", ["view"], registry=self._registry
        )

    def committed(self, units: int, seconds: float) -> None:
        """A commit is done."""
        self._units.observe(units)
        self._commits.observe(seconds)

    async def text(self, tenant: Tenant) -> bytes:
        """All figures, as Prometheus reads them."""
        self._head.set(await tenant.log.head())
        self._waiting.set(tenant.commit.waiting)
        self._subscribers.set(tenant.feeds.followers)
        for lag in await lags(tenant.pool, tenant.name):
            if lag.serving:
                self._lag.labels(lag.view).set(max(lag.events, 0))
                self._behind.labels(lag.view).set(lag.seconds)
                self._parked.labels(lag.view).set(lag.parked)
        return generate_latest(self._registry)


class Observed:
    """Middleware: gives each request an id, counts it, and logs a line without personal data."""

    def __init__(self, app: ASGIApp, metrics: Metrics, logged: bool) -> None:
        self._app, self._metrics, self._logged = app, metrics, logged

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        said, began = Headers(scope=scope).get(ID, ""), time.perf_counter()
        id = said if GOOD_ID.match(said) else str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = id

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[ID] = id
                self._note(scope, message["status"], time.perf_counter() - began)
            await send(message)

        with tracing.request("request", Headers(scope=scope)) as note:
            note("http.request.method", scope["method"] if scope["method"] in METHODS else "_OTHER")
            note("url.path", scope["path"] if scope["path"] in PATHS else "other")
            note("kehu.request", id)
            await self._app(scope, receive, sending)
            note("http.response.status_code", scope["state"].get("status", 0))

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        scope["state"]["status"] = status
        self._metrics.requests.labels(status).inc()
        self._metrics.seconds.observe(seconds)
        if self._logged:
            line: dict[str, Any] = {
                "action": scope["state"].get("action", scope["path"]),
                "request": scope["state"]["request_id"],
                "caller": scope["state"].get("caller"),
                "status": status,
                "ms": round(seconds * 1_000, 1),
                "cost": scope["state"].get("cost"),
            }
            _log.info(orjson.dumps(line).decode())
