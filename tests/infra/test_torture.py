"""Fifty clients write the same streams at once, processes and connections are killed: nothing is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from domain.events import Recorded
from infra.database import connected
from infra.engine import Engine
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from tests.infra.history import Trail, faults
from tests.infra.processes import Writer, start_writer
from tests.infra.wishes import appended, written
from tests.torture.clients import Clients
from tests.torture.followers import followed
from tests.torture.run import judged, torture
from tests.torture.server import server

OTHERS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
STREAMS = 3
STUCK = 60
"""Seconds after which clients that got no answer will never get one."""


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with connected(database) as pool:
        log = Log(pool, "main")
        await log.create()
        yield log


async def test_fifty_clients_write_the_same_streams_at_once(log: Log) -> None:
    lines: list[str] = []
    commit = GroupCommit(log)
    async with followed(log) as follower, asyncio.timeout(STUCK):
        await Clients(Engine(log, commit), commit, "p", 50, 8, STREAMS, 11, lines.append).write()
        await commit.close()
        trail = await follower.reached(await log.head())
    assert len(lines) > 200
    assert await judged(log, lines, [trail]) == []


async def test_nothing_is_lost_while_processes_and_connections_are_killed(database: str, log: Log) -> None:
    rng = random.Random(12)
    heard = asyncio.Event()
    surgeon = await asyncpg.connect(database)

    def one_more(name: str) -> Awaitable[Writer]:
        return start_writer(
            database, name, clients=14, commands=15, streams=STREAMS, seed=12, heard=heard.set
        )

    async with followed(log) as follower:
        writers = [await one_more(f"w{n}") for n in range(3)]
        for turn in range(12):
            enough = sum(len(writer.told) for writer in writers) + rng.randint(5, 30)
            while sum(len(w.told) for w in writers) < enough and any(w.running for w in writers):
                await heard.wait()
                heard.clear()
            if turn % 4 == 3:
                rng.choice([writer for writer in writers if writer.running] or writers).kill()
                writers.append(await one_more(f"w{len(writers)}"))
            else:
                pids = [row[0] for row in await surgeon.fetch(f"SELECT pid FROM {OTHERS}")]
                for pid in rng.sample(pids, min(3, len(pids))):
                    await surgeon.execute("SELECT pg_terminate_backend($1)", pid)
        codes = [await writer.ended() for writer in writers]
        trail = await follower.reached(await log.head())
    await surgeon.close()
    assert sorted(codes) == [-9] * 3 + [0] * 3
    lines = [line for writer in writers for line in writer.told]
    assert len(lines) > 300
    assert await judged(log, lines, [trail]) == []


async def test_nothing_is_lost_when_postgres_crashes() -> None:
    with server() as postgres:
        async with torture(postgres, seed=3, writers=2) as run:
            assert await run.run(events=3_000, faults=["crash", "cut", "kill_writer", "crash"]) == []
            assert await run.log.head() >= 3_000


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
    assert "again" in found([first, msgspec.structs.replace(second, command_id="a-0")], ids[:1], [1, 2])
    assert "lost" in found(history, [*ids, "a-9"], [1, 2, 3])
    assert "never asked" in found(
        [*history, msgspec.structs.replace(third, position=4, command_id="x")], ids, [1, 2, 3, 4]
    )
    assert "in part" in found(
        [first, msgspec.structs.replace(second, command_id="b*2"), third], ids[:1], [1, 2, 3]
    )
    assert "last seat" in found([msgspec.structs.replace(first, stream="seat-1", command_id="b@3")], [], [1])
    for seen in ([1, 3], [1, 2, 2, 3], [2, 1, 3], [1, 2]):
        assert "follower" in found(history, ids, seen)


async def test_the_oracle_judges_what_clients_and_followers_were_told(log: Log) -> None:
    for version in range(3):
        await appended(log, written("a", version, command_id=f"a-{version}"))
    history, trail = await log.read(), Trail()
    trail.see(history)
    assert await judged(log, ["done 2 a-0 a-1", "done 0 a-2", "refused a-9"], [trail]) == []
    assert "was refused" in "".join(await judged(log, ["refused a-1"], []))
    assert "is at 2" in "".join(await judged(log, ["done 3 a-1"], []))
    assert "apart" in "".join(await judged(log, ["done 3 a-0 a-2"], []))
    skipping, rewritten = Trail(), Trail()
    skipping.see([history[0], history[2]])
    rewritten.see([*history[:2], msgspec.structs.replace(history[2], command_id="a-9")])
    assert await judged(log, [], [skipping]) == ["a follower saw 3 after 1"]
    assert await judged(log, [], [rewritten]) == ["a follower saw another history up to 3"]
