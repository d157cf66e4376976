"""The HTTP application: GraphQL over HTTP and WebSocket, GraphiQL, and whether the server is alive and ready."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL

from api.call import Call
from api.schema import build_schema
from infra.tenant import Tenant
from projections.view import reports


class GraphQLApp(GraphQL[Call, None]):
    """Strawberry's view with a `Call` as the context of each request."""

    def __init__(self, tenant: Tenant, **how: Any) -> None:
        super().__init__(build_schema(tenant.declarations, reports), **how)
        self._tenant = tenant

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Call:  # type: ignore[override]
        return Call(self._tenant, request)


def create_app(tenant: Tenant, *, graphiql: bool = True) -> Starlette:
    """The application of one tenant; `GET /ready` answers 200 once the views have caught up."""
    graphql = GraphQLApp(
        tenant,
        graphql_ide="graphiql" if graphiql else None,
        allow_queries_via_get=False,
        subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
    )

    async def ready(_: Request) -> JSONResponse:
        head, (position, _time) = await tenant.log.head(), (await tenant.reader.standing()).lowest(())
        return JSONResponse({"head": head, "position": position}, status_code=200 if position == head else 503)

    return Starlette(
        routes=[
            Route("/graphql", graphql, methods=["GET", "POST"]),
            WebSocketRoute("/graphql", graphql),
            Route("/health", lambda _: JSONResponse({"status": "ok"})),
            Route("/ready", ready),
            Route("/", lambda _: RedirectResponse("/graphql")),
        ]
    )
