"""Subscribers: a thousand, over WebSocket and SSE, follow customers while commands come in steadily."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from bench.business import BEGIN, register, wish
from bench.graphql import serving
from bench.harness import Better, Figure, Peer, Run, percentile
from domain.customers import AssignOwner
from domain.roles import Role
from infra.database import connected
from infra.keys import Keys
from infra.tenant import Tenant, open_tenant

RATE = 500
"""Commands a second, one event each."""
SUBSCRIBERS = 1_000
"""Every second one over SSE, the others over WebSocket; each has a connection of its own."""
EACH = 2
"""Subscribers of one customer: so many messages a command."""
TICK = 0.005
BOUND = 100.0
"""Milliseconds, as for views."""
PATIENCE = 60.0
"""Seconds in which the last message must have come."""
FOLLOW = (
    "subscription Follow($after: Int64!, $of: String!)"
    " { events(after: $after, filter: {customerId: $of}) { position } }"
)
POSITION = re.compile(rb'"position":(\d+)')


class NotTold(Exception):
    """A subscriber missed a message, or heard one twice or out of order."""


async def bench(run: Run) -> list[Figure]:
    subscribers = run.scale.some(SUBSCRIBERS, least=4)
    customers = -(-subscribers // EACH)
    dsn = await run.database()
    async with (
        connected(dsn) as pool,
        open_tenant(pool, "bench", []) as tenant,
        serving(dsn, "kehu") as port,
    ):
        await tenant.engine.execute_many([register(number) for number in range(customers)])
        _, key = await Keys(pool, "bench").create("bench", Role.ADMIN, "bench")
        crowd = _Crowd(tenant, port, key, customers)
        async with crowd.following(subscribers, run.told):

            async def high() -> float:
                return percentile(await crowd.round(4 * run.scale.seconds), 0.99)

            async def middle() -> float:
                return percentile(crowd.delays, 0.5)

            async def bound() -> float:
                return BOUND

            async def told() -> float:
                return crowd.told

            async def whole() -> float:
                return crowd.expected

            async def kept() -> float:
                return crowd.rate

            async def rate() -> float:
                return RATE

            peer = Peer(name="the bound for views", measure=bound, target=1)
            what = f"command to message, {subscribers:,} subscribers, {RATE} commands/s"
            figures = await run.compare(f"{what}, p99", "ms", high, [peer], Better.LESS)
            peer = Peer(name="the bound for views", measure=bound)
            figures += await run.compare(f"{what}, p50", "ms", middle, [peer], Better.LESS)
            peer = Peer(name="all", measure=whole, target=1)
            figures += await run.compare(f"{what}: told once, in order", "messages", told, [peer])
            peer = Peer(name="the rate that is wanted", measure=rate)
            return figures + await run.compare(f"{what}: done", "commands/s", kept, [peer])


class _Crowd:
    """Those who follow, and who sends commands."""

    def __init__(self, tenant: Tenant, port: int, key: str, customers: int) -> None:
        self._tenant, self._port, self._key, self._customers = tenant, port, key, customers
        self._heard: list[tuple[str, list[int]]] = []
        """Of each subscriber whom they follow, and the positions that they were told."""
        self._sent: dict[int, float] = {}
        self._positions: dict[str, list[int]] = {f"c{number}": [] for number in range(customers)}
        self._number = 0
        self.delays: list[float] = []
        """Of the last round, in milliseconds: from when a command is sent until a subscriber is told."""
        self.rate = 0.0
        self._told_at: list[tuple[int, float]] = []

    @property
    def expected(self) -> float:
        return sum(len(self._positions[customer]) for customer, _ in self._heard)

    @property
    def told(self) -> float:
        """Messages that everybody was told, each once and in order. Raises `NotTold` where one was not."""
        for customer, positions in self._heard:
            if positions != sorted(self._positions[customer]):
                raise NotTold(f"{customer}: {len(positions)} of {len(self._positions[customer])} messages")
        return self.expected

    @asynccontextmanager
    async def following(self, subscribers: int, say: Callable[[str], None]) -> AsyncIterator[None]:
        """With so many subscribers, all of them there."""
        after = await self._tenant.log.head()
        async with AsyncExitStack() as stack:
            for number in range(subscribers):
                customer = f"c{number % self._customers}"
                heard: list[int] = []
                self._heard.append((customer, heard))
                over = self._over_sse if number % 2 else self._over_socket
                ready = asyncio.Event()
                task = asyncio.create_task(over(customer, after, heard, ready))
                stack.push_async_callback(_ended, task)
                say(f"{number + 1:,} subscribers")
                await asyncio.wait(
                    {task, asyncio.ensure_future(ready.wait())}, return_when=asyncio.FIRST_COMPLETED
                )
                if task.done():
                    raise NotTold("a subscriber could not begin") from task.exception()
            yield

    async def round(self, seconds: float) -> list[float]:
        """Send commands at the rate for that long, and wait until everybody has been told."""
        self.delays, self._sent, self._told_at = [], {}, []
        began, sent, tasks = time.perf_counter(), 0, []
        while sent < max(RATE * seconds, 1):
            due = int(RATE * (time.perf_counter() - began)) + 1
            tasks += [asyncio.create_task(self._send()) for _ in range(sent, due)]
            sent = due
            await asyncio.sleep(TICK)
        await asyncio.gather(*tasks)
        self.rate = sent / (time.perf_counter() - began)
        async with asyncio.timeout(PATIENCE):
            while sum(len(positions) for _, positions in self._heard) < self.expected:  # noqa: ASYNC110
                await asyncio.sleep(TICK)
        self.delays = [(at - self._sent[position]) * 1_000 for position, at in self._told_at]
        return self.delays

    async def _send(self) -> None:
        self._number += 1
        customer, began = f"c{self._number % self._customers}", time.perf_counter()
        fields = {"customer_id": customer, "owner": f"owner {self._number}"}
        done = await self._tenant.engine.execute(wish(AssignOwner, f"w-{self._number}", BEGIN, **fields))
        self._sent[done.position] = began
        self._positions[customer].append(done.position)

    def _note(self, heard: list[int], data: bytes) -> int:
        """Take down what was told; up to where the data has been read."""
        end = 0
        for found in POSITION.finditer(data):
            end, position = found.end(), int(found[1])
            heard.append(position)
            self._told_at.append((position, time.perf_counter()))
        return end

    async def _over_socket(self, customer: str, after: int, heard: list[int], ready: asyncio.Event) -> None:
        url, protocol = f"ws://127.0.0.1:{self._port}/graphql", Subprotocol("graphql-transport-ws")
        async with connect(url, subprotocols=[protocol], compression=None, max_queue=None) as socket:
            said = {"type": "connection_init", "payload": {"authorization": f"Bearer {self._key}"}}
            await socket.send(json.dumps(said))
            await socket.recv()
            await socket.send(
                json.dumps({"type": "subscribe", "id": "1", "payload": _asked(customer, after)})
            )
            ready.set()
            async for message in socket:
                self._note(heard, message.encode() if isinstance(message, str) else message)

    async def _over_sse(self, customer: str, after: int, heard: list[int], ready: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        body = json.dumps(_asked(customer, after))
        head = (
            "POST /graphql HTTP/1.1", "Host: bench", "Content-Type: application/json",
            "Accept: text/event-stream", f"Authorization: Bearer {self._key}", f"Content-Length: {len(body)}",
        )  # fmt: skip
        writer.write("\r\n".join([*head, "", body]).encode())
        try:
            assert b" 200 " in await reader.readline()
            ready.set()
            rest = b""
            while data := await reader.read(65_536):
                rest += data
                rest = rest[self._note(heard, rest) :]
        finally:
            writer.close()


def _asked(customer: str, after: int) -> dict[str, object]:
    return {"query": FOLLOW, "variables": {"after": after, "of": customer}}


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
