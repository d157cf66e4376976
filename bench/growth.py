"""Growth: what a log of ten million events costs more than one of ten thousand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial

from bench.appending import CLIENTS
from bench.business import BEGIN
from bench.crowd import Crowd, Share, crowd
from bench.harness import Better, Figure, Measure, Peer, Run, percentile
from domain.customers import CUSTOMERS, CustomerRegistered, OwnerAssigned
from domain.events import encode
from infra.log.followers import follow
from infra.tenant import Tenant, open_tenant

BIG, SMALL = 10_000_000, 10_000
EACH = 10
"""Events of one customer: the registration, and nine that give an owner."""
AT_ONCE = 10_000
"""Customers whose events are mixed, before the next ones come."""
CHUNK = 250_000
"""Events in one statement."""
STREAM = CUSTOMERS.stream("c#")
PAGE = 100
SAMPLES = 20
"""Reads at least."""
MAY_GROW = 1.2

EVENTS = f"""
INSERT INTO kehu.events (tenant, position, stream, version, name, schema, recorded_at, occurred_at,
                         customer_id, command_id, actor, source, data)
SELECT 'bench', p, replace($3, '#', c::text), v, CASE v WHEN 1 THEN $4 ELSE $5 END, 1,
       $6::timestamptz + p * interval '1 microsecond', $6, 'c' || c, 'filled-' || p, 'bench', 'simulated',
       convert_to(replace(CASE v WHEN 1 THEN $7 ELSE $8 END, '#', c::text), 'UTF8')
  FROM (SELECT p, (p - 1) / ($9::bigint * {EACH}) * $9 + (p - 1) % $9 AS c,
               ((p - 1) / $9 % {EACH} + 1)::integer AS v
          FROM generate_series($1::bigint, $2) AS p) e
"""
COMMANDS = """
INSERT INTO kehu.commands (tenant, command_id, fingerprint, stream, version, position, events, recorded_at)
SELECT tenant, command_id, decode(md5(command_id), 'hex'), stream, version, position, 1, recorded_at
  FROM kehu.events WHERE tenant = 'bench' AND position BETWEEN $1 AND $2
"""
STREAMS = """
INSERT INTO kehu.streams (tenant, stream, version)
SELECT 'bench', replace($1, '#', c::text), $2 FROM generate_series(0, $3::bigint - 1) AS c
"""
HEAD = """
UPDATE kehu.heads
   SET position = $1::bigint, recorded_at = $2::timestamptz + $1::bigint * interval '1 microsecond'
"""

Ask = Callable[[int], Awaitable[object]]
"""One question, by its number."""


async def bench(run: Run) -> list[Figure]:
    async with AsyncExitStack() as stack:
        clients = await stack.enter_async_context(crowd(1))
        sizes = (SMALL, run.scale.some(BIG, least=SMALL))
        small, big = [await stack.enter_async_context(grown(run, events)) for events in sizes]
        figures: list[Figure] = []
        for what, ask in (
            (f"read a stream of {EACH} events, median", Grown.read_stream),
            (f"follow from {PAGE} events before the end, first page, median", Grown.begin_to_follow),
        ):
            ours, theirs = (_median(run, partial(ask, log)) for log in (big, small))
            peer = Peer(name=small.name, measure=theirs, target=MAY_GROW)
            figures += await run.compare(f"{big.name}: {what}", "ms", ours, [peer], Better.LESS)
        ours, theirs = (partial(log.append, run, clients) for log in (big, small))
        peer = Peer(name=small.name, measure=theirs, target=1 / MAY_GROW)
        what = f"{big.name}: append, {CLIENTS} clients, known streams"
        return figures + await run.compare(what, "events/s", ours, [peer])


class Grown:
    """A log with many events, made by the server: what commands would leave, in a fraction of the time."""

    def __init__(self, dsn: str, tenant: Tenant, events: int) -> None:
        self.dsn, self.tenant = dsn, tenant
        self.events, self._customers = events, events // EACH

    @property
    def name(self) -> str:
        return f"a log of {self.events:,} events"

    async def fill(self) -> None:
        pool, begins = self.tenant.pool, range(1, self.events + 1, CHUNK)
        half = len(begins) // 2
        await pool.execute("SELECT kehu.make_room(1, $1)", self.events)
        await asyncio.gather(self._fill(begins[:half]), self._fill(begins[half:]))
        await pool.execute(STREAMS, STREAM, EACH, self._customers)
        await pool.execute(HEAD, self.events, BEGIN)
        await pool.execute("VACUUM ANALYZE")
        await pool.execute("CHECKPOINT")

    async def _fill(self, begins: Sequence[int]) -> None:
        first, later = CustomerRegistered(customer_id="c#"), OwnerAssigned(customer_id="c#", owner="owner")
        stored = (first.TOPIC, later.TOPIC, BEGIN, encode(first).decode(), encode(later).decode())
        for begin in begins:
            end = min(begin + CHUNK - 1, self.events)
            await self.tenant.pool.execute(EVENTS, begin, end, STREAM, *stored, min(self._customers, AT_ONCE))
            await self.tenant.pool.execute(COMMANDS, begin, end)

    async def read_stream(self, number: int) -> None:
        customer = number * 7919 % self._customers
        events = await self.tenant.log.read_stream(CUSTOMERS.stream(f"c{customer}"))
        assert len(events) == EACH

    async def begin_to_follow(self, number: int) -> None:
        pages = follow(self.tenant.log, self.tenant.wakeups, self.events - PAGE, page=PAGE)
        async with aclosing(pages):
            assert len([*await anext(pages)]) == PAGE

    async def append(self, run: Run, clients: Crowd) -> float:
        """Events a second, to streams that lie all over the log."""
        apart = self._customers // CLIENTS
        share = Share(writer="known", dsn=self.dsn, clients=CLIENTS, seconds=run.scale.seconds, apart=apart)
        return await clients.rate([share])


@asynccontextmanager
async def grown(run: Run, events: int) -> AsyncIterator[Grown]:
    dsn = await run.database()
    run.told(f"filling a log with {events:,} events")
    async with run.kehu(dsn) as pool, open_tenant(pool, "bench", ()) as tenant:
        log = Grown(dsn, tenant, events)
        await log.fill()
        yield log


def _median(run: Run, ask: Ask) -> Measure:
    async def measure() -> float:
        took: list[float] = []
        end = time.perf_counter() + run.scale.seconds
        while len(took) < SAMPLES or time.perf_counter() < end:
            began = time.perf_counter()
            await ask(len(took))
            took.append(time.perf_counter() - began)
        return percentile(took, 0.5) * 1_000

    return measure
