"""A real server in the test's event loop, and the two ways to speak with it: HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.access import Access
from api.http import create_app
from domain.roles import Role
from infra.database import connected
from infra.keys import Keys
from infra.tenant import Tenant, open_tenant
from kehu.serving import KEEP_ALIVE, listen
from projections.view import Declaration

PATIENCE = 10.0
"""Seconds after which a test gives up on a frame."""


class Api:
    """A running server, and its client."""

    def __init__(self, tenant: Tenant, client: httpx.AsyncClient, server: uvicorn.Server, port: int) -> None:
        self.tenant, self.client, self.server, self.port = tenant, client, server, port

    async def send(self, query: str, **variables: Any) -> dict[str, Any]:
        """The whole answer to an operation."""
        body = json.dumps(
            {"query": query, "variables": variables}
        )  # in ASCII: holds half surrogate pairs, too
        response = await self.client.post(
            "/graphql", content=body, headers={"content-type": "application/json"}
        )
        answer: dict[str, Any] = response.json()
        return answer

    async def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The data of an operation that succeeds."""
        answer = await self.send(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data

    async def error(self, query: str, **variables: Any) -> dict[str, Any]:
        """The one top-level error of an operation that fails."""
        answer = await self.send(query, **variables)
        [error] = answer["errors"]
        return {"code": error["extensions"]["code"], "message": error["message"]}

    async def do(self, command: str, answers: str = "", /, **input: Any) -> dict[str, Any]:
        """What a mutation answers."""
        kind, errors = f"{command[0].upper()}{command[1:]}Input", "errors { __typename code message field }"
        query = f"""mutation Do($input: {kind}!) {{
          done: {command}(input: $input) {{ position recordedAt repeated {errors} {answers} }}
        }}"""
        done: dict[str, Any] = (await self.ask(query, input=input))["done"]
        return done

    async def done(self, command: str, /, **input: Any) -> int:
        """The position after a mutation that is not refused."""
        answer = await self.do(command, **input)
        assert answer["errors"] == [], answer
        position: int = answer["position"]
        return position

    async def refused(self, command: str, /, **input: Any) -> dict[str, Any]:
        """The one error of a mutation that is refused."""
        answer = await self.do(command, **input)
        assert answer["position"] is None
        [error] = answer["errors"]
        assert isinstance(error, dict)
        return error

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def key(self) -> str:
        """The client's own key."""
        return self.client.headers["authorization"].removeprefix("Bearer ")

    @asynccontextmanager
    async def events(self, query: str, last: str | None = None, **variables: Any) -> AsyncIterator[Events]:
        """An event stream of one operation, gone on with after the last event's id."""
        body = {"query": query, "variables": variables}
        headers = {} if last is None else {"last-event-id": last}
        async with events(self.client, "POST", json=body, headers=encoded(headers)) as heard:
            yield heard

    @asynccontextmanager
    async def socket(self, key: str | None = None) -> AsyncIterator[Socket]:
        """A connection that speaks graphql-transport-ws, begun."""
        protocol = Subprotocol("graphql-transport-ws")
        async with connect(self.socket_url, subprotocols=[protocol]) as connection:
            speaking = Socket(connection)
            await speaking.say("connection_init", payload={"authorization": f"Bearer {key or self.key}"})
            assert await speaking.hear() == {"type": "connection_ack"}
            yield speaking


class Events:
    """The client's end of an event stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def line(self) -> str:
        return await asyncio.wait_for(anext(self._lines), PATIENCE)

    async def hear(self) -> dict[str, Any]:
        """The next event: its `event`, its `data`, and its `id` if it has one."""
        heard: dict[str, Any] = {}
        while (line := await self.line()) or not heard:
            name, _, said = line.partition(": ")
            if name in ("event", "id", "data"):
                heard[name] = json.loads(said or "null") if name == "data" else said
        return heard

    async def next(self) -> Any:
        """The data of the next event, of a stream with one operation."""
        heard = await self.hear()
        assert heard["event"] == "next", heard
        return heard["data"]["data"]


@asynccontextmanager
async def events(client: httpx.AsyncClient, method: str, **more: Any) -> AsyncIterator[Events]:
    """What a request hears that accepts an event stream alone."""
    headers = {"accept": "text/event-stream", **more.pop("headers", {})}
    async with client.stream(method, "/graphql", headers=headers, timeout=30, **more) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Events(response)


class Socket:
    """The client's end of a WebSocket connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, kind: str, **rest: Any) -> None:
        await self.connection.send(json.dumps({"type": kind, **rest}))

    async def subscribe(self, id: str, query: str, **variables: Any) -> None:
        await self.say("subscribe", id=id, payload={"query": query, "variables": variables})

    async def hear(self) -> dict[str, Any]:
        """The next frame, which is text."""
        frame = await asyncio.wait_for(self.connection.recv(), PATIENCE)
        assert isinstance(frame, str)
        message: dict[str, Any] = json.loads(frame)
        return message

    async def next(self, id: str) -> Any:
        """The data of the next frame, which belongs to this subscription."""
        message = await self.hear()
        assert (message["type"], message["id"]) == ("next", id), message
        return message["payload"]["data"]


def encoded(headers: dict[str, str]) -> dict[str, bytes]:
    """As browsers send them."""
    return {name: value.encode() for name, value in headers.items()}


async def key_of(tenant: Tenant, role: Role = Role.ADMIN, actor: str = "admin", **more: Any) -> str:
    """A new key for somebody."""
    _, token = await Keys(tenant.pool, tenant.name).create(actor, role, actor, **more)
    return token


@asynccontextmanager
async def serving(
    dsn: str, declarations: Iterable[Declaration], access: Access | None = None
) -> AsyncIterator[Api]:
    """The tenant `main` behind a server of its own, with its worker; its client has an admin's key."""
    async with connected(dsn) as pool, open_tenant(pool, "main", declarations) as tenant:
        listening = listen("127.0.0.1", 0, expose=False)
        port = listening.getsockname()[1]
        config = uvicorn.Config(
            create_app(tenant, access),
            log_config=None,
            lifespan="off",
            ws="websockets-sansio",
            timeout_graceful_shutdown=5,
            timeout_keep_alive=KEEP_ALIVE,
        )
        server = uvicorn.Server(config)
        tasks = [
            asyncio.create_task(tenant.projector.run(tenant.wakeups, tenant.reader.moved)),
            asyncio.create_task(server.serve(sockets=[listening])),
        ]
        url = f"http://127.0.0.1:{port}"
        headers = {"authorization": f"Bearer {await key_of(tenant)}", "x-kehu-actor": "mei"}
        async with httpx.AsyncClient(base_url=url, timeout=30, headers=headers) as client:
            yield Api(tenant, client, server, port)
        server.should_exit = True
        await tasks[1]
        tasks[0].cancel()
        with suppress(asyncio.CancelledError):
            await tasks[0]
