"""Reading: the whole log, every event decoded to its type."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from bench.business import EVENTS_EACH, fill
from bench.harness import Figure, Peer, Run, rate
from bench.peer import NAME, Customers, environment
from bench.peer import fill as fill_peer
from infra.database import Pool
from infra.log.log import Log
from infra.log.reading import COLUMNS
from infra.tenant import open_tenant

EVENTS, PEER_EVENTS = 80_000, 20_000
PAGE = 5_000
ROWS = f"SELECT {COLUMNS} FROM kehu.events WHERE tenant = $1 AND position > $2 ORDER BY position LIMIT $3"


async def bench(run: Run) -> list[Figure]:
    async with run.kehu() as pool, open_tenant(pool, "bench", ()) as tenant:
        await fill(tenant.engine, run.scale.some(EVENTS, least=EVENTS_EACH) // EVENTS_EACH)
        with Customers(env=environment(await run.database())) as customers:
            await asyncio.to_thread(fill_peer, customers, run.scale.some(PEER_EVENTS, least=50))
            package = Peer(name=NAME, measure=lambda: asyncio.to_thread(_read_peer, customers), target=4)
            rows = Peer(name="plain fetch of the rows", measure=lambda: rate(lambda: _fetch(pool)))
            decoded = partial(rate, partial(_read, tenant.log))
            return await run.compare("read and decode typed events", "events/s", decoded, [package, rows])


async def _read(log: Log) -> int:
    position = 0
    async for events in log.pages():
        position = events[-1].position
    return position


async def _fetch(pool: Pool) -> int:
    """The same columns in the same pages, left as asyncpg hands them over."""
    position = 0
    while rows := await pool.fetch(ROWS, "bench", position, PAGE):
        position = rows[-1]["position"]
    return position


def _read_peer(customers: Customers) -> float:
    began, seen = time.perf_counter(), 0
    while page := customers.recorder.select_notifications(start=seen, limit=PAGE, inclusive_of_start=False):
        for notification in page:
            customers.mapper.to_domain_event(notification)
        seen = page[-1].id
    return seen / (time.perf_counter() - began)
