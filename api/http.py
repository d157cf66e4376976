"""The HTTP application: GraphQL over HTTP and WebSocket, GraphiQL, and whether the server is ready."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import orjson
from cross_web import HTTPException
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import process_result
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from api.call import Call
from api.schema import build_schema
from domain.records import Record
from infra.tenant import Tenant
from projections.view import reports

LARGEST_BODY = 1_000_000
"""Bytes of one request."""
JSON = "application/json"
STATUS = {400: "BAD_REQUEST", 404: "NOT_FOUND", 405: "METHOD_NOT_ALLOWED", 413: "BODY_TOO_LARGE"}


class Asked(Record, rename={"name": "operationName"}):
    """The body of a request."""

    query: str
    name: str | None = None
    variables: dict[str, Any] | None = None


def _streams(accept: str | None) -> bool:
    return accept is not None and ("multipart" in accept or "event-stream" in accept)


class GraphQLApp(GraphQL[Call, None]):
    """Strawberry's view with a `Call` as the context of each request, and refusals in GraphQL's own form."""

    def __init__(self, tenant: Tenant, **how: Any) -> None:
        self._schema, self._tenant = build_schema(tenant.declarations, reports), tenant
        super().__init__(self._schema, **how)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Call:
        return Call(self._tenant, request)

    def decode_json(self, data: str | bytes) -> object:
        try:
            return super().decode_json(data)
        except (UnicodeDecodeError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from None

    def encode_json(self, data: object) -> str:
        """Text, not bytes: WebSocket clients expect text frames. Half of a surrogate pair reads `?`."""
        try:
            return orjson.dumps(data).decode()
        except orjson.JSONEncodeError:  # UTF-8 has no such halves, but messages echo what was sent
            return json.dumps(data, ensure_ascii=False).encode(errors="replace").decode()

    async def run(self, request: Any, *given: Any, **more: Any) -> Any:
        answer = await self._at_once(request) if request.scope["type"] == "http" else None
        return await super().run(request, *given, **more) if answer is None else answer

    async def _at_once(self, request: Request) -> Response | None:
        """The answer to a query that is known, past strawberry's parsing; None where that has to look."""
        headers = request.headers
        if request.method != "POST" or headers.get("content-type") != JSON or _streams(headers.get("accept")):
            return None
        try:
            asked = msgspec.json.decode(await request.body(), type=Asked)
        except (msgspec.MsgspecError, RecursionError):
            return None
        context = await self.get_context(request, Response())
        answer = await self._schema.at_once(asked.query, asked.name, asked.variables or {}, context)
        if answer is None:
            return None
        told = process_result(answer)
        return Response(self.encode_json(told) if answer.errors else orjson.dumps(told), media_type=JSON)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
            return
        try:
            response = await self.run(Request(scope, receive))
        except HTTPException as refused:
            response = _refusal(refused.status_code, refused.reason)
        await response(scope, receive, send)


def _refusal(status: int, reason: str) -> Response:
    error = {"message": reason, "extensions": {"code": STATUS.get(status, "BAD_REQUEST")}}
    return JSONResponse({"errors": [error]}, status_code=status)


def create_app(tenant: Tenant, *, graphiql: bool = True, hosts: Sequence[str] | None = None) -> Starlette:
    """The application of one tenant; `GET /ready` answers 200 once the views have caught up.

    With `hosts`, only requests to these names are answered: a page elsewhere whose own name is made to
    point here (DNS rebinding) is not.
    """
    graphql = GraphQLApp(
        tenant,
        graphql_ide="graphiql" if graphiql else None,
        allow_queries_via_get=False,
        subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
    )

    async def ready(_: Request) -> JSONResponse:
        head, (position, _time) = await tenant.log.head(), (await tenant.reader.standing()).lowest(())
        return JSONResponse(
            {"head": head, "position": position}, status_code=200 if position == head else 503
        )

    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", graphql),
            Route("/health", lambda _: JSONResponse({"status": "ok"})),
            Route("/ready", ready),
            Route("/", lambda _: RedirectResponse("/graphql")),
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False)],
        max_body_size=LARGEST_BODY,
    )
