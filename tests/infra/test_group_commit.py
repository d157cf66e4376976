"""Many callers share a transaction, and none of them suffers from another, nor from a lost connection."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from infra.database import Pool, connected
from infra.log import group_commit
from infra.log.group_commit import Busy, Closed, DoneAnyway, GroupCommit, Withdrawn
from infra.log.log import Log
from infra.log.units import Appended, Conflict, Outcome, Unit
from tests.infra.history import faults
from tests.infra.wishes import together, written

OTHERS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with connected(database) as opened:
        yield opened


@pytest.fixture
async def log(pool: Pool) -> Log:
    log = Log(pool, "main")
    await log.create()
    return log


@asynccontextmanager
async def committing(log: Log) -> AsyncIterator[GroupCommit]:
    commit = GroupCommit(log)
    try:
        yield commit
    finally:
        await commit.close()


async def all_of(commit: GroupCommit, units: Sequence[Unit]) -> list[Appended | BaseException]:
    """Append all of them at once; a refusal stands in its unit's place."""
    return await asyncio.gather(*map(commit.append, units), return_exceptions=True)


async def transactions(pool: Pool) -> int:
    """How many transactions wrote the events that are there."""
    return int(await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM kehu.events"))


@asynccontextmanager
async def held(log: Log) -> AsyncIterator[None]:
    """Nobody can append meanwhile."""
    async with log.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM kehu.heads WHERE tenant = $1 FOR UPDATE", log.tenant)
        yield


async def on_its_way(commit: GroupCommit, log: Log, unit: Unit) -> asyncio.Task[Appended]:
    """The caller of a unit that waits in PostgreSQL already."""
    caller = asyncio.create_task(commit.append(unit))
    await waiting_in_postgres(log, 1)
    return caller


async def waiting_in_postgres(log: Log, transactions: int) -> None:
    while await log.pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < transactions:
        pass


async def test_callers_at_once_share_a_transaction(log: Log) -> None:
    async with committing(log) as commit:
        outcomes = await all_of(commit, [written(f"s-{n}", 0) for n in range(500)])
    assert sorted(o.position for o in outcomes if isinstance(o, Appended)) == list(range(1, 501))
    assert await transactions(log.pool) == 2  # one is sent while the other is under way


async def test_callers_that_arrive_during_a_commit_share_the_next_one(log: Log) -> None:
    async with committing(log) as commit:
        async with held(log):
            first = await on_its_way(commit, log, written("first", 0))
            others = [asyncio.create_task(commit.append(written(f"s-{n}", 0))) for n in range(50)]
            await asyncio.sleep(0)
        await asyncio.gather(first, *others)
    assert await transactions(log.pool) <= 4


async def test_a_batch_has_an_upper_limit(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "BATCH", 10)
    async with committing(log) as commit:
        await all_of(commit, [written(f"s-{n}", 0) for n in range(95)])
    assert await transactions(log.pool) == 10


async def test_units_that_depend_on_each_other_go_in_turn(log: Log) -> None:
    async with committing(log) as commit:
        outcomes = await all_of(
            commit, [written(stream, version) for version in range(5) for stream in ("a", "b", "c")]
        )
    assert all(isinstance(outcome, Appended) for outcome in outcomes), outcomes
    assert await transactions(log.pool) == 5
    assert [(e.stream, e.version) for e in await log.read()] == [
        (stream, version) for version in range(1, 6) for stream in ("a", "b", "c")
    ]


async def test_a_deferred_unit_is_not_overtaken_by_one_that_came_later(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "BATCH", 4)
    rng = random.Random(3)
    versions = dict.fromkeys("abcdef", 0)
    units = []
    for _ in range(120):
        streams = rng.sample([*versions], rng.randint(1, 3))
        units.append(together(*(written(stream, versions[stream]) for stream in streams)))
        versions |= {stream: versions[stream] + 1 for stream in streams}
    async with committing(log) as commit:
        outcomes = await all_of(commit, units)
    assert all(isinstance(outcome, Appended) for outcome in outcomes)
    assert await log.versions([*versions]) == versions


async def test_an_id_twice_at_once_is_done_once(log: Log) -> None:
    async with committing(log) as commit:
        outcomes = await all_of(commit, [written("a", 0, command_id="c-1") for _ in range(20)])
    assert {o.position for o in outcomes if isinstance(o, Appended)} == {1}
    assert [o.repeated for o in outcomes if isinstance(o, Appended)] == [False] + [True] * 19


@pytest.mark.parametrize("poison", ["nul \x00", "half a pair \ud83d"])
async def test_what_cannot_be_encoded_touches_only_its_own_unit(log: Log, poison: str) -> None:
    async with committing(log) as commit:
        units = [written(f"{poison}{n}" if n % 7 == 3 else f"s-{n}", 0) for n in range(20)]
        outcomes = await all_of(commit, units)
        for n, outcome in enumerate(outcomes):
            assert isinstance(outcome, asyncpg.DataError if n % 7 == 3 else Appended), outcome
        assert (await commit.append(written("after", 0))).position == 18
    assert await log.head() == 18


async def test_a_unit_whose_caller_gave_up_while_it_waited_is_not_appended(log: Log) -> None:
    async with committing(log) as commit:
        async with held(log):
            first = await on_its_way(commit, log, written("first", 0))
            waiting = [asyncio.create_task(commit.append(written(f"s-{n}", 0))) for n in range(10)]
            await asyncio.sleep(0)
            first.cancel()
            for caller in waiting[::2]:
                caller.cancel()
        await asyncio.gather(first, *waiting, return_exceptions=True)
    assert [e.stream for e in await log.read()] == ["first", "s-1", "s-3", "s-5", "s-7", "s-9"]
    assert [task.cancelled() for task in waiting] == [True, False] * 5


async def test_a_caller_that_is_cancelled_hears_what_became_of_its_unit(log: Log) -> None:
    async def told(unit: Unit) -> BaseException | Appended:
        try:
            return await commit.append(unit)
        except asyncio.CancelledError as cancelled:
            return cancelled

    async with committing(log) as commit:
        async with held(log):
            first = await on_its_way(commit, log, written("first", 0))
            sent = asyncio.create_task(told(written("sent", 0)))
            refused = asyncio.create_task(told(written("refused", 3)))
            await waiting_in_postgres(log, 2)
            waiting = asyncio.create_task(told(written("waiting", 0)))
            await asyncio.sleep(0)
            for caller in (sent, refused, waiting):
                caller.cancel()
        fates = await asyncio.gather(sent, refused, waiting)
    assert [type(fate) for fate in fates] == [DoneAnyway, Withdrawn, Withdrawn]
    assert isinstance(fates[0], DoneAnyway)
    assert [(e.stream, e.position) for e in await log.read()] == [
        ("first", 1),
        ("sent", fates[0].appended.position),
    ]
    assert (await first).position == 1


async def test_closing_finishes_what_waits_and_takes_nothing_more(log: Log) -> None:
    commit = GroupCommit(log)
    async with held(log):
        first = await on_its_way(commit, log, written("first", 0))
        waiting = [asyncio.create_task(commit.append(written(f"s-{n}", 0))) for n in range(5)]
        await asyncio.sleep(0)
        closing = asyncio.create_task(commit.close())
        await asyncio.sleep(0)
        with pytest.raises(Closed):
            await commit.append(written("too late", 0))
    await closing
    assert {(await caller).position for caller in (first, *waiting)} == set(range(1, 7))
    assert await log.head() == 6
    await GroupCommit(log).close()


async def test_a_full_queue_says_so(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "QUEUE", 3)
    async with committing(log) as commit:
        outcomes = await all_of(commit, [written(f"s-{n}", 0) for n in range(5)])
    assert [isinstance(outcome, Busy) for outcome in outcomes] == [False] * 3 + [True] * 2
    assert await log.head() == 3


async def test_a_conflict_reaches_its_own_caller_only(log: Log) -> None:
    async with committing(log) as commit:
        outcomes = await all_of(commit, [written(f"s-{n}", n % 2) for n in range(10)])
    kinds: list[type[Outcome]] = [Appended, Conflict]
    assert [type(outcome) for outcome in outcomes] == kinds * 5


async def test_lost_connections_neither_lose_nor_double_anything(database: str, log: Log) -> None:
    acknowledged: list[str] = []

    async def client(commit: GroupCommit, stream: str) -> None:
        for version in range(100):
            unit = written(stream, version, command_id=f"{stream}-{version}")
            assert (await commit.append(unit)).version == version + 1
            acknowledged.append(unit.commands[0].command_id)

    killer = await asyncpg.connect(database)
    async with committing(log) as commit:
        clients = asyncio.gather(*(client(commit, f"s-{n}") for n in range(8)))
        kills = seen = 0
        while not clients.done():
            busy = await killer.fetchval(f"SELECT count(*) FROM {OTHERS} AND state = 'active'")
            if busy and len(acknowledged) >= seen:
                kills += await killer.fetchval(f"SELECT count(pg_terminate_backend(pid)) FROM {OTHERS}")
                seen = len(acknowledged) + 20
        await clients
    await killer.close()
    await log.pool.expire_connections()  # some were killed at rest, and asyncpg has not looked yet
    history = await log.read()
    assert kills
    assert len(acknowledged) == 8 * 100
    assert faults(history, acknowledged, [e.position for e in history], acknowledged) == []
