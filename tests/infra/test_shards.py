"""Processes share the shards of the views, and whoever stops, is killed or wakes up late breaks nothing."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.interactions import Channel
from infra.database import Connection
from infra.views import builds, generations, projector, shares
from infra.views.builds import Build
from infra.views.projector import Projector
from infra.views.shares import Fenced, Holding, fair
from infra.views.tables import shard_of
from tests.conftest import database_of
from tests.infra.processes import Process, start
from tests.infra.worlds import VIEWS, World, assert_true, opened_world

GOLDEN = [6, 4, 2, 3, 6, 0]
_numbers = itertools.count(1)


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with opened_world(database) as world:
        yield world


async def owners(world: World) -> dict[str, int]:
    """How many shards each process holds."""
    rows = await world.log.pool.fetch(
        "SELECT owner, count(*) FROM kehu.shards WHERE owner IS NOT NULL GROUP BY owner"
    )
    return {row["owner"]: row["count"] for row in rows}


async def expire(world: World, name: str | None) -> None:
    await world.log.pool.execute("UPDATE kehu.workers SET lease_until = now() WHERE name = $1", name)


async def assert_as_rebuilt(world: World) -> None:
    """What processes have made together is what one makes alone."""
    head = await world.projector().catch_up()
    together = await world.digests()
    await assert_true(world, [head // 2, head])
    alone = world.projector()
    await alone.rebuild()
    await alone.catch_up()
    assert await world.digests() == together


def test_a_key_belongs_to_the_same_shard_for_ever() -> None:
    keys = [("c-1",), ("c-2",), ("王",), ("c-1", 7), ("c-1", Channel.PHONE), ("",)]
    assert [shard_of(key, 8) for key in keys] == GOLDEN
    spread = [shard_of((f"customer-{n}",), 8) for n in range(8_000)]
    assert all(900 < spread.count(shard) < 1_100 for shard in range(8))


@given(st.integers(1, 16), st.integers(1, 9), st.randoms(use_true_random=False))
def test_shares_become_fair_and_stay_so(count: int, processes: int, rng: random.Random) -> None:
    owned: list[str | None] = [rng.choice([None, "0"]) for _ in range(count)]
    for _ in range(3):
        for me in map(str, range(processes)):
            held = [Holding(shard=("v", 1, n), follows="v", owner=owner) for n, owner in enumerate(owned)]
            surplus, free = fair(held, me, {"v": processes})
            owned = [None if ("v", 1, n) in surplus else owner for n, owner in enumerate(owned)]
            owned = [me if ("v", 1, n) in free else owner for n, owner in enumerate(owned)]
    most = -(-count // processes)
    assert None not in owned
    assert all(owned.count(str(me)) <= most for me in range(processes))


async def test_processes_share_fairly_and_leave_what_they_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "LOOKS", 10**9)
    monkeypatch.setattr(projector, "BATCH", 20)
    await world.live(41, 300)
    one, two = world.projector(), world.projector()
    await one.step()
    assert len(await owners(world)) == 1
    for _ in range(3):
        await two.step()
        await one.step()
    counts = sorted((await owners(world)).values())
    folding = sum(view.population is None for view in VIEWS)
    assert counts == [4 * folding, 4 * folding + len(VIEWS) - folding]
    await two.leave()
    await one.step()
    assert [*(await owners(world)).values()] == [8 * folding + len(VIEWS) - folding]
    await one.catch_up()
    assert await owners(world) == {}
    await assert_as_rebuilt(world)


async def test_who_is_taken_for_dead_writes_nothing_when_it_wakes_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "BATCH", 10)
    await world.live(42, 200)
    late, other = world.projector(), world.projector()
    await late.step()
    await expire(world, late._shares.name)
    await other.catch_up()
    before = await world.digests(), await world.positions()
    await world.live(420, 50)

    leg = late._roster.leg(min, 30)
    assert leg is not None
    with pytest.raises(Fenced):
        await late._move(leg, careful=False)
    assert (await world.digests(), await world.positions()) == before
    await late.catch_up()  # it forgets, joins again, and goes on
    await assert_as_rebuilt(world)


async def test_who_stops_within_a_transaction_loses_its_locks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "LEASE", 0.2)
    monkeypatch.setattr(projector, "BATCH", 40)
    await world.live(43, 200)
    fold, stopped, resume = Build.fold, asyncio.Event(), asyncio.Event()

    async def stops(build: Build, *rest: Any) -> None:
        await fold(build, *rest)
        monkeypatch.setattr(Build, "fold", fold)
        stopped.set()
        await resume.wait()

    monkeypatch.setattr(Build, "fold", stops)
    asleep = asyncio.create_task(world.projector().step())
    await stopped.wait()
    head = await world.projector().catch_up()
    assert {*(await world.positions()).values()} == {head}
    resume.set()
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await asleep
    await assert_as_rebuilt(world)


async def test_who_stops_while_a_generation_is_swapped_in_loses_its_locks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shares, "LEASE", 0.2)
    monkeypatch.setattr("infra.database.IDLE", "400ms")
    await world.live(47, 100)
    first = world.projector()
    await first.catch_up()
    await first.rebuild(["customers"])
    swap, stopped, resume = generations.swap, asyncio.Event(), asyncio.Event()

    async def stops(*arguments: Any) -> bool:
        if swapped := await swap(*arguments):
            monkeypatch.setattr(generations, "swap", swap)
            stopped.set()
            await resume.wait()
        return swapped

    monkeypatch.setattr(generations, "swap", stops)
    asleep = asyncio.create_task(first.catch_up())
    await stopped.wait()
    await world.live(470, 50)
    async with asyncio.timeout(60):
        head = await world.projector().catch_up()
    assert {*(await world.positions()).values()} == {head}
    resume.set()
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await asleep
    await assert_as_rebuilt(world)


async def test_who_was_in_anothers_way_tries_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.live(46, 50)
    fold = Build.fold

    async def deadlock(*_: Any) -> None:
        monkeypatch.setattr(Build, "fold", fold)
        raise asyncpg.DeadlockDetectedError

    monkeypatch.setattr(Build, "fold", deadlock)
    assert await world.projector().catch_up() == await world.log.head()
    await assert_as_rebuilt(world)


async def workers(dsn: str, count: int) -> list[Process]:
    return [await start("tests.infra.worker", dsn, 0.5, 25, heard=lambda line: None) for _ in range(count)]


async def eventually(true: Callable[[], Awaitable[bool]]) -> None:
    """Processes that are not asked bring it about, within a minute."""
    async with asyncio.timeout(60):
        while not await true():
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.02)


async def until_there(world: World) -> None:
    """Every view has reached the log's end."""
    head = await world.log.head()

    async def there() -> bool:
        return min((await world.positions()).values(), default=-1) >= head

    await eventually(there)


