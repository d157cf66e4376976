"""A process of clients, as `python -m bench.client`: each waits for its command, then sends the next one."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import asyncpg
import msgspec

from bench.business import BEGIN, wish
from bench.crowd import Share
from bench.peer import Customer, Customers, environment
from domain.customers import AssignOwner
from domain.events import encode
from domain.orders import OrderPlaced, PlaceOrder
from infra.database import connected
from infra.tenant import Tenant, open_tenant

RAW = """
CREATE TABLE IF NOT EXISTS raw (
    position bigserial PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, name text NOT NULL,
    data bytea NOT NULL, UNIQUE (stream, version))
"""
INSERT = "INSERT INTO raw (stream, version, name, data) VALUES ($1, $2, $3, $4)"

Step = Callable[[int], Awaitable[object]]
"""One client's next command; the argument is the client's place in its process."""
Round = Callable[[float], Awaitable[int]]
"""All clients send commands for so many seconds, each one at least; how many they have sent."""

_ids = (f"{os.getpid()}-{number}" for number in itertools.count(1))


async def main() -> None:
    while order := await _line():
        share = msgspec.json.decode(order, type=Share)
        async with WRITERS[share.writer](share) as send:
            await send(0)  # nobody's first command is counted
            print("ready", flush=True)
            await _line()
            began = time.perf_counter()
            done = await send(share.seconds)
            print(done / (time.perf_counter() - began), flush=True)


async def _line() -> bytes:
    return await asyncio.to_thread(sys.stdin.buffer.readline)


def _clients(step: Step, clients: int) -> Round:
    async def send(seconds: float) -> int:
        end = time.perf_counter() + seconds

        async def client(place: int) -> int:
            for done in itertools.count(1):
                await step(place)
                if time.perf_counter() >= end:
                    return done
            raise AssertionError

        return sum(await asyncio.gather(*map(client, range(clients))))

    return send


@asynccontextmanager
async def _known(share: Share) -> AsyncIterator[Round]:
    """One more event to a customer's stream; the condition is its version."""

    def step(tenant: Tenant, customer: str) -> Awaitable[object]:
        id = next(_ids)
        fields = {"customer_id": customer, "owner": f"owner {id}"}
        return tenant.engine.execute(wish(AssignOwner, f"owner-{id}", BEGIN, **fields))

    async with _tenant(share) as tenant:
        yield _clients(lambda place: step(tenant, share.customer(place)), share.clients)


@asynccontextmanager
async def _new(share: Share) -> AsyncIterator[Round]:
    """A new order; the conditions are that it is new, and the version of its customer."""

    def step(tenant: Tenant, customer: str) -> Awaitable[object]:
        id = f"order-{next(_ids)}"
        order = wish(
            PlaceOrder,
            id,
            BEGIN,
            order_id=id,
            customer_id=customer,
            total_minor=1177,
            currency="CNY",
            items=1,
        )
        return tenant.engine.execute(order)

    async with _tenant(share) as tenant:
        yield _clients(lambda place: step(tenant, share.customer(place)), share.clients)


@asynccontextmanager
async def _tenant(share: Share) -> AsyncIterator[Tenant]:
    async with connected(share.dsn) as pool, open_tenant(pool, share.tenant, ()) as tenant:
        yield tenant


@asynccontextmanager
async def _package(share: Share) -> AsyncIterator[Round]:
    """One event a save, each thread to an aggregate of its own."""
    with Customers(env=environment(share.dsn)) as customers, ThreadPoolExecutor(share.clients) as threads:
        held = [Customer(name="客户", region="上海") for _ in range(share.clients)]
        customers.save(*held)

        def client(customer: Customer, end: float) -> int:
            for done in itertools.count(1):
                customer.assign_owner(f"owner {done}")
                customers.save(customer)
                if time.perf_counter() >= end:
                    return done
            raise AssertionError

        def send(seconds: float) -> int:
            end = time.perf_counter() + seconds
            return sum(threads.map(client, held, itertools.repeat(end)))

        yield lambda seconds: asyncio.to_thread(send, seconds)


@asynccontextmanager
async def _inserts(share: Share) -> AsyncIterator[Round]:
    """One insert a transaction, each on a connection of its own."""
    placed = OrderPlaced(order_id="o1-1", customer_id="c1", total_minor=1177, currency="CNY", items=1)
    data = encode(placed)
    pool = await asyncpg.create_pool(share.dsn, min_size=share.clients, max_size=share.clients)
    try:
        await pool.execute(RAW)
        held = [await pool.acquire() for _ in range(share.clients)]
        inserts = [await connection.prepare(INSERT) for connection in held]
        yield _clients(
            lambda place: inserts[place].fetchval(f"order-{next(_ids)}", 1, "OrderPlaced", data),
            share.clients,
        )
    finally:
        pool.terminate()


WRITERS: Mapping[str, Callable[[Share], AbstractAsyncContextManager[Round]]] = {
    "known": _known,
    "new": _new,
    "package": _package,
    "inserts": _inserts,
}

if __name__ == "__main__":
    asyncio.run(main())
