"""Live followers of a torture run: they leave, come back where they were, and keep a trail.

As a process, `python -m tests.torture.followers DSN POSITION SUM` says `POSITION SUM` after each page.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

from infra.database import open_pool
from infra.log.followers import Wakeups, follow
from infra.log.log import Log
from tests.infra.history import Trail
from tests.infra.processes import input_closed
from tests.torture.clients import insist


class Follower:
    """Reads the log live from where its trail ends."""

    def __init__(self, trail: Trail | None = None, heard: Callable[[], None] = lambda: None) -> None:
        self.trail = trail or Trail()
        self._heard = heard
        self._moved = asyncio.Event()

    async def run(self, log: Log, wakeups: Wakeups, pages: int | None = None, page: int = 1_000) -> None:
        """Read so many pages, or for ever."""
        async with aclosing(follow(log, wakeups, self.trail.position, page=page)) as read:
            async for events in read:
                self.trail.see(events)
                self._moved.set()
                self._heard()
                if pages is not None and (pages := pages - 1) <= 0:
                    return

    async def come_and_go(self, log: Log, chance: random.Random) -> None:
        """Follow for some pages, pause, and come back with wake-ups of its own."""
        while True:
            wakeups = Wakeups(log)
            try:
                await self.run(log, wakeups, pages=chance.randint(1, 30), page=chance.choice([7, 100, 5_000]))
            finally:
                await wakeups.close()
            await asyncio.sleep(chance.uniform(0, 1))

    async def reached(self, head: int) -> Trail:
        while self.trail.position < head:
            await self._moved.wait()
            self._moved.clear()
        return self.trail


@asynccontextmanager
async def followed(log: Log) -> AsyncIterator[Follower]:
    """A follower that is there all the time, in pages of a few events."""
    wakeups, follower = Wakeups(log), Follower()
    task = asyncio.create_task(follower.run(log, wakeups, page=13))
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await wakeups.close()


async def main(dsn: str, position: str, sum: str) -> None:
    log = Log(await insist(lambda: open_pool(dsn, size=3)), "main")
    trail = Trail(int(position), int(sum))

    def say() -> None:
        print(trail.position, trail.sum, *trail.faults[:1], flush=True)

    following = asyncio.create_task(Follower(trail, say).run(log, Wakeups(log)))
    await asyncio.wait([following, asyncio.create_task(input_closed())], return_when=asyncio.FIRST_COMPLETED)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
