"""Append: clients that each wait for their command, one event a command, conditions checked."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import asyncpg

from bench.business import BEGIN, buy, register, wish
from bench.harness import Figure, Measure, Peer, Run
from bench.peer import NAME, Customer, Customers, environment
from domain.customers import AssignOwner
from domain.events import encode
from domain.orders import OrderPlaced, PlaceOrder
from infra.tenant import Tenant, open_tenant

CLIENTS = ((1, 1, 1), (16, 8, 8), (64, 32, 32))
"""Kehu's clients, the package's threads, the connections of plain inserts."""
RAW = """
CREATE TABLE raw (
    position bigserial PRIMARY KEY, stream text NOT NULL, version integer NOT NULL, name text NOT NULL,
    data bytea NOT NULL, UNIQUE (stream, version))
"""
INSERT = "INSERT INTO raw (stream, version, name, data) VALUES ($1, $2, $3, $4)"

_numbers = itertools.count(1)

Step = Callable[[int], Awaitable[object]]
"""One client's next command; the argument is the client's number."""


async def bench(run: Run) -> list[Figure]:
    figures: list[Figure] = []
    async with run.kehu() as pool, open_tenant(pool, "bench", ()) as tenant:
        for number in range(max(clients for clients, _, _ in CLIENTS)):
            await tenant.engine.execute(register(number))
        with Customers(env=environment(await run.database())) as customers:
            raw = await run.database()
            for clients, threads, connections in CLIENTS:
                wanted = clients > 1
                package = Peer(
                    name=f"{NAME}, {threads} thread{'s' * (threads > 1)}",
                    measure=_package(run, customers, threads),
                    target=20 if wanted else None,
                )
                inserts = Peer(
                    name=f"plain inserts, {connections} connection{'s' * (connections > 1)}",
                    measure=_inserts(run, raw, connections),
                    target=1.5 if wanted else None,
                )
                for streams, step in (("known", _owners(tenant)), ("new", _orders(tenant))):
                    what = f"append, {clients} client{'s' * (clients > 1)}, {streams} streams"
                    kehu = _clients(run, step, clients)
                    figures += await run.compare(what, "events/s", kehu, [package, inserts])
    return figures


def _clients(run: Run, step: Step, clients: int) -> Measure:
    async def measure() -> float:
        end = time.perf_counter() + run.scale.seconds

        async def client(number: int) -> int:
            for done in itertools.count(1):
                await step(number)
                if time.perf_counter() > end:
                    return done
            raise AssertionError

        began = time.perf_counter()
        done = sum(await asyncio.gather(*map(client, range(clients))))
        return done / (time.perf_counter() - began)

    return measure


def _owners(tenant: Tenant) -> Step:
    """One more event to a customer's stream; the condition is its version."""

    async def step(client: int) -> None:
        number = next(_numbers)
        fields = {"customer_id": f"c{client}", "owner": f"owner {number}"}
        await tenant.engine.execute(wish(AssignOwner, f"owner-{number}", BEGIN, **fields))

    return step


def _orders(tenant: Tenant) -> Step:
    """A new order; the conditions are that it is new, and the version of its customer."""

    async def step(client: int) -> None:
        order_id = f"order-{next(_numbers)}"
        fields = {"customer_id": f"c{client}", "total_minor": 1177, "currency": "CNY", "items": 1}
        await tenant.engine.execute(wish(PlaceOrder, order_id, BEGIN, order_id=order_id, **fields))

    return step


def _package(run: Run, customers: Customers, threads: int) -> Measure:
    def client(end: float) -> int:
        customer = Customer(name="客户", region="上海")
        for done in itertools.count():
            if done and time.perf_counter() > end:
                return done
            customer.assign_owner(f"owner {done}")
            customers.save(customer)
        raise AssertionError

    def measure_in_threads() -> float:
        began = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            done = sum(pool.map(client, [began + run.scale.seconds] * threads))
        return done / (time.perf_counter() - began)

    return lambda: asyncio.to_thread(measure_in_threads)


def _inserts(run: Run, dsn: str, connections: int) -> Measure:
    bought = buy(1, 1)
    data = encode(
        OrderPlaced(
            order_id=bought.order_id,
            customer_id=bought.customer_id,
            total_minor=1177,
            currency="CNY",
            items=1,
        )
    )

    async def measure() -> float:
        pool = await asyncpg.create_pool(dsn, min_size=connections, max_size=connections)
        try:
            await pool.execute(RAW.replace("TABLE", "TABLE IF NOT EXISTS"))
            held = [await pool.acquire() for _ in range(connections)]
            inserts = [await connection.prepare(INSERT) for connection in held]

            async def step(client: int) -> None:
                await inserts[client].fetchval(f"order-{next(_numbers)}", 1, "OrderPlaced", data)

            return await _clients(run, step, connections)()
        finally:
            pool.terminate()

    return measure
