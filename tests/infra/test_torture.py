"""Fifty clients write the same streams at once, processes and connections are killed: nothing is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

import asyncpg
import msgspec
import pytest

from domain.events import Recorded
from infra.database import connected
from infra.engine import Engine
from infra.log.followers import Wakeups, follow
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from tests.infra.history import faults
from tests.infra.processes import start_writer
from tests.infra.wishes import appended, written
from tests.infra.writer import write

OTHERS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
STREAMS = 3


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with connected(database) as pool:
        log = Log(pool, "main")
        await log.create()
        yield log


class Follower:
    """Reads the log live from its beginning and notes the positions."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self._moved = asyncio.Event()

    async def run(self, log: Log, wakeups: Wakeups) -> None:
        async with aclosing(follow(log, wakeups, page=13)) as pages:
            async for events in pages:
                self.seen += [event.position for event in events]
                self._moved.set()

    async def reached(self, head: int) -> list[int]:
        while not self.seen or self.seen[-1] < head:
            await self._moved.wait()
            self._moved.clear()
        return self.seen


@asynccontextmanager
async def followed(log: Log) -> AsyncIterator[Follower]:
    wakeups, follower = Wakeups(log), Follower()
    task = asyncio.create_task(follower.run(log, wakeups))
    try:
        yield follower
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await wakeups.close()


async def test_fifty_clients_write_the_same_streams_at_once(log: Log) -> None:
    acknowledged: list[str] = []
    commit = GroupCommit(log)
    async with followed(log) as follower:
        engine = Engine(log, commit)
        await write(engine, "p", 50, 20, STREAMS, 11, acknowledged.append)
        await commit.close()
        seen = await follower.reached(await log.head())
    assert len(acknowledged) > 500
    assert faults(await log.read(), acknowledged, seen, acknowledged) == []


async def test_nothing_is_lost_while_processes_and_connections_are_killed(database: str, log: Log) -> None:
    rng = random.Random(12)
    heard = asyncio.Event()
    surgeon = await asyncpg.connect(database)
    async with followed(log) as follower:
        started = [
            start_writer(
                database, f"w{n}", clients=17, commands=20, streams=STREAMS, seed=12, heard=heard.set
            )
            for n in range(3)
        ]
        writers = [await start for start in started]
        for turn in range(12):
            enough = sum(len(writer.acknowledged) for writer in writers) + rng.randint(5, 30)
            while sum(len(w.acknowledged) for w in writers) < enough and any(w.running for w in writers):
                await heard.wait()
                heard.clear()
            if turn % 4 == 3:
                victim = rng.choice([writer for writer in writers if writer.running] or writers)
                victim.kill()
                name = f"w{len(writers)}"
                writers.append(
                    await start_writer(
                        database, name, clients=17, commands=20, streams=STREAMS, seed=12, heard=heard.set
                    )
                )
            else:
                pids = [row[0] for row in await surgeon.fetch(f"SELECT pid FROM {OTHERS}")]
                for pid in rng.sample(pids, min(3, len(pids))):
                    await surgeon.execute("SELECT pg_terminate_backend($1)", pid)
        codes = [await writer.ended() for writer in writers]
        seen = await follower.reached(await log.head())
    await surgeon.close()
    assert sorted(codes) == [-9] * 3 + [0] * 3
    acknowledged = [id for writer in writers for id in writer.acknowledged]
    assert len(acknowledged) > 300
    assert faults(await log.read(), acknowledged, seen) == []


async def test_the_oracle_can_complain(log: Log) -> None:
    for version in range(3):
        await appended(log, written("a", version, command_id=f"a-{version}"))
    history = await log.read()
    ids = [event.command_id for event in history]
    first, second, third = history

    def found(events: Sequence[Recorded[Any]], acknowledged: list[str], followed: list[int]) -> str:
        return "; ".join(faults(events, acknowledged, followed, ids))

    assert found(history, ids, [1, 2, 3]) == ""
    assert "positions" in found([first, third], ids[::2], [1, 3])
    assert "positions" in found([second, first, third], ids, [1, 2, 3])
    assert "recorded_at" in found(
        [first, msgspec.structs.replace(second, recorded_at=first.recorded_at), third], ids, [1, 2, 3]
    )
    assert "version" in found([first, msgspec.structs.replace(second, version=3), third], ids, [1, 2, 3])
    assert "2 times" in found([first, msgspec.structs.replace(second, command_id="a-0")], ids[:1], [1, 2])
    assert "lost" in found(history, [*ids, "a-9"], [1, 2, 3])
    assert "never asked" in found(
        [*history, msgspec.structs.replace(third, position=4, command_id="x")], ids, [1, 2, 3, 4]
    )
    for seen in ([1, 3], [1, 2, 2, 3], [2, 1, 3], [1, 2]):
        assert "follower" in found(history, ids, seen)
