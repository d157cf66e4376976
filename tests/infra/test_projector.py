"""Views are what a plain fold of the log says, as of every position, however they came about."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

import msgspec
import pytest

from infra.database import Connection
from infra.log.followers import Wakeups
from infra.log.group_commit import UNREACHABLE, GroupCommit
from infra.log.log import Log
from infra.views import builds, projector, shares
from infra.views.builds import Build
from infra.views.projector import Projector
from projections import checking
from projections.view import DeclarationError, Population, views
from tests.infra.lives import lives
from tests.infra.worlds import VIEWS, World, assert_true, opened_world


@pytest.fixture
async def world(database: str) -> AsyncIterator[World]:
    async with opened_world(database) as world:
        yield world


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_every_view_as_of_any_position_is_the_fold_of_the_events_up_to_it(
    world: World, seed: int
) -> None:
    await world.live(seed, 2000)
    head = await world.projector().catch_up()
    rng = random.Random(seed)
    await assert_true(world, [0, 1, head, *rng.sample(range(head), 8)])
    empty = {view.name for view in VIEWS if not await world.rows(view, head)}
    assert len(empty) < len(VIEWS) / 10, empty
    complaints = await world.table(views["complaints"])
    overdue = f"SELECT overdue FROM {complaints.live} UNION SELECT overdue FROM {complaints.past}"
    assert await world.log.pool.fetchval(f"SELECT bool_or(overdue) FROM ({overdue}) versions")


async def test_however_the_views_came_about_their_digests_are_equal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, life, follower = random.Random(4), lives(4), world.projector()
    for _ in range(80):
        await world.engine.execute_many(list(islice(life, rng.randint(1, 25))))
        await follower.step()
    head = await follower.catch_up()
    live = await world.digests()
    await assert_true(world, [head])
    for batch, cached in ((20_000, 200_000), (1, 200_000), (7, 1), (250, 3)):
        monkeypatch.setattr(projector, "BATCH", batch)
        monkeypatch.setattr(builds, "CACHED", cached)
        again = world.projector()
        await again.rebuild()
        assert await again.catch_up() == head
        assert await world.digests() == live, (batch, cached)
    assert {generation for _, generation in await world.positions()} == {5}


async def test_each_step_is_planned_for_as_many_shards_as_it_moves(world: World) -> None:
    """PostgreSQL's plan for any number of them compares each with each: fifty times the work."""
    follower = world.projector()
    for seed in range(10):
        await world.live(seed, 1)
        await follower.step()
    plans = "SELECT generic_plans, custom_plans > 5 FROM pg_prepared_statements WHERE statement = $1"
    assert [tuple(row) for row in await world.log.pool.fetch(plans, projector.MOVE)] == [(0, True)]


class Crash(BaseException):
    """The process ends here, as far as PostgreSQL can tell."""


