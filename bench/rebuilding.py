"""Rebuilding: views made anew from the whole log with every past version, by one process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import asyncpg
from eventsourcing.projection import ProjectionRunner

from bench.business import EVENTS_EACH, fill
from bench.harness import Figure, Measure, Peer, Run
from bench.peer import Customers, Owners, OwnersProjection, environment
from bench.peer import fill as fill_peer
from infra.log.log import Log
from infra.tenant import open_tenant
from infra.views.projector import Projector
from kehu.builtin import NAMES
from projections.view import Declaration, views

EVENTS, PEER_EVENTS = 80_000, 1_000


async def bench(run: Run) -> list[Figure]:
    figures: list[Figure] = []
    peer_dsn, peer_events = await run.database(), run.scale.some(PEER_EVENTS, least=50)
    env = environment(peer_dsn)
    with Customers(env=env) as customers:
        await asyncio.to_thread(fill_peer, customers, peer_events)

    async def runner() -> float:
        return await _runner(peer_dsn, env, peer_events)

    async with run.kehu() as pool, open_tenant(pool, "bench", ()) as tenant:
        await fill(tenant.engine, run.scale.some(EVENTS, least=EVENTS_EACH) // EVENTS_EACH)
        declared = {name: views[name] for name in NAMES}
        for what, chosen, target in (
            ("rebuild one view (orders)", [declared["orders"]], 100),
            ("rebuild one view (timeline)", [declared["timeline"]], 100),
            (f"rebuild all {len(NAMES)} views together", list(declared.values()), None),
        ):
            peer = Peer(name="ProjectionRunner, one view", measure=runner, target=target)
            figures += await run.compare(what, "events/s", _rebuild(tenant.log, chosen), [peer])
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
