"""The HTTP application: GraphQL over HTTP and WebSocket, GraphiQL, and how the server is."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import timedelta
from typing import Any

from graphql import GraphQLError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
)
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET, UnsetType

from api.access import Access
from api.call import Call
from api.errors import as_graphql, refused, told, too_slow
from api.execution import is_subscription
from api.export import export_events
from api.gate import Gate
from api.languages import language_of, told_in
from api.over_http import (
    GRAPHQL,
    Operation,
    Unfit,
    advice,
    as_json,
    failed,
    media_type,
    operation,
    status_of,
    takes_events,
    takes_events_only,
)
from api.policy import MEASURED, require
from api.report_files import report_file
from api.requests import Metrics, Observed
from api.schema import build_schema
from api.signing_in import asks_for_page, sign_in, sign_in_page
from api.sse import TOKEN, EventStreams
from infra.tenant import Tenant
from infra.views.lag import lags
from projections.view import reports

LARGEST_BODY = 1_000_000
"""Bytes of one request."""
SUBSCRIPTIONS = 100
"""Operations under way on one WebSocket connection."""
INIT = timedelta(seconds=10)
"""In which a WebSocket connection must say who asks."""
NEAR = 1_000
"""Events by which the views of a server that is ready may lag behind."""
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
VARY = "authorization, cookie, accept, accept-language"
_log = logging.getLogger(__name__)


class _Speaking(BaseGraphQLTransportWSHandler[Call, None]):
    """Every error over a WebSocket has a code, too; a faulty document ends its operation, not the others."""

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        return None

    async def send_message(self, message: Any) -> None:
        if message["type"] == "error":
            for error in message["payload"]:
                error.setdefault("extensions", {}).setdefault("code", "SUBSCRIPTION_LIMIT")
        await super().send_message(message)


class GraphQLApp(GraphQL[Call, None]):
    """GraphQL over HTTP as its draft says; over WebSocket as strawberry does it. A `Call` is the context."""

    graphql_transport_ws_handler_class = _Speaking

    def __init__(self, tenant: Tenant, gate: Gate) -> None:
        super().__init__(
            build_schema(tenant.declarations, reports),
            graphql_ide="graphiql" if gate.access.graphiql else None,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=INIT,
            max_subscriptions_per_connection=SUBSCRIPTIONS,
            allowed_origins=gate.access.origins,
        )
        self._tenant, self._gate = tenant, gate
        self.streams = EventStreams(self._results, gate, tenant.feeds, LARGEST_BODY)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Call:
        return Call(self._tenant, request, self._gate)

    def decode_json(self, data: str | bytes) -> object:
        try:
            return super().decode_json(data)
        except (UnicodeDecodeError, RecursionError) as error:
            raise json.JSONDecodeError(str(error), "", 0) from None

    def encode_json(self, data: object) -> str:
        """Text, not bytes: WebSocket clients expect text frames."""
        return as_json(data).decode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._speak(WebSocket(scope, receive, send))
            return
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except Unfit as unfit:
            response = failed(unfit, request)
            response.headers.update(HEADERS)
        await response(scope, receive, send)

    # --- HTTP ---------------------------------------------------------------------------------

    async def _respond(self, request: Request) -> Response:
        if asks_for_page(request):
            return await self._page(request)
        context = Call(self._tenant, request, self._gate)
        kind = GRAPHQL if takes_events_only(request) else media_type(request)
        try:
            if self.streams.concerns(request):
                return await self.streams.respond(context, request)
            caller = await context.identify()
            request.scope.setdefault("state", {})["caller"] = caller.id
            asked = await operation(request, LARGEST_BODY, self._gate.access.body_seconds)
            if await self._is_streamed(request, asked):
                return self.streams.distinct(context, asked)
            answer = await self._answer(request, context, asked)
        except GraphQLError as error:
            answer = {"errors": [error.formatted]}
        return self._written(request, answer, kind, pinned=context.answered.pinned)

    async def _is_streamed(self, request: Request, asked: Operation) -> bool:
        """Whether the answer is to be a stream of events: the client takes nothing else, or it must be."""
        if takes_events_only(request):
            return True
        return takes_events(request) and is_subscription(await self._gate.text(asked), asked.operation_name)

    async def _results(self, context: Call, asked: Operation) -> AsyncGenerator[ExecutionResult]:
        """What a stream tells of an operation."""
        try:
            results = await self.schema.stream(
                await self._gate.text(asked),
                variable_values=asked.variables,
                context_value=context,
                operation_name=asked.operation_name,
                operation_extensions=asked.extensions,
                allowed_operation_types=OperationType.from_http(context.request.scope["method"]),
            )
            async with aclosing(results):
                async for result in results:
                    yield result  # type: ignore[misc]  # there is no incremental delivery here
        except Exception as error:
            yield PreExecutionError(data=None, errors=[told(as_graphql(error))])

    async def _page(self, request: Request) -> Response:
        """GraphiQL for who is signed in."""
        if self.graphql_ide is None:
            raise Unfit(404, "NOT_FOUND", "there is no page here; ask by POST")
        try:
            await self._gate.known(self._gate.session(request))
        except GraphQLError:
            return sign_in_page()
        return await self.render_graphql_ide(request)

    async def _answer(self, request: Request, context: Call, asked: Operation) -> dict[str, Any]:
        """The operation's answer; one without data has no entry for it."""
        seconds, allowed = self._gate.access.request_seconds, OperationType.from_http(request.method)  # type: ignore[arg-type]  # GET or POST
        allowed = allowed - {OperationType.SUBSCRIPTION}
        try:
            async with asyncio.timeout(seconds):
                result = await self.schema.execute(
                    await self._gate.text(asked),
                    variable_values=asked.variables,
                    context_value=context,
                    operation_name=asked.operation_name,
                    allowed_operation_types=allowed,
                    operation_extensions=asked.extensions,
                )
        except TimeoutError:
            raise too_slow(seconds) from None
        except InvalidOperationTypeError as error:
            raise Unfit(
                405, "METHOD_NOT_ALLOWED", error.as_http_error_reason(request.method), allow="POST"
            ) from None
        except CannotGetOperationTypeError as error:
            raise refused("GRAPHQL_VALIDATION_FAILED", error.as_http_error_reason()) from None
        request.scope["state"]["cost"] = (result.extensions or {}).get("cost", {}).get("requested")
        answer: dict[str, Any] = dict(await self.process_result(request, result))
        if answer["data"] is None and not any(error.path for error in result.errors or ()):
            del answer["data"]  # nothing was executed
        return answer

    def _written(self, request: Request, answer: dict[str, Any], kind: str, *, pinned: bool) -> Response:
        answer = told_in(language_of(request), answer)
        status, headers = status_of(answer, kind), {**HEADERS, "vary": VARY, **advice(answer)}
        if request.method == "GET" and status == 200 and pinned and answer.get("data"):
            shown = [answer["data"], answer.get("errors"), answer["extensions"]["asOf"]]
            tag = f'W/"{hashlib.sha256(as_json(shown)).hexdigest()[:32]}"'
            headers |= {"etag": tag, "cache-control": "private, no-cache"}
            if tag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
        return Response(as_json(answer), status, headers, media_type=f"{kind}; charset=utf-8")

    # --- WebSocket ----------------------------------------------------------------------------

    async def _speak(self, socket: WebSocket) -> None:
        """A WebSocket connection, counted for its caller while it lasts."""
        try:
            await self.run(socket)
        finally:
            if ended := socket.scope.get("ended"):
                ended()

    async def on_ws_connect(self, context: Call) -> UnsetType | dict[str, object] | None:
        try:
            caller = await context.identify()
            context.request.scope["ended"] = self._gate.hold(caller, "sockets", self._gate.access.sockets)
        except GraphQLError as error:
            raise ConnectionRejectionError from error
        acknowledged: UnsetType = UNSET
        return acknowledged


