"""A follower that reads live sees every position once, in order, whoever writes and whatever breaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager

import asyncpg
import pytest

from infra.database import connected
from infra.log import followers, reading
from infra.log.followers import Wakeups, follow, while_reachable
from infra.log.group_commit import PATIENCE, GroupCommit
from infra.log.log import Log
from infra.log.reading import Selection
from tests.infra.processes import start_writer
from tests.infra.wishes import appended, written

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
            if events.position >= until:
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


async def test_a_task_that_loses_its_connection_while_it_is_cancelled_ends(database: str, log: Log) -> None:
    lost, servers = asyncio.Event(), asyncio.Queue[int]()

    async def hold() -> None:
        while True:
            with while_reachable():
                async with log.pool.acquire() as connection, connection.transaction():
                    connection.add_termination_listener(lambda _: lost.set())
                    await servers.put(connection.get_server_pid())
                    await asyncio.Event().wait()

    task = asyncio.create_task(hold())
    killer = await asyncpg.connect(database)
    await killer.execute("SELECT pg_terminate_backend($1)", await servers.get())
    await killer.close()
    await lost.wait()
    task.cancel()
    await asyncio.wait({task}, timeout=PATIENCE)
    assert task.cancelled()


async def test_a_consumer_that_pauses_goes_on_where_it_stopped(database: str, log: Log) -> None:
    async with woken(log) as wakeups, writing(database) as commit:
        await write(commit, "a", 7, 10)
        async with aclosing(follow(log, wakeups, 4, page=3)) as pages:
            assert [event.position for event in await anext(pages)] == [5, 6, 7]
            await write(commit, "b", 8, 50)
            seen = [event.position for _ in range(18) for event in await anext(pages)]
    assert seen[:53] == list(range(8, 61))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Selection(), [*range(3, 25)]),
        (Selection(names=["CustomerRegistered"]), [*range(3, 25)]),
        (Selection(names=["OrderPlaced"]), []),
        (Selection(category="b-"), [*range(4, 25, 4)]),
        (Selection(category="a"), [*range(3, 25, 2)]),
        (Selection(customer_id="li"), [*range(3, 25, 3)]),
        (Selection(tags=["t:0"]), [*range(6, 25, 6)]),
        (Selection(tags=["t:0", "all"], category="b-"), [12, 24]),
        (Selection(tags=["t:0", "nowhere"]), []),
    ],
)
async def test_a_follower_sees_what_it_wants_and_moves_on_past_the_rest(
    log: Log, wanted: Selection, found: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "STRETCH", 5)
    for n in range(1, 25):
        stream = f"a-{n}" if n % 2 else f"b-{n}" if n % 4 == 0 else f"%-{n}"
        who = "li" if n % 3 == 0 else None
        await appended(log, written(stream, 0, tags=(f"t:{n % 6}", "all"), customer_id=who))
    seen: list[int] = []
    position = 2
    async with woken(log) as wakeups:
        while position < 24:  # each page by a follower that begins where the last one has come to
            async with aclosing(follow(log, wakeups, position, wanted, page=4)) as pages:
                page = await anext(pages)
            assert page.position > position
            assert all(position < event.position <= page.position for event in page)
            seen += [event.position for event in page]
            position = page.position
    assert (seen, position) == (found, 24)
    assert [event.position for event in await log.select(wanted, after=2)] == found
    assert [event.position for event in await log.select(wanted, after=2, limit=2)] == found[:2]


async def test_a_follower_that_finds_nothing_tells_how_far_it_has_looked(database: str, log: Log) -> None:
    async with woken(log) as wakeups, writing(database) as commit:
        rare = Selection(category="rare-")
        async with aclosing(follow(log, wakeups, 0, rare)) as pages:
            await write(commit, "common", 9, 30)
            seen = [await anext(pages)]
            while seen[-1].position < 30:
                seen.append(await anext(pages))
            assert not any(page.events for page in seen)
            await write(commit, "rare-1", 10, 1)
            [event] = await anext(pages)
            assert (event.position, event.stream) == (31, "rare-1")


async def test_the_latest_event_of_a_stream(log: Log) -> None:
    await appended(log, written("a", 0, events=3))
    await appended(log, written("ab", 0))
    latest = await log.latest("a")
    assert latest is not None
    assert (latest.stream, latest.version) == ("a", 3)
    assert await log.latest("b") is None


async def test_what_cannot_be_asked_for_is_an_error_not_a_wait(log: Log) -> None:
    await appended(log, written("a", 0))
    async with woken(log) as wakeups:
        with pytest.raises(asyncpg.DataError, match="expected str"):
            await anext(follow(log, wakeups, 0, Selection(customer_id=5)))  # type: ignore[arg-type]
