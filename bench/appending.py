"""Append: clients that each wait for their command, one event a command, conditions checked."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

import msgspec

from bench.business import register
from bench.crowd import Crowd, Share, crowd
from bench.harness import Figure, Measure, Peer, Run
from bench.peer import NAME
from infra.tenant import open_tenant

CLIENTS = 64
PROCESSES = 2
ROWS = (
    ("known", 1, 1),
    ("known", 16, 1),
    ("known", 64, 1),
    ("new", 64, 1),
    ("known", 16, 2),
    ("known", 64, 2),
    ("new", 64, 2),
)
"""Which streams, how many clients, in how many processes."""


async def bench(run: Run) -> list[Figure]:
    figures: list[Figure] = []
    kehu, package, raw, emmett = [await run.database() for _ in range(4)]
    await prepare(run, kehu)
    async with AsyncExitStack() as stack:
        clients = await stack.enter_async_context(crowd(PROCESSES))
        node = await stack.enter_async_context(crowd(PROCESSES, *run.emmett)) if run.emmett else None
        for streams, number, processes in ROWS:
            share = Share(writer=streams, dsn=kehu, clients=number, seconds=run.scale.seconds)
            split = partial(_split, processes, share)
            saves, inserts = split(clients, "package", package), split(clients, "inserts", raw)
            peers = [
                Peer(name=NAME, measure=saves, target=20 if number > 1 else None),
                Peer(name="plain inserts", measure=inserts, target=1.5 if number > 1 else None),
            ]
            if node is not None:
                peers.append(Peer(name="Emmett", measure=split(node, "emmett", emmett)))
            where = f"{number} client{'s' * (number > 1)} in {processes} process{'es' * (processes > 1)}"
            what = f"append, {where}, {streams} streams"
            figures += await run.compare(what, "events/s", split(clients, streams, kehu), peers)
    return figures


def _split(processes: int, share: Share, among: Crowd, writer: str, dsn: str) -> Measure:
    share = msgspec.structs.replace(share, writer=writer, dsn=dsn)
    return lambda: among.split(share, processes)


async def prepare(run: Run, dsn: str, *tenants: str) -> None:
    """A log, for each tenant one, with a customer for each client."""
    async with run.kehu(dsn) as pool:
        for name in tenants or ("bench",):
            async with open_tenant(pool, name, ()) as tenant:
                await tenant.engine.execute_many([register(number) for number in range(CLIENTS)])
