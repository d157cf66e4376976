"""Archived ranges leave PostgreSQL whole, and every answer stays what it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import asyncpg
import pyarrow.parquet
import pytest

from domain.events import UnknownEvent
from infra.archive.archiving import NotWhole, Occupied, archive, due
from infra.archive.files import ArchiveUnreadable
from infra.database import Pool, connected, migrate, migrations
from infra.log.log import Log
from infra.log.reading import Selection
from tests.infra.wishes import appended, written

SIZE = 20
SMALL_RANGES = f"""
    CREATE OR REPLACE FUNCTION kehu.range_size() RETURNS bigint
    LANGUAGE sql IMMUTABLE AS 'SELECT {SIZE}::bigint';
    DROP TABLE kehu.events_0;
    DELETE FROM kehu.ranges;
    SELECT kehu.make_room(0, {6 * SIZE});
"""


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with connected(database) as opened:
        await opened.execute(SMALL_RANGES)
        yield opened


@pytest.fixture
async def log(pool: Pool) -> Log:
    return await filled(pool, "main")


async def filled(pool: Pool, tenant: str) -> Log:
    """A log of 100 events in 7 streams about 3 customers; streams 5 and 6 end early."""
    log = Log(pool, tenant)
    await log.create()
    for n in range(100):
        stream = n % 7 if n < 49 else n % 5
        known = (await log.versions([f"s-{stream}"])).get(f"s-{stream}", 0)
        unit = written(f"s-{stream}", known, customer_id=f"c-{n % 3}", tags=(f"t:{n % 4}",))
        await appended(log, unit)
    return log


async def archived(log: Log, directory: Path, until: int) -> list[Path]:
    return await archive(log, directory, await due(log, until))


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def answers(log: Log) -> dict[str, Any]:
    """What every way of reading says."""
    events = await Log(log.pool, log.tenant).read()
    return {
        "all": await log.read(),
        "page": await log.read(15, limit=30),
        "until": await log.read(3, until=38),
        "last": await log.read(backwards=True, limit=70),
        "last few": await log.read(until=50, backwards=True, limit=4),
        "streams": await log.read_streams([*(f"s-{n}" for n in range(7)), "nowhere"]),
        "stream": [await log.read_stream(f"s-{n}", after=2, until=9) for n in range(7)],
        "ended": await log.read_stream("s-6"),
        "latest": [await log.latest(f"s-{n}") for n in range(7)],
        "first": [await log.read_stream(f"s-{n}", limit=3) for n in range(7)],
        "ends": [
            await log.read_stream(f"s-{n}", limit=limit, backwards=True)
            for n in range(7)
            for limit in (3, 50)
        ],
        "between": await log.read_between(events[3].recorded_at, events[-3].recorded_at, after=5),
        "none": await log.read_stream("nowhere"),
        "customer": await log.read_customer("c-1", after=5, until=95),
        "tag": [await log.read_tag("t:2"), await log.read_tag("t:3", after=12, until=30)],
        "selected": await log.select(
            Selection(names=["CustomerRegistered"], stream="s-3", until=90), limit=12
        ),
        "from the end": [
            await log.select(wanted, after=after, limit=limit, backwards=True)
            for wanted in (Selection(customer_id="c-2", since=12), Selection(names=["CustomerRegistered"]))
            for after in (0, 40)
            for limit in (3, 500)
        ],
        "since": await log.select(Selection(customer_id="c-2", since=12), after=8),
        "tagged": await log.select(Selection(tags=["t:1"], category="s-", customer_id="c-0"), limit=5),
        "moments": [await log.position_at(event.recorded_at) for event in events],
    }


async def test_every_answer_stays_the_same(log: Log, tmp_path: Path) -> None:
    before = await answers(log)
    assert before["moments"] == list(range(1, 101))
    other = Log(log.pool, "main")
    for until, files in ((19, 1), (95, 3)):
        assert len(await archived(log, tmp_path, until)) == files
        assert await answers(log) == before
        assert await answers(other) == before
    assert await log.pool.fetchval("SELECT min(position) FROM kehu.events") == 80


@pytest.mark.parametrize(
    "way", ["read", "read_stream", "read_streams", "read_customer", "read_tag", "select"]
)
async def test_a_reader_that_does_not_know_yet_misses_nothing(log: Log, tmp_path: Path, way: str) -> None:
    ask: dict[str, tuple[Any, ...]] = {
        "read": (),
        "read_stream": ("s-1",),
        "read_streams": (["s-1", "s-5"],),
        "read_customer": ("c-1",),
        "read_tag": ("t:1",),
        "select": (Selection(actor="Li Na"),),
    }
    before = await getattr(log, way)(*ask[way])
    await archived(log, tmp_path, 95)
    assert await getattr(log, way)(*ask[way]) == before != []


async def test_a_file_holds_the_rows_as_they_were(log: Log, tmp_path: Path) -> None:
    rows = [dict(row) for row in await log.pool.fetch("SELECT * FROM kehu.events WHERE position < 20")]
    (path,) = await archived(log, tmp_path, 19)
    table = pyarrow.parquet.read_table(path)
    assert table.to_pylist() == rows
    about = {b"kehu.tenant": b"main", b"kehu.first": b"1", b"kehu.last": b"19"}
    assert about.items() <= (table.schema.metadata or {}).items()
    assert names(tmp_path) == [path.name]


async def test_a_range_of_one_tenant_leaves_with_its_partition(log: Log, tmp_path: Path) -> None:
    await archived(log, tmp_path, 59)
    ranges = [row[0] for row in await log.pool.fetch("SELECT first FROM kehu.ranges ORDER BY 1")]
    assert ranges == [0, 60, 80, 100, 120]  # the first is there anew, for tenants to come
    assert await log.pool.fetchval("SELECT to_regclass('kehu.events_20')") is None
    (first,) = await appended(await new_log(log.pool, "new"), written("s", 0))
    assert first.position == 1


async def new_log(pool: Pool, tenant: str) -> Log:
    log = Log(pool, tenant)
    await log.create()
    return log


async def test_a_log_from_before_becomes_the_first_range(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = migrations()
    connection = await asyncpg.connect(database)
    await connection.execute("DROP SCHEMA kehu CASCADE; DROP SCHEMA kehu_views CASCADE")
    monkeypatch.setattr("infra.database.migrations", lambda: {n: known[n] for n in (1, 2, 3)})
    await migrate(database)
    await connection.execute(
        "INSERT INTO kehu.heads VALUES ('main', 1048577, now());"
        "INSERT INTO kehu.events VALUES ('main', 1048577, 's', 1, 'CustomerRegistered', 1, now(), now(),"
        """ NULL, 'k', 'Li Na', NULL, NULL, NULL, NULL, '{"customer_id": "li"}')"""
    )
    before = await connection.fetch("SELECT * FROM kehu.events")
    monkeypatch.setattr("infra.database.migrations", lambda: known)
    await migrate(database)
    assert await connection.fetch("SELECT * FROM kehu.events") == before
    assert [tuple(row) for row in await connection.fetch("SELECT * FROM kehu.ranges")] == [(0, 2 * 1048576)]
    await connection.close()


async def test_tenants_that_come_into_the_same_ranges_at_once(pool: Pool) -> None:
    logs = [await new_log(pool, f"tenant-{n}") for n in range(6)]
    units = [written("s", 130 * n, events=130) for n in range(3)]
    for unit in units:
        await asyncio.gather(*(appended(log, unit) for log in logs))
    for log in logs:
        assert [event.position for event in await log.read()] == list(range(1, 391))
    assert await pool.fetchval("SELECT count(*) FROM kehu.ranges") == 390 // SIZE + 1


async def test_who_begins_a_log_while_the_first_range_leaves_keeps_its_events(
    log: Log, tmp_path: Path
) -> None:
    new = await new_log(log.pool, "new")
    async with new.locked() as beginning:
        await appended(beginning, written("s", 0, events=3))
        archiving = asyncio.create_task(archived(log, tmp_path, 19))
        while not await log.pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            assert not archiving.done()
    await archiving
    assert [event.position for event in await new.read()] == [1, 2, 3]


async def waiting(pool: Pool, *tasks: asyncio.Task[Any]) -> None:
    """Until each of the tasks waits for a lock."""
    while await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted") < len(tasks):
        for task in tasks:
            assert not task.done(), await task


async def test_two_tenants_are_archived_at_once(log: Log, tmp_path: Path) -> None:
    short = await new_log(log.pool, "short")
    await appended(short, written("s", 0, events=SIZE + 1))
    alone = (await due(log, 59))[2:]
    async with log.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE kehu.ranges IN SHARE ROW EXCLUSIVE MODE")
        first = asyncio.create_task(archive(log, tmp_path, alone))
        await waiting(log.pool, first)
        second = asyncio.create_task(archived(short, tmp_path, 19))
        await waiting(log.pool, first, second)
    await asyncio.gather(first, second)
    assert await log.pool.fetchval("SELECT count(*) FROM kehu.archives") == 2


async def test_a_range_is_archived_once(log: Log, tmp_path: Path) -> None:
    wanted = (await due(log, 39))[1:]
    async with log.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE kehu.archives IN SHARE ROW EXCLUSIVE MODE")
        archiving = [asyncio.create_task(archive(log, tmp_path, wanted)) for _ in range(2)]
        await waiting(log.pool, *archiving)
    done = await asyncio.gather(*archiving, return_exceptions=True)
    assert {type(each) for each in done} == {list, Occupied}


async def test_who_has_the_log_alone_reads_all_of_it_while_it_is_archived(log: Log, tmp_path: Path) -> None:
    async with log.locked() as alone:
        archiving = asyncio.create_task(archived(Log(log.pool, "main"), tmp_path, 19))
        with suppress(AssertionError):
            await waiting(log.pool, archiving)
        assert [event.position for event in await alone.read()] == [*range(1, 101)]
        await appended(alone, written("new", 0))
    await archiving
    assert len(await log.read()) == 101


async def test_other_tenants_keep_their_events(log: Log, tmp_path: Path) -> None:
    other = await filled(log.pool, "other")
    before = await answers(other)
    await archived(log, tmp_path, 59)
    assert await answers(other) == before
    assert await log.pool.fetchval("SELECT count(*) FROM kehu.events WHERE tenant = 'main'") == 41
    await archived(other, tmp_path, 39)
    assert await answers(other) == before
    assert await log.pool.fetchval("SELECT to_regclass('kehu.events_20')") is None


async def test_what_is_not_due_stays(log: Log) -> None:
    assert [(r.first, r.last) for r in await due(log, 58)] == [(1, 19), (20, 39)]
    assert (await due(log, 10_000))[-1].last == 99
    await log.pool.execute(
        "INSERT INTO kehu.builds (tenant, view, generation, digest, serving)"
        " VALUES ('main', 'customers', 1, '', true);"
        "INSERT INTO kehu.shards VALUES ('main', 'customers', 1, 0, 50), ('main', 'customers', 1, 1, 40)"
    )
    assert [r.last for r in await due(log, 10_000)] == [19, 39]


async def test_what_cannot_be_handed_over_stays(log: Log, tmp_path: Path) -> None:
    before = await answers(log)
    wanted = await due(log, 19)
    await log.pool.execute("ALTER TABLE kehu.archives ADD CONSTRAINT never CHECK (false)")
    with pytest.raises(Exception, match="never"):
        await archive(log, tmp_path, wanted)
    assert await answers(log) == before
    await log.pool.execute("ALTER TABLE kehu.archives DROP CONSTRAINT never")
    await archive(log, tmp_path, wanted)
    assert await answers(log) == before
    assert len(names(tmp_path)) == 1


async def test_events_of_other_programs_stay(log: Log, tmp_path: Path) -> None:
    await log.pool.execute("UPDATE kehu.events SET name = 'shop:Cart.Opened' WHERE position = 7")
    with pytest.raises(UnknownEvent):
        await archived(log, tmp_path, 19)
    assert names(tmp_path) == []


async def test_a_log_with_a_gap_is_not_archived(log: Log, tmp_path: Path) -> None:
    await log.pool.execute("DELETE FROM kehu.events WHERE position = 7")
    with pytest.raises(NotWhole):
        await archived(log, tmp_path, 19)


async def test_a_missing_file_is_an_error_not_a_shorter_answer(log: Log, tmp_path: Path) -> None:
    (path,) = await archived(log, tmp_path, 19)
    path.unlink()
    with pytest.raises(ArchiveUnreadable, match="positions 1 to 19"):
        await log.read()
    assert len(await log.read(19)) == 81