def create_app(tenant: Tenant, access: Access | None = None) -> Starlette:
    """The application of one tenant, as open as `access` says; without it, as for this machine alone.

    `app.state.leave()` ends its event streams: a server that stops waits for its answers.
    """
    access = access or Access()
    gate, metrics = Gate(tenant, access), Metrics()
    graphql = GraphQLApp(tenant, gate)
    tenant.commit.measured = metrics.committed

    async def ready(_: Request) -> Response:
        """Whether the database answers and the views that this server knows are near the log's end."""
        async with asyncio.timeout(5):
            all_lags = await lags(tenant.pool, tenant.name)
        serving = [lag for lag in all_lags if lag.serving and lag.view in tenant.declarations]
        behind = max((lag.events for lag in serving), default=0)
        return JSONResponse({"ready": behind <= NEAR, "behind": behind}, 200 if behind <= NEAR else 503)

    async def measured(request: Request) -> Response:
        try:
            require(await gate.caller(request, {}), [MEASURED])
        except GraphQLError as error:
            return failed(error, request)
        return Response(await metrics.text(tenant), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def exported(request: Request) -> Response:
        return await export_events(request, tenant, gate)

    async def reported(request: Request) -> Response:
        return await report_file(request, tenant, gate)

    async def session(request: Request) -> Response:
        return await sign_in(request, gate)

    signing_in = Route("/session", session, methods=["POST"], max_body_size=10_000)
    middleware = [
        Middleware(Observed, metrics=metrics, logged=access.logged),
        Middleware(TrustedHostMiddleware, allowed_hosts=access.hosts, www_redirect=False),
        Middleware(GZipMiddleware, minimum_size=1_000, compresslevel=4),
    ]
    if access.origins:
        middleware.insert(
            1,
            Middleware(
                CORSMiddleware,
                allow_origins=list(access.origins),
                allow_methods=["GET", "POST", "PUT", "DELETE"],
                allow_headers=["authorization", "content-type", "x-request-id", TOKEN],
            ),
        )
    app = Starlette(
        routes=[
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            Route("/export/events", exported, methods=["GET"]),
            Route("/reports/{file}", reported, methods=["GET"]),
            Route("/health", lambda _: JSONResponse({"status": "ok"})),
            Route("/ready", ready),
            Route("/metrics", measured),
            *([signing_in] if access.graphiql else []),
            Route("/", lambda _: RedirectResponse("/graphql")),
        ],
        middleware=middleware,
    )
    app.state.leave = graphql.streams.end
    return app
