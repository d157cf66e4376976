"""Batches: a thousand events in one transaction, through commands, as a package's save, in plain SQL."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

from bench.business import BEGIN, register, wish
from bench.client import RAW
from bench.crowd import Share, crowd
from bench.harness import Figure, Measure, Peer, Run
from bench.peer import NAME, Customer, Customers, environment
from domain.customers import AssignOwner, OwnerAssigned
from domain.events import encode
from infra.database import Pool
from infra.tenant import Tenant, open_tenant

EVENTS = 1_000
"""In one transaction."""
UNNEST = """
INSERT INTO raw (stream, version, name, data)
SELECT $1, version, 'OwnerAssigned', data FROM unnest($2::integer[], $3::bytea[]) AS e (version, data)
"""

Batch = Callable[[], Awaitable[object]]
"""Appends `EVENTS` events."""

_numbers = itertools.count(1)


async def bench(run: Run) -> list[Figure]:
    dsn, package = await run.database(), await run.database()
    async with run.kehu(dsn) as pool, open_tenant(pool, "bench", ()) as tenant:
        await tenant.engine.execute(register(1))
        await pool.execute(RAW)
        with Customers(env=environment(package)) as customers:
            saves = Peer(name=f"{NAME}, one save", measure=_rate(run, _save(customers)))
            rows = Peer(name="plain insert of arrays", measure=_rate(run, _unnest(pool)))
            peers = [saves, rows]
            async with crowd(1 if run.emmett else 0, *run.emmett) as node:
                if run.emmett:
                    share = Share(
                        writer="emmett",
                        dsn=await run.database(),
                        clients=1,
                        seconds=run.scale.seconds,
                        events=EVENTS,
                    )
                    peers.append(Peer(name="Emmett, one append", measure=lambda: node.rate([share])))
                commands = _rate(run, _commands(tenant))
                return await run.compare(
                    f"append {EVENTS:,} commands in one unit", "events/s", commands, peers
                )


def _rate(run: Run, append: Batch) -> Measure:
    async def measure() -> float:
        await append()
        began = time.perf_counter()
        for done in itertools.count(1):
            await append()
            if (took := time.perf_counter() - began) >= run.scale.seconds:
                return done * EVENTS / took
        raise AssertionError

    return measure


def _commands(tenant: Tenant) -> Batch:
    async def append() -> None:
        owners = [f"owner-{next(_numbers)}" for _ in range(EVENTS)]
        await tenant.engine.execute_many(
            [wish(AssignOwner, owner, BEGIN, customer_id="c1", owner=owner) for owner in owners]
        )

    return append


def _save(customers: Customers) -> Batch:
    customer = Customer(name="客户", region="上海")

    def save() -> None:
        for _ in range(EVENTS):
            customer.assign_owner(f"owner {next(_numbers)}")
        customers.save(customer)

    return lambda: asyncio.to_thread(save)


def _unnest(pool: Pool) -> Batch:
    data = [encode(OwnerAssigned(customer_id="c1", owner=f"owner {number}")) for number in range(EVENTS)]
    versions = list(range(1, EVENTS + 1))
    return lambda: pool.execute(UNNEST, f"batch-{next(_numbers)}", versions, data)
