"""A server for the load, as `python -m bench.server DSN kehu|trusted|hand`: GraphQL, also with trusted
documents alone, or the same answers by hand."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.access import Access
from api.http import create_app
from bench.queries import CUSTOMER_SQL, LIST_SQL
from infra.database import connected
from infra.tenant import Tenant, open_tenant
from kehu.builtin import NAMES
from kehu.serving import settle
from projections.view import views

TENANT = "bench"
CONNECTIONS = 16


async def by_hand(tenant: Tenant) -> Starlette:
    """One statement a request, on the tables of Kehu's views; PostgreSQL makes the JSON."""
    standing = await tenant.reader.standing()
    live = {name: tenant.reader.table(name, standing).live for name in ("customers", "interactions")}
    one, many = CUSTOMER_SQL.format_map(live), LIST_SQL.format_map(live)

    async def customer(request: Request) -> Response:
        answer = await tenant.pool.fetchval(one, TENANT, request.path_params["id"])
        return Response(answer, media_type="application/json")

    async def customers(_: Request) -> Response:
        return Response(await tenant.pool.fetchval(many, TENANT), media_type="application/json")

    return Starlette(routes=[Route("/customers/{id}", customer), Route("/customers", customers)])


async def main(dsn: str, kind: str) -> None:
    declared = [views[name] for name in NAMES]
    async with connected(dsn, size=CONNECTIONS) as pool, open_tenant(pool, TENANT, declared) as tenant:
        access = Access(trusted_only=kind == "trusted")
        app = await by_hand(tenant) if kind == "hand" else create_app(tenant, access)
        settle()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else answers wait for ACKs
            print(listening.getsockname()[1], flush=True)
            config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off")
            await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
