"""A follower that reads live sees every position once, in order, whoever writes and whatever breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import asyncpg
import pytest

from infra.database import connected
from infra.log import followers
from infra.log.followers import Wakeups, follow
from infra.log.group_commit import GroupCommit
from infra.log.log import Log
from tests.infra.processes import start_writer
from tests.infra.wishes import written

LISTENING = "pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


@pytest.fixture
async def log(database: str) -> AsyncIterator[Log]:
    async with connected(database) as pool:
        log = Log(pool, "main")
        await log.create()
        yield log


@asynccontextmanager
async def woken(log: Log) -> AsyncIterator[Wakeups]:
    wakeups = Wakeups(log)
    try:
        yield wakeups
    finally:
        await wakeups.close()


@asynccontextmanager
async def writing(database: str) -> AsyncIterator[GroupCommit]:
    """A write path on a pool of its own, as another process would have it."""
    async with connected(database, size=3) as pool:
        log = Log(pool, "main")
        async with woken(log) as wakeups:
            commit = GroupCommit(log, wakeups.committed)
            try:
                yield commit
            finally:
                await commit.close()


async def positions(log: Log, wakeups: Wakeups, until: int, *, after: int = 0, page: int = 7) -> list[int]:
    """What a follower sees until it has come to a position."""
    seen: list[int] = []
    async with aclosing(follow(log, wakeups, after, page=page)) as pages:
        async for events in pages:
            seen += [event.position for event in events]
            if seen[-1] >= until:
                break
    return seen


async def write(commit: GroupCommit, stream: str, seed: int, events: int) -> None:
    rng, version = random.Random(seed), 0
    while version < events:
        count = min(rng.randint(1, 3), events - version)
        version = (await commit.append(written(stream, version, events=count))).version


async def test_many_writers_in_many_pools(database: str, log: Log) -> None:
    async with woken(log) as wakeups, AsyncExitStack() as stack:
        commits = [await stack.enter_async_context(writing(database)) for _ in range(4)]
        seen = [asyncio.create_task(positions(log, wakeups, 1600, page=page)) for page in (1, 7, 5000)]
        await asyncio.gather(*(write(commits[n % 4], f"s-{n}", n, 100) for n in range(16)))
        for follower in seen:
            assert await follower == list(range(1, 1601))


async def test_a_writer_in_another_process(database: str, log: Log) -> None:
    async with woken(log) as wakeups, aclosing(follow(log, wakeups, page=3)) as pages:
        writer = await start_writer(database, "w", clients=8, commands=40, streams=3, seed=4)
        seen = [event.position for event in await anext(pages)]
        assert await writer.ended() == 0
        head = await log.head()
        while seen[-1] < head:
            seen += [event.position for event in await anext(pages)]
        assert seen == list(range(1, head + 1))


async def test_a_wake_up_comes_from_another_pool_without_polling(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "POLL", 3600)
    async with woken(log) as wakeups, writing(database) as commit:
        while not await log.pool.fetchval(f"SELECT count(*) FROM {LISTENING} HAVING count(*) = 2"):
            pass
        follower = asyncio.create_task(positions(log, wakeups, 20, page=1))
        await write(commit, "a", 5, 20)
        assert await follower == list(range(1, 21))


async def test_a_lost_listening_connection_is_replaced(
    database: str, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers, "POLL", 0.01)
    killer = await asyncpg.connect(database)
    async with woken(log) as wakeups, writing(database) as commit:
        follower = asyncio.create_task(positions(log, wakeups, 300))
        writer = asyncio.create_task(write(commit, "a", 6, 300))
        kills = 0
        while kills < 10:
            kills += await killer.fetchval(f"SELECT count(pg_terminate_backend(pid)) FROM {LISTENING}")
        await writer
        assert await follower == list(range(1, 301))
        while not await killer.fetchval(f"SELECT count(*) FROM {LISTENING} HAVING count(*) = 2"):
            pass
    assert not await killer.fetchval(f"SELECT count(*) FROM {LISTENING}")
    await killer.close()


async def test_a_consumer_that_pauses_goes_on_where_it_stopped(database: str, log: Log) -> None:
    async with woken(log) as wakeups, writing(database) as commit:
        await write(commit, "a", 7, 10)
        async with aclosing(follow(log, wakeups, 4, page=3)) as pages:
            assert [event.position for event in await anext(pages)] == [5, 6, 7]
            await write(commit, "b", 8, 50)
            seen = [event.position for _ in range(18) for event in await anext(pages)]
    assert seen[:53] == list(range(8, 61))
