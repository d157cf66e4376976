"""The head row: what it costs that several processes append to one tenant, and not to one each."""

from __future__ import annotations

from bench.appending import CLIENTS, prepare
from bench.crowd import Crowd, Share, crowd
from bench.harness import Figure, Measure, Peer, Run

PROCESSES = (2, 4)
TENANTS = ("bench", "bench-2", "bench-3", "bench-4")


async def bench(run: Run) -> list[Figure]:
    figures: list[Figure] = []
    dsn = await run.database()
    await prepare(run, dsn, *TENANTS)
    async with crowd(max(PROCESSES)) as clients:
        for processes in PROCESSES:
            for where, tenants in (("on one tenant", TENANTS[:1]), ("on one tenant each", TENANTS)):
                what = f"append, {CLIENTS} clients in {processes} processes, {where}"
                alone = Peer(name="in 1 process", measure=_spread(run, clients, dsn, 1, TENANTS))
                spread = _spread(run, clients, dsn, processes, tenants)
                figures += await run.compare(what, "events/s", spread, [alone])
    return figures


def _spread(run: Run, clients: Crowd, dsn: str, processes: int, tenants: tuple[str, ...]) -> Measure:
    each = CLIENTS // processes
    shares = [
        Share(
            writer="known",
            dsn=dsn,
            clients=each,
            seconds=run.scale.seconds,
            tenant=tenants[number % len(tenants)],
            first=number * each,
        )
        for number in range(processes)
    ]
    return lambda: clients.rate(shares)
