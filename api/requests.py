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

from infra.tenant import Tenant
from infra.views.lag import lags

ID = "x-request-id"
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
        self._head = Gauge("kehu_log_position", "Where the log ends.", registry=self._registry)
        self._lag = Gauge(
            "kehu_view_lag_events", "Events that a view has not seen.", ["view"], registry=self._registry
        )

    async def text(self, tenant: Tenant) -> bytes:
        """All figures, as Prometheus reads them."""
        self._head.set(await tenant.log.head())
        for lag in await lags(tenant.pool, tenant.name):
            if lag.serving:
                self._lag.labels(lag.view).set(max(lag.events, 0))
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

        await self._app(scope, receive, sending)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
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