async def test_a_crash_in_the_middle_of_a_step_leaves_nothing_half_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live(5, 900)
    monkeypatch.setattr(projector, "BATCH", 25)
    monkeypatch.setattr(shares, "LEASE", 0.3)
    rng, fold = random.Random(5), Build.fold
    crashes = 0

    async def fragile(build: Build, connection: Connection, *rest: Any) -> None:
        nonlocal crashes
        await fold(build, connection, *rest)
        if rng.random() < 1 / len(VIEWS):
            crashes += 1
            if rng.random() < 0.5:
                raise Crash
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(Build, "fold", fragile)
    follower, head, seen = world.projector(), await world.log.head(), 0
    while seen < head:
        try:
            await follower.step()
        except (Crash, *UNREACHABLE):
            follower = rng.choice([follower, world.projector()])
        at = {*(await world.positions()).values()} or {0}
        assert len(at) == 1
        seen = at.pop()
    monkeypatch.setattr(Build, "fold", fold)
    assert crashes > 3
    await assert_true(world, [head // 2, head])
    broken = await world.digests()
    await follower.rebuild()
    await follower.catch_up()
    assert await world.digests() == broken


async def test_a_rebuild_disturbs_no_reader(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.live(6, 600)
    follower = world.projector()
    head = await follower.catch_up()
    customers = views["customers"]
    expected, old = await world.rows(customers, head), await world.table(customers)
    await follower.rebuild(["customers", "customer_values"])
    monkeypatch.setattr(projector, "BATCH", 50)
    rebuilding = asyncio.create_task(follower.catch_up())
    while not rebuilding.done():
        assert await world.rows(customers, head) == expected
    await rebuilding
    assert (await world.table(customers)).generation == 2
    assert await world.rows(customers, head) == expected
    assert await world.log.pool.fetchval(f"SELECT count(*) FROM {old.live}") == len(expected)

    await world.log.pool.execute(
        "UPDATE kehu.builds SET former = false,"
        " retired_at = now() - interval '1 day' WHERE retired_at < now()"
    )
    await follower.step()
    assert await world.log.pool.fetchval("SELECT to_regclass($1)", old.live) is None
    assert await world.log.pool.fetchval("SELECT to_regclass($1)", old.past) is None
    assert {g for (name, g) in await world.positions() if name == "customers"} == {2}


async def test_nobody_who_appends_waits_for_a_step(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.live(15, 100)
    fold, life = Build.fold, lives(150)

    async def slow(build: Build, *rest: Any) -> None:
        await fold(build, *rest)
        await world.engine.execute_many(list(islice(life, 5)))  # would never end if it had to wait

    monkeypatch.setattr(Build, "fold", slow)
    before = await world.log.head()
    await world.projector().step()
    assert await world.log.head() > before


async def test_what_serves_follows_the_log_while_another_build_begins_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live(7, 1000)
    follower = world.projector()
    await follower.catch_up()
    await follower.rebuild(["orders"])
    monkeypatch.setattr(projector, "BATCH", 100)
    await world.live(70, 50)
    head = await world.log.head()
    assert await follower.step()
    at = await world.positions()
    assert {at[view.name, 1] for view in VIEWS} == {head}
    assert at["orders", 2] == 100
    await follower.catch_up()
    await assert_true(world, [head])


async def test_a_changed_declaration_is_built_anew_beside_the_old_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live(8, 500)
    before = world.projector()
    head = await before.catch_up()
    monkeypatch.setattr(projector, "BATCH", 100)
    changed = [
        msgspec.structs.replace(view, digest="another") if view.name == "customers" else view
        for view in VIEWS
    ]
    after = world.projector(changed)
    while (await world.table(views["customers"])).generation == 1:
        assert await world.rows(views["customers"], head)
        await after.step()
    await after.catch_up()
    await assert_true(world, [head // 3, head], changed)
    assert (await world.positions())["customers", 2] == head


async def test_a_population_waits_for_the_views_that_it_reads(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.live(9, 500)
    await world.projector().catch_up()
    monkeypatch.setattr(projector, "BATCH", 40)
    changed = [
        msgspec.structs.replace(view, digest="another") if view.name == "orders" else view for view in VIEWS
    ]
    await world.live(90, 500)
    follower = world.projector(changed)
    head = await follower.catch_up()
    await assert_true(world, [head // 2, head], changed)


async def test_a_view_that_comes_later_catches_up_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    late_ones = ("complaints", "complaint_rates", "customer_classes", "spendings")
    early = [view for view in VIEWS if view.name not in late_ones]
    await world.live(10, 400)
    first = await world.projector(early).catch_up()
    monkeypatch.setattr(projector, "BATCH", 50)
    follower = world.projector()
    await follower.step()
    at = await world.positions()
    assert (at["complaints", 1], at["spendings", 1], at["customers", 1]) == (50, 50, first)
    await world.live(100, 100)
    head = await follower.catch_up()
    await assert_true(world, [first // 2, head])
    late = await world.digests()
    await follower.rebuild()
    await follower.catch_up()
    assert await world.digests() == late


async def test_a_population_may_read_another_one(world: World) -> None:
    values = views["customer_values"].population
    assert values is not None
    again = Population(
        query="SELECT * FROM {customer_values} v", reads=("customer_values",), due=values.due, at=values.at
    )
    copied = msgspec.structs.replace(
        views["customer_values"], name="copied_values", population=again, digest="copied"
    )
    await world.live(11, 1200)
    follower = world.projector([copied, *VIEWS])
    head = await follower.catch_up()
    assert await world.rows(copied, head) == await world.rows(views["customer_values"], head) != {}
    with pytest.raises(DeclarationError, match="copied_values reads customer_values"):
        world.projector([copied])


async def test_two_projectors_at_once_neither_double_nor_corrupt(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projector, "BATCH", 30)
    await world.live(12, 300)
    one, two, three = (world.projector() for _ in range(3))
    await asyncio.gather(one.catch_up(), two.catch_up(), three.catch_up())
    assert {generation for _, generation in await world.positions()} == {1}
    for turn in range(3):
        await asyncio.gather(
            world.live(120 + turn, 100), one.catch_up(), two.catch_up(), three.rebuild(["orders"])
        )
    head = await one.catch_up()
    await two.catch_up()
    await assert_true(world, [head // 2, head])
    live = await world.digests()
    await one.rebuild()
    await asyncio.gather(one.catch_up(), two.catch_up())
    assert await world.digests() == live


async def test_two_tenants_that_begin_at_once(world: World) -> None:
    others = [Log(world.log.pool, f"other-{n}") for n in range(3)]
    for other in others:
        await other.create()
    await asyncio.gather(*(Projector(log, VIEWS).catch_up() for log in (world.log, *others)))
    for log in (world.log, *others):
        served = await log.pool.fetchval(
            "SELECT count(*) FROM kehu.builds WHERE tenant = $1 AND serving", log.tenant
        )
        assert served == len(VIEWS)


async def test_a_running_projector_follows_live_and_says_so(world: World) -> None:
    wakeups = Wakeups(world.log)
    commit = GroupCommit(world.log, wakeups.committed)
    live = World(world.log, commit)
    follower, reached = live.projector(), asyncio.Event()
    seen: list[int] = []

    def note(position: int) -> None:
        seen.append(position)
        reached.set()

    running = asyncio.create_task(follower.run(wakeups, note))
    await live.live(13, 300, chunk=10)
    head = await world.log.head()
    while not seen or seen[-1] < head:
        await reached.wait()
        reached.clear()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await commit.close()
    await wakeups.close()
    assert seen == sorted({*seen})
    await assert_true(live, [head])


async def test_nothing_declared_and_nothing_happened(world: World) -> None:
    await world.live(14, 20)
    assert await world.projector([]).catch_up() == await world.log.head()
    empty = Log(world.log.pool, "empty")
    await empty.create()
    follower = Projector(empty, VIEWS)
    assert await follower.catch_up() == 0
    await follower.rebuild()
    assert await follower.catch_up() == 0
    generations = await empty.pool.fetch(
        "SELECT generation, serving FROM kehu.builds WHERE tenant = 'empty' AND view = 'orders' ORDER BY 1"
    )
    assert [row["serving"] for row in generations] == [False, True]


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"query": "SELECT no_such_column FROM {customers} c, {orders} o"}, "no_such_column"),
        ({"due": lambda recorded, policies: recorded.no_such_field}, "no_such_field"),
    ],
)
async def test_a_population_that_fails_stops_alone_and_a_rebuild_brings_it_back(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: dict[str, Any], told: str
) -> None:
    monkeypatch.setattr(checking, "_query", lambda *_: None)
    await world.live(11, 1000)
    well = views["customer_values"]
    assert well.population is not None
    sick = msgspec.structs.replace(well, population=msgspec.structs.replace(well.population, **broken))
    head = await world.projector([sick, *(v for v in VIEWS if v is not well)]).catch_up()
    places = {name: position for (name, _), position in (await world.positions()).items()}
    stopped = {"customer_values", "pareto_points", "customer_classes", "complaints", "interactions"}
    stopped.add("complaint_rates")  # it reads complaints; the others read the first
    assert {name for name, position in places.items() if position < head} == stopped
    assert told in await world.log.pool.fetchval(
        "SELECT failed FROM kehu.builds WHERE view = 'customer_values'"
    )
    healthy = world.projector()
    await healthy.rebuild()
    await healthy.catch_up()
    await assert_true(world, [head])


async def test_a_digest_up_to_a_position_does_not_change_as_the_log_goes_on(world: World) -> None:
    await world.live(seed=12, commands=100)
    projector = world.projector()
    position = await projector.catch_up()
    async with world.log.pool.acquire() as connection:
        tables = [await world.table(view) for view in VIEWS]
        before = [await table.digest(connection, world.log.tenant, position) for table in tables]
        assert before == [await table.digest(connection, world.log.tenant) for table in tables]
    await world.live(seed=13, commands=100)
    await projector.catch_up()
    async with world.log.pool.acquire() as connection:
        assert before == [await table.digest(connection, world.log.tenant, position) for table in tables]
        assert before != [await table.digest(connection, world.log.tenant) for table in tables]