async def until_held_by(world: World, processes: int) -> set[str]:
    """So many processes hold the shards; their names."""

    async def held() -> bool:
        return len(await owners(world)) == processes

    await eventually(held)
    return {*(await owners(world))}


async def test_a_stopped_process_loses_its_shards_and_the_resumed_one_breaks_nothing(
    world: World, database: str
) -> None:
    await world.live(44, 100)
    processes = await workers(database, 2)
    await until_there(world)
    names = await until_held_by(world, 2)
    processes[0].signal(signal.SIGSTOP)
    await world.live(440, 300)
    await until_there(world)
    assert await until_held_by(world, 1) < names
    processes[0].signal(signal.SIGCONT)
    await world.live(441, 100)
    await until_there(world)
    for process in processes:
        process.tell_to_end()
    assert [await process.ended() for process in processes] == [0, 0]
    assert await owners(world) == {}
    await assert_as_rebuilt(world)


async def test_processes_killed_at_random_lose_and_repeat_nothing(world: World, database: str) -> None:
    rng = random.Random(45)
    processes = await workers(database, 2)
    for turn in range(6):
        await world.live(450 + turn, 60)
        victim = rng.randrange(2)
        processes[victim].kill()
        await processes[victim].ended()
        [processes[victim]] = await workers(database, 1)
    await until_there(world)
    for process in processes:
        process.kill()
        await process.ended()
    await world.log.pool.execute("UPDATE kehu.workers SET lease_until = now()")
    await assert_as_rebuilt(world)


@given(
    seed=st.integers(0, 10**6),
    commands=st.integers(1, 150),
    batch=st.integers(1, 200),
    cached=st.sampled_from([1, 5, 50_000]),
    shards=st.integers(1, 9),
    processes=st.integers(1, 3),
    data=st.data(),
)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_it_is_shared_a_view_as_of_any_position_is_a_fold_of_the_events_up_to_it(
    postgres: str,
    template: str,
    seed: int,
    commands: int,
    batch: int,
    cached: int,
    shards: int,
    processes: int,
    data: st.DataObject,
) -> None:
    with pytest.MonkeyPatch.context() as patch, asyncio.Runner() as runner:
        patch.setattr(projector, "BATCH", batch)
        patch.setattr(builds, "CACHED", cached)
        patch.setattr(generations, "SHARDS", shards)
        patch.setattr(shares, "LOOKS", 10**9)
        name = f"shared_{next(_numbers)}"
        runner.run(execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template}"))
        runner.run(shared(database_of(postgres, name), seed, commands, processes, data))
        runner.run(execute(postgres, f"DROP DATABASE {name}"))


async def execute(dsn: str, statement: str) -> None:
    connection: Connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def shared(dsn: str, seed: int, commands: int, processes: int, data: st.DataObject) -> None:
    async with opened_world(dsn) as world:
        followers: list[Projector] = [world.projector() for _ in range(processes)]
        await followers[0].prepare()
        for turn in range(3):
            await world.live(seed + turn, commands // 3 + 1)
            await asyncio.gather(*(follower.step() for follower in followers))
        await asyncio.gather(*(follower.catch_up() for follower in followers))
        head = await world.log.head()
        await assert_true(world, [data.draw(st.integers(0, head)), head])
        live = await world.digests()
        await followers[0].rebuild()
        await asyncio.gather(*(follower.catch_up() for follower in followers))
        assert await world.digests() == live
