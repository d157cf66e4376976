"""Commit to visible: how long after its commit an event has reached all views, at a steady rate."""

from __future__ import annotations

import asyncio
import time

from bench.business import BEGIN, register, wish
from bench.harness import Better, Figure, Peer, Run, percentile
from domain.customers import AssignOwner
from infra.engine import Engine
from infra.log.followers import Wakeups
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from infra.views.projector import Projector
from kehu.builtin import NAMES
from projections.view import views

RATE = 1_000
"""Commands a second."""
TICK = 0.005
BOUND = 100.0
"""Milliseconds that the design allows."""
CUSTOMERS = 200


async def bench(run: Run) -> list[Figure]:
    lags: list[float] = []
    async with run.kehu() as pool:
        log = Log(pool, "bench")
        await log.create()
        following = _Following(log)
        await following.begin()
        try:

            async def high() -> float:
                lags[:] = await following.lags(2 * run.scale.seconds)
                return percentile(lags, 0.99)

            async def middle() -> float:
                return percentile(lags, 0.5)

            async def bound() -> float:
                return BOUND

            peer = Peer(name="the bound of the design", measure=bound, target=1)
            what = f"commit to visible in all views, {RATE} commands/s"
            figures = await run.compare(f"{what}, p99", "ms", high, [peer], Better.LESS)
            peer = Peer(name="the bound of the design", measure=bound)
            return figures + await run.compare(f"{what}, p50", "ms", middle, [peer], Better.LESS)
        finally:
            await following.end()


class _Following:
    """A log that is written, and views that follow it, in one process, with a clock at both ends."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._wakeups = Wakeups(log)
        self._commit = GroupCommit(log, self._committed)
        self._engine = Engine(log, self._commit)
        self._projector = Projector(log, [views[name] for name in NAMES])
        self._committed_at: dict[int, float] = {}
        self._lags: list[float] = []
        self._number = 0
        self._reached = asyncio.Event()
        self._last = 0

    async def begin(self) -> None:
        await self._engine.execute_many([register(number) for number in range(CUSTOMERS)])
        await self._projector.prepare()
        await self._projector.catch_up()
        self._task = asyncio.create_task(self._projector.run(self._wakeups, self._seen))

    async def end(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._commit.close()
        await self._wakeups.close()

    def _committed(self, position: int) -> None:
        now = time.perf_counter()
        for each in range(self._last + 1, position + 1):
            self._committed_at[each] = now
        self._last = max(self._last, position)
        self._wakeups.committed(position)

    def _seen(self, position: int) -> None:
        now = time.perf_counter()
        for each in [known for known in self._committed_at if known <= position]:
            self._lags.append(max(now - self._committed_at.pop(each), 0) * 1_000)
        if not self._committed_at:
            self._reached.set()

    async def lags(self, seconds: float) -> list[float]:
        """Send commands at the rate for that long; the milliseconds that each event took."""
        self._lags = []
        began, sent, tasks = time.perf_counter(), 0, []
        while sent < max(RATE * seconds, 1):
            due = int(RATE * (time.perf_counter() - began)) + 1
            tasks += [asyncio.create_task(self._send()) for _ in range(sent, due)]
            sent = due
            await asyncio.sleep(TICK)
        self._reached.clear()
        await asyncio.gather(*tasks)
        if self._committed_at:
            await asyncio.wait_for(self._reached.wait(), 60)
        return self._lags

    async def _send(self) -> None:
        self._number += 1
        number = self._number
        fields = {"customer_id": f"c{number % CUSTOMERS}", "owner": f"owner {number}"}
        await self._engine.execute(wish(AssignOwner, f"w-{number}", BEGIN, **fields))
