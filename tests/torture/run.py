"""A torture run: many writers and followers, and a surgeon who kills, cuts and crashes as his seed says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import asyncpg

from infra.database import Pool, connected
from infra.log.log import Log
from tests.infra.history import Oracle, Trail
from tests.infra.processes import Process, Writer, start, start_writer
from tests.infra.wishes import written
from tests.torture.clients import insist, told
from tests.torture.followers import Follower
from tests.torture.server import Server

OTHERS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
CLIENTS, STREAMS, ENDLESS = 32, 5, 10**9
FAULTS = {"kill_writer": 3, "cut": 6, "crash": 1, "hold": 3, "kill_far": 2}
"""What the surgeon can do, and how often he does it beside the others."""
LIVE = 3
"""Followers in this process."""


Progress = Callable[[int, str], None]


def quietly(head: int, doing: str) -> None:
    """Nobody looks."""


def schedule(seed: int, count: int) -> list[str]:
    """Which faults a seed stands for, in their order."""
    return random.Random(f"{seed}-schedule").choices([*FAULTS], [*FAULTS.values()], k=count)


class Torture:
    """Everything that runs, and who hurts it."""

    def __init__(self, server: Server, pool: Pool, seed: int, writers: int) -> None:
        self.log = Log(pool, "main")
        self.writers: list[Writer] = []
        self._server, self._seed, self._count = server, seed, writers
        self._chance = random.Random(f"{seed}-faults")
        self._far: Trail = Trail()
        self._far_moved = asyncio.Event()
        self._far_process: Process
        self._live = [Follower() for _ in range(LIVE)]
        self._foreign: AsyncExitStack = AsyncExitStack()

    async def run(self, events: int, faults: Sequence[str], progress: Progress = quietly) -> list[str]:
        """Write at least so many events, do these faults meanwhile: what the oracle finds."""
        following = [
            asyncio.create_task(follower.come_and_go(self.log, random.Random(f"{self._seed}-{number}")))
            for number, follower in enumerate(self._live)
        ]
        await self._start_far()
        for _ in range(self._count):
            await self._start_writer()
        for number, fault in enumerate(faults, start=1):
            await self._written(events * number // (len(faults) + 1), progress)
            await getattr(self, f"_{fault}")()
        await self._written(events, progress)
        await self._end_writers()
        head = await insist(self.log.head)
        progress(head, "waiting for followers")
        trails = [await follower.reached(head) for follower in self._live] + [await self._far_reached(head)]
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        progress(head, "asking the oracle")
        return await self._judged(trails)

    async def _written(self, events: int, progress: Progress) -> None:
        while (head := await insist(self.log.head)) < events:
            progress(head, "writing")
            if dead := [writer for writer in self.writers[-self._count :] if not writer.running]:
                raise RuntimeError(f"{len(dead)} writers ended by themselves")
            await asyncio.sleep(0.05)

    async def _start_writer(self) -> None:
        name = f"w{len(self.writers)}"
        self.writers.append(
            await start_writer(
                self._server.dsn, name, clients=CLIENTS, commands=ENDLESS, streams=STREAMS, seed=self._seed
            )
        )

    async def _kill_writer(self) -> None:
        """`kill -9`; another one takes its place, with commands of its own."""
        victim = self.writers.pop(self._chance.randrange(-self._count, 0))
        self.writers.insert(0, victim)
        victim.kill()
        await self._start_writer()

    async def _cut(self) -> None:
        """Terminate some of the server's sessions, the followers' and our own among them."""
        surgeon = await insist(lambda: asyncpg.connect(self._server.dsn))
        pids = sorted(row[0] for row in await surgeon.fetch(f"SELECT pid FROM {OTHERS}"))
        for pid in self._chance.sample(pids, len(pids) // 2):
            await surgeon.execute("SELECT pg_terminate_backend($1)", pid)
        await surgeon.close()

    async def _crash(self) -> None:
        await self._server.crash()

    async def _hold(self) -> None:
        """A transaction elsewhere in the same tables, with a snapshot, stays open until the next one."""
        await _ended(self._foreign)
        self._foreign = AsyncExitStack()
        connection = await insist(lambda: asyncpg.connect(self._server.dsn))
        self._foreign.push_async_callback(connection.close, timeout=5)
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await connection.fetchval("SELECT count(*) FROM kehu.heads")
        await Log(connection, "foreign").append([written("held", 0)])  # type: ignore[arg-type] # as a pool

    async def _start_far(self) -> None:
        self._far_process = await start(
            "tests.torture.followers", self._server.dsn, self._far.position, self._far.sum, heard=self._heard
        )

    def _heard(self, line: str) -> None:
        match line.split(maxsplit=2):
            case [position, sum, *faults]:
                self._far.position, self._far.sum = int(position), int(sum)
                self._far.faults += faults
        self._far_moved.set()

    async def _kill_far(self) -> None:
        """The follower in another process comes back where it was heard last."""
        self._far_process.kill()
        await self._far_process.ended()
        await self._start_far()

    async def _far_reached(self, head: int) -> Trail:
        while self._far.position < head and self._far_process.running:
            await self._far_moved.wait()
            self._far_moved.clear()
        self._far_process.tell_to_end()
        await self._far_process.ended()
        return self._far

    async def _end_writers(self) -> None:
        await _ended(self._foreign)
        for writer in self.writers:
            writer.process.tell_to_end()
        for writer in self.writers:
            await writer.ended()

    async def _judged(self, trails: list[Trail]) -> list[str]:
        lines = [line for writer in self.writers for line in writer.told]
        return await insist(lambda: judged(self.log, lines, trails))


async def judged(log: Log, lines: Sequence[str], trails: Sequence[Trail]) -> list[str]:
    """What the oracle finds wrong with a log, which it reads in pages, and with what was told of it."""
    oracle = Oracle()
    while page := await log.read(oracle.trail.position):
        oracle.see(page)
    told(oracle, lines)
    for trail in trails:
        oracle.followed(trail)
    return oracle.verdict


async def _ended(foreign: AsyncExitStack) -> None:
    """Ended it is in any case: a crash may have been faster."""
    with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        await foreign.aclose()


@asynccontextmanager
async def torture(server: Server, seed: int, writers: int) -> AsyncIterator[Torture]:
    """A run on a fresh server, ready to begin."""
    async with connected(server.dsn) as pool:
        for tenant in ("main", "foreign"):
            await Log(pool, tenant).create()
        made = Torture(server, pool, seed, writers)
        try:
            yield made
        finally:
            for writer in made.writers:
                writer.kill()
