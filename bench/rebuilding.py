"""Rebuilding: views made anew from the whole log with every past version, by one process and by two."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import asyncpg
from eventsourcing.projection import ProjectionRunner

from bench.business import EVENTS_EACH, fill
from bench.crowd import Crowd, crowd
from bench.follower import Order
from bench.growth import BIG, SMALL, grown
from bench.harness import Better, Figure, Measure, Peer, Run, single
from bench.peer import Customers, Owners, OwnersProjection, environment
from bench.peer import fill as fill_peer
from infra.log.log import Log
from infra.tenant import open_tenant
from infra.views.projector import Projector
from kehu.builtin import NAMES
from projections.view import Declaration, views

EVENTS, PEER_EVENTS = 80_000, 1_000
MIDDLE = 1_000_000
FOLLOWER = (sys.executable, "-m", "bench.follower")


async def bench(run: Run) -> list[Figure]:
    figures: list[Figure] = []
    peer_dsn, peer_events = await run.database(), run.scale.some(PEER_EVENTS, least=50)
    env = environment(peer_dsn)
    with Customers(env=env) as customers:
        await asyncio.to_thread(fill_peer, customers, peer_events)

    async def runner() -> float:
        return await _runner(peer_dsn, env, peer_events)

    dsn = await run.database()
    async with run.kehu(dsn) as pool, open_tenant(pool, "bench", ()) as tenant, crowd(2, *FOLLOWER) as both:
        await fill(tenant.engine, run.scale.some(EVENTS, least=EVENTS_EACH) // EVENTS_EACH)
        declared = {name: views[name] for name in NAMES}
        for what, chosen, target in (
            ("rebuild one view (orders)", [declared["orders"]], 100),
            ("rebuild one view (timeline)", [declared["timeline"]], 100),
            (f"rebuild all {len(NAMES)} views together", list(declared.values()), None),
        ):
            peer = Peer(name="ProjectionRunner, one view", measure=runner, target=target)
            figures += await run.compare(what, "events/s", _rebuild(tenant.log, chosen), [peer])
        for name in ("orders", "timeline"):
            ours, theirs = (partial(_shared, both, dsn, tenant.log, name, n) for n in (2, 1))
            peer = Peer(name="1 process", measure=theirs)
            what = f"rebuild one view ({name}), 2 processes"
            figures += await run.compare(what, "events/s", ours, [peer])
    return figures + await _growth(run)


async def _shared(followers: Crowd, dsn: str, log: Log, view: str, processes: int) -> float:
    """Events a second of processes that begin together, each with its own connections."""
    return (await _brought_up(followers, dsn, log, view, processes))[0]


async def _brought_up(followers: Crowd, dsn: str, log: Log, view: str, processes: int) -> tuple[float, float]:
    """Events a second, and the most memory of one of the processes in MB."""
    await Projector(log, [views[view]]).rebuild()
    answers = await followers.answers([Order(dsn=dsn, views=(view,))] * processes)
    seconds, peaks = zip(*(map(float, answer.split()) for answer in answers), strict=True)
    return await log.head() / max(seconds), max(peaks)


async def _growth(run: Run) -> list[Figure]:
    """Logs that are a hundred and a thousand times as long: as fast an event, in as much memory."""
    figures: list[Figure] = []
    async with AsyncExitStack() as stack:
        sizes = sorted({run.scale.some(size, least=SMALL) for size in (SMALL, MIDDLE, BIG)})
        logs = [await stack.enter_async_context(grown(run, events)) for events in sizes]
        found: dict[str, tuple[float, float]] = {}
        for log in logs:
            run.told(f"rebuilding customers from {log.name}")
            async with crowd(1, *FOLLOWER) as one:
                found[log.name] = await _brought_up(one, log.dsn, log.tenant.log, "customers", 1)
        base, *more = found.items()
        for name, (speed, peak) in more or [base]:
            figures += [
                single(f"rebuild one view (customers), {name}", "events/s", speed, base[0], base[1][0], 0.8),
                single(f"{name}: most memory", "MB", peak, base[0], base[1][1], 2, Better.LESS),
            ]
    return figures


def _rebuild(log: Log, declarations: Sequence[Declaration]) -> Measure:
    async def measure() -> float:
        projector = Projector(log, declarations)
        await projector.rebuild()
        began = time.perf_counter()
        head = await projector.catch_up()
        return head / (time.perf_counter() - began)

    return measure


async def _runner(dsn: str, env: Mapping[str, str], events: int) -> float:
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP TABLE IF EXISTS owners, ownersprojection_tracking")
    await connection.close()
    return await asyncio.to_thread(_run_to, env, events)


def _run_to(env: Mapping[str, str], events: int) -> float:
    began = time.perf_counter()
    with ProjectionRunner(
        application_class=Customers, projection_class=OwnersProjection, view_class=Owners, env=env
    ) as runner:
        runner.wait(events, timeout=600)
        return events / (time.perf_counter() - began)
