"""Many who follow the log share one reader; each gets what it wants once, or hears where to go on."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import pytest

from infra.database import connected
from infra.log import feeds as module
from infra.log.feeds import Feeds, Told, TooSlow
from infra.log.followers import Wakeups
from infra.log.group_commit import Closed, GroupCommit
from infra.log.log import Log
from infra.log.reading import Selection
from tests.infra.wishes import appended, written


class Running:
    """A log, its write path, and its feeds; what the log is asked for is counted."""

    def __init__(self, log: Log, wakeups: Wakeups) -> None:
        self.log, self.feeds = log, Feeds(log, wakeups)
        self.commit = GroupCommit(log, wakeups.committed)

    async def write(self, stream: str, events: int, customer_id: str | None = None, begin: int = 0) -> None:
        for version in range(begin, begin + events):
            await self.commit.append(written(stream, version, customer_id=customer_id))

    async def followed_by(self, followers: int) -> None:
        async with asyncio.timeout(10):
            while self.feeds.followers < followers:  # noqa: ASYNC110  # nobody says so
                await asyncio.sleep(0)

    async def seen(self, wanted: Selection, after: int, until: int) -> list[int]:
        """The positions that a follower sees until it has come to one."""
        found: list[int] = []
        async with aclosing(self.feeds.follow(wanted, after)) as some:
            async for events, position in some:
                found += [told.position for told in events]
                if position >= until:
                    break
        return found


@pytest.fixture
async def running(database: str) -> AsyncIterator[Running]:
    async with connected(database) as pool:
        log = Log(pool, "main")
        await log.create()
        wakeups = Wakeups(log)
        world = Running(log, wakeups)
        yield world
        await world.feeds.close()
        await world.commit.close()
        await wakeups.close()


WANTED = [
    Selection(),
    Selection(customer_id="c1"),
    Selection(customer_id="c2"),
    Selection(stream="s-3"),
    Selection(customer_id="c1", stream="s-3"),
    Selection(names=("CustomerRegistered",)),
    Selection(names=("Nothing",)),
    Selection(actor="Li Na", customer_id="c0"),
]


async def test_whoever_joins_whenever_sees_each_wanted_event_once(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REPLAYED", 7)
    monkeypatch.setattr(module, "READ", 5)
    monkeypatch.setattr(module, "BEAT", 0.05)
    rng = random.Random(1)
    writers = [asyncio.create_task(running.write(f"s-{n}", 60, f"c{n % 3}")) for n in range(8)]

    async def joining(wanted: Selection, after: int, wait: float) -> list[int]:
        await asyncio.sleep(wait)
        return await running.seen(wanted, after, 480)

    asked = [(wanted, rng.randint(0, 100), rng.random() / 3) for wanted in WANTED for _ in range(6)]
    seen = await asyncio.gather(*(joining(*one) for one in asked))
    await asyncio.gather(*writers)
    for (wanted, after, _), found in zip(asked, seen, strict=True):
        assert found == [e.position for e in await running.log.select(wanted, after=after)], (wanted, after)
    assert (running.feeds.distinct, running.feeds.followers) == (0, 0)


async def test_equal_followers_share_events_and_what_is_made_of_them(running: Running) -> None:
    await appended(running.log, written("a", 0))
    made: list[int] = []

    async def make() -> str:
        made.append(1)
        await asyncio.sleep(0)
        return "answer"

    async def first(after: int) -> tuple[Told, str]:
        async with aclosing(running.feeds.follow(Selection(), after)) as some:
            async for events, _ in some:
                if events:
                    return events[0], await events[0].once("this", make)
        raise AssertionError

    for after in (0, 1):  # a past that is read together, and what is yet to come
        async with running.log.pool.acquire() as connection, connection.transaction():
            await connection.execute("LOCK TABLE kehu.events")  # nobody reads before all have joined
            following = [asyncio.create_task(first(after)) for _ in range(20)]
            await running.followed_by(20)
        assert running.feeds.distinct == 1
        if after:
            await running.write("a", 1, begin=1)
        told = await asyncio.gather(*following)
        assert len({id(one) for one, _ in told}) == 1
        assert {answer for _, answer in told} == {"answer"}
    assert len(made) == 2


async def test_what_fails_is_made_again(running: Running) -> None:
    await running.write("a", 1)
    (first,) = await running.log.read()
    told, tries = Told(first), []

    async def make() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("no")
        return 7

    with pytest.raises(RuntimeError, match="no"):
        await told.once("x", make)
    assert [await told.once("x", make) for _ in range(2)] == [7, 7]
    assert len(tries) == 2


async def test_what_was_made_of_older_events_is_let_go(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHARED", 3)
    monkeypatch.setattr(module, "BEAT", 0.01)
    made: list[int] = []

    async def make() -> None:
        made.append(1)

    async with aclosing(running.feeds.follow(Selection(), 0)) as some:
        await anext(some)
        await running.write("a", 10)
        told: list[Told] = []
        while len(told) < 10:
            told += (await anext(some))[0]
        for one in told * 2:
            await one.once("this", make)
    assert len(made) == 7 * 2 + 3


async def test_one_that_is_too_slow_is_ended_and_goes_on_where_it_was(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", 10)
    monkeypatch.setattr(module, "BEAT", 0.01)
    await running.write("a", 3)
    async with aclosing(running.feeds.follow(Selection(), 0)) as slow:
        assert [told.position for told in (await anext(slow))[0]] == [1, 2, 3]
        assert await anext(slow) == ((), 3)
        await running.write("a", 11, begin=3)
        await running.seen(Selection(), 3, 14)  # another follower has kept up
        with pytest.raises(TooSlow) as ended:
            await anext(slow)
    assert ended.value.after == 3
    assert await running.seen(Selection(), ended.value.after, 14) == list(range(4, 15))


async def test_what_nobody_follows_takes_no_room(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 10)
    monkeypatch.setattr(module, "BEAT", 0.01)
    async with aclosing(running.feeds.follow(Selection(customer_id="c1"), 0)) as rare:
        await anext(rare)
        await running.write("b", 100, "c2")
        await running.write("a", 10, "c1")
        seen: list[int] = []
        while len(seen) < 10:
            seen += [told.position for told in (await anext(rare))[0]]
    assert seen == list(range(101, 111))


@asynccontextmanager
async def broken(running: Running, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    async def failing(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as patch:
        patch.setattr(running.log, "read_rows", failing)
        yield


async def test_a_reader_that_fails_ends_all_and_the_next_begins_anew(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running.write("a", 2)
    async with broken(running, monkeypatch):
        with pytest.raises(RuntimeError, match="no"):
            await running.seen(Selection(), 2, 3)
    await running.write("a", 2, begin=2)
    assert await running.seen(Selection(), 0, 4) == [1, 2, 3, 4]


async def test_closing_ends_all(running: Running) -> None:
    following = asyncio.create_task(running.seen(Selection(), 0, 1))
    await running.followed_by(1)
    await running.feeds.close()
    with pytest.raises(Closed):
        await following


async def test_who_comes_while_the_feeds_are_closed_hears_it(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = running.log.head

    async def closing() -> int:
        await running.feeds.close()
        return await head()

    monkeypatch.setattr(running.log, "head", closing)
    with pytest.raises(Closed):
        await running.seen(Selection(), 0, 0)
    with pytest.raises(Closed):
        await running.seen(Selection(), 0, 0)
    assert running.feeds.distinct == 0
