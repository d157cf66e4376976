"""The log keeps its promises: dense, ordered, conditional, all or nothing, and once for each command id."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise

import asyncpg
import pytest

from infra.database import Pool, connected
from infra.log.log import Log
from infra.log.units import Appended, CommandIdReused, Conflict, NoneSince, UnknownTenant
from tests.infra.wishes import appended, together, written


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with connected(database) as opened:
        yield opened


@pytest.fixture
async def log(pool: Pool) -> Log:
    log = Log(pool, "main")
    assert await log.create()
    return log


async def test_positions_are_dense_and_times_increase_with_them(log: Log) -> None:
    rng = random.Random(1)
    versions: dict[str, int] = {}
    for _ in range(30):
        units = []
        for stream in rng.sample("abcdefgh", rng.randint(1, 8)):
            count = rng.randint(0, 3)
            units.append(written(stream, versions.get(stream, 0), events=count))
            versions[stream] = versions.get(stream, 0) + count
        await appended(log, *units)
    events = await log.read()
    assert [event.position for event in events] == list(range(1, sum(versions.values()) + 1))
    assert all(before.recorded_at < after.recorded_at for before, after in pairwise(events))
    for stream, version in versions.items():
        in_order = [event.version for event in events if event.stream == stream]
        assert in_order == list(range(1, version + 1))
    assert await log.versions([*versions, "nowhere"]) == {s: v for s, v in versions.items() if v}
    assert await log.head() == sum(versions.values())


async def test_times_increase_even_when_the_clock_is_put_back(log: Log) -> None:
    (before,) = await appended(log, written("a", 0))
    await log.pool.execute("UPDATE kehu.heads SET recorded_at = recorded_at + interval '1 hour'")
    (after,) = await appended(log, written("a", 1, events=3))
    (then,) = await appended(log, written("a", 4))
    gap = timedelta(hours=1, microseconds=3)
    assert (after.recorded_at, then.recorded_at) == (
        before.recorded_at + gap,
        before.recorded_at + gap + timedelta(microseconds=1),
    )
    assert [e.recorded_at for e in await log.read()][-2:] == [after.recorded_at, then.recorded_at]


async def test_the_answer_tells_place_and_time_as_they_are_stored(log: Log) -> None:
    first, second, nothing = await appended(
        log, written("a", 0, events=2), written("b", 0, events=3), written("c", 0, events=0)
    )
    events = await log.read()
    assert (first.position, first.recorded_at) == (2, events[1].recorded_at)
    assert (second.position, second.recorded_at) == (5, events[4].recorded_at)
    assert (second.stream, second.version, second.events) == ("b", 3, 3)
    assert (nothing.position, nothing.version, nothing.events) == (5, 0, 0)


async def test_another_version_than_expected_is_a_conflict(log: Log) -> None:
    await appended(log, written("a", 0, events=3))
    for expected in (0, 2, 4):
        (conflict,) = await log.append([written("a", expected)])
        assert isinstance(conflict, Conflict)
        assert (conflict.subject, conflict.found) == ("a", 3)
    (conflict,) = await log.append([written("b", 1)])
    assert isinstance(conflict, Conflict)
    assert (conflict.subject, conflict.found) == ("b", 0)
    await appended(log, written("a", 3), written("b", 0))


async def test_who_has_the_log_alone_and_stops_keeps_nobody_waiting(
    pool: Pool, log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.database.IDLE", "100ms")
    with pytest.raises(asyncpg.InterfaceError):
        async with log.locked(), asyncio.timeout(60):
            await appended(Log(pool, log.tenant), written("s", 0))
    assert await log.head() == 1


async def test_one_refusal_leaves_its_neighbours_alone(log: Log) -> None:
    await appended(log, written("taken", 0, command_id="known"))
    rng = random.Random(2)
    position, kept = 1, ["taken"]
    for turn in range(20):
        refusable = [
            written("taken", 0),
            written("x", 7),
            written(f"y-{turn}", 0, command_id="known"),
        ]
        fine = [written(f"s-{turn}-{n}", 0, events=rng.randint(0, 2)) for n in range(4)]
        units = [*refusable, *fine]
        rng.shuffle(units)
        outcomes = await log.append(units)
        for unit, outcome in zip(units, outcomes, strict=True):
            if unit in fine:
                assert isinstance(outcome, Appended)
                position += len(unit.events)
                assert outcome.position == position
                kept += [event.stream for event in unit.events]
            elif unit is refusable[2]:
                assert isinstance(outcome, Appended)
                assert (outcome.position, outcome.repeated) == (1, True)
            else:
                assert isinstance(outcome, Conflict)
    assert [event.stream for event in await log.read()] == kept


async def test_a_unit_is_all_in_or_all_out(log: Log) -> None:
    await appended(log, written("a", 0))
    (conflict,) = await log.append([together(written("b", 0, tags=("t:1",)), written("a", 0))])
    assert isinstance(conflict, Conflict)
    assert [event.stream for event in await log.read()] == ["a"]
    assert await log.versions(["a", "b"]) == {"a": 1}
    assert await log.read_tag("t:1") == []
    both = together(written("b", 0, command_id="b-1"), written("a", 1, command_id="a-2"))
    await appended(log, both)
    assert await log.known_commands(["b-1", "a-2", "never"]) == {"b-1", "a-2"}
    first = await log.result_of("b-1", b"f")
    assert isinstance(first, Appended)
    assert (first.stream, first.version, first.position) == ("b", 1, 2)


async def test_none_since_holds_only_while_nobody_appended_such_an_event(log: Log) -> None:
    (one,) = await appended(log, written("a", 0, tags=("phone:1", "phone:2")))

    async def refused(condition: NoneSince) -> int | None:
        (outcome,) = await log.append([written(f"s-{condition}", 0, unless=(condition,), events=0)])
        return outcome.found if isinstance(outcome, Conflict) else None

    assert await refused(NoneSince(tags=("phone:1",), after=0)) == one.position
    assert await refused(NoneSince(tags=("phone:2",), after=0, names=("CustomerRegistered",))) == one.position
    assert await refused(NoneSince(tags=("phone:1",), after=0, names=("Other", "Another"))) is None
    assert await refused(NoneSince(tags=("phone:1",), after=0, names=())) is None
    assert await refused(NoneSince(tags=("phone:3",), after=0)) is None
    assert await refused(NoneSince(tags=("phone:1",), after=one.position)) is None
    await appended(log, written("b", 0, tags=("phone:1",)))
    for after in (0, one.position):
        assert await refused(NoneSince(tags=("phone:1",), after=after)) == one.position + 1


async def test_a_repeated_command_gets_its_first_result_exactly(database: str, log: Log) -> None:
    unit = written("a", 0, command_id="c-1", events=2)
    (first,) = await appended(log, unit)
    await appended(log, written("a", 2), written("z", 0))
    again = [written("a", 0, command_id="c-1"), written("b", 0), written("other", 5, command_id="c-1")]
    for repetition in (again[:1], again[:2], again[1:]):
        outcomes = await log.append(repetition)
        for asked, outcome in zip(repetition, outcomes, strict=True):
            if asked.commands[0].command_id == "c-1":
                assert isinstance(outcome, Appended)
                assert outcome.repeated
                assert (outcome.position, outcome.recorded_at) == (first.position, first.recorded_at)
                assert (outcome.stream, outcome.version, outcome.events) == ("a", 2, 2)
    async with connected(database) as elsewhere:
        (outcome,) = await Log(elsewhere, "main").append([unit])
    assert isinstance(outcome, Appended)
    assert (outcome.position, outcome.recorded_at) == (first.position, first.recorded_at)
    found = await log.result_of("c-1", b"f")
    assert isinstance(found, Appended)
    assert found.recorded_at == first.recorded_at == (await log.read_stream("a"))[1].recorded_at
    assert await log.result_of("c-2", b"f") is None


async def test_a_command_without_events_has_a_first_result_too(log: Log) -> None:
    (idle,) = await appended(log, written("a", 0, events=0, command_id="idle"))
    await appended(log, written("a", 0))
    (again,) = await log.append([written("a", 1, command_id="idle")])
    assert isinstance(again, Appended)
    assert again.repeated
    assert (again.position, again.recorded_at, again.version) == (0, idle.recorded_at, 0)


async def test_an_id_of_another_command_is_refused(log: Log) -> None:
    await appended(log, written("a", 0, command_id="c-1"))
    other, fine = await log.append(
        [written("a", 1, command_id="c-1", fingerprint=b"another"), written("a", 1)]
    )
    assert isinstance(other, CommandIdReused)
    assert isinstance(fine, Appended)
    assert isinstance(await log.result_of("c-1", b"another"), CommandIdReused)
    assert await log.head() == 2


async def test_a_unit_of_which_one_command_was_done_is_not_done_again(log: Log) -> None:
    await appended(log, written("a", 0, command_id="c-1"))
    (outcome,) = await log.append(
        [together(written("a", 1, command_id="c-1"), written("b", 0, command_id="c-2"))]
    )
    assert not isinstance(outcome, Conflict)
    assert await log.known_commands(["c-1", "c-2"]) == {"c-1"}
    assert await log.head() == 1


async def test_tenants_know_nothing_of_each_other(pool: Pool, log: Log) -> None:
    other = Log(pool, "other")
    with pytest.raises(UnknownTenant):
        await other.head()
    with pytest.raises(UnknownTenant):
        await other.append([written("a", 0)])
    assert await other.create()
    assert not await other.create()
    await appended(log, written("a", 0, command_id="c-1", tags=("t:1",), customer_id="li"))
    await appended(other, written("a", 0, command_id="c-1", tags=("t:1",), customer_id="li"))
    (conflict,) = await other.append([written("a", 0)])
    assert isinstance(conflict, Conflict)
    for tenant in (log, other):
        assert await tenant.head() == 1
        (event,) = await tenant.read()
        assert [event] == await tenant.read_tag("t:1") == await tenant.read_customer("li")
        assert [event] == await tenant.read_stream("a")


async def test_a_moment_is_a_position(log: Log) -> None:
    assert await log.position_at((await appended(log, written("s-0", 0)))[0].recorded_at) == 1
    for n in range(1, 60):
        await appended(log, written(f"s-{n}", 0, events=n % 3))
    events = await log.read()
    moments = [event.recorded_at for event in events]
    near = (timedelta(microseconds=-1), timedelta(), timedelta(microseconds=1))
    for moment in [moment + step for moment in moments for step in near]:
        assert await log.position_at(moment) == sum(known <= moment for known in moments)
    assert await log.position_at(moments[0] - timedelta(days=9)) == 0
    assert await log.position_at(moments[-1] + timedelta(days=9)) == len(events)


async def test_reading_in_parts_gives_the_whole(log: Log) -> None:
    for n in range(12):
        await appended(log, written(f"s-{n % 3}", n // 3, customer_id="ab"[n % 2], tags=(f"t:{n % 4}",)))
    everything = await log.read()
    assert [e.position for e in everything] == list(range(1, 13))
    assert await log.read(4, until=9) == everything[4:9]
    assert await log.read(4, until=9, limit=2) == everything[4:6]
    assert await log.read(backwards=True) == everything[::-1]
    assert await log.read(4, until=9, limit=2, backwards=True) == [everything[8], everything[7]]
    assert await log.read(12) == []
    assert [page async for page in log.pages(2, until=9, page=3)] == [
        everything[2:5],
        everything[5:8],
        everything[8:9],
    ]
    assert await log.read_stream("s-1") == everything[1::3]
    assert await log.read_stream("s-1", after=1, until=3) == everything[4::3][:2]
    assert await log.read_stream("s-1", after=1, limit=2) == everything[4::3][:2]
    assert await log.read_stream("s-1", until=3, limit=2, backwards=True) == [everything[7], everything[4]]
    assert [await log.latest("s-1"), await log.latest("nothing")] == [everything[10], None]
    since, end = everything[4].recorded_at, everything[8].recorded_at
    assert await log.read_between(since, end) == everything[4:8]
    assert await log.read_between(since, end, after=6, limit=1) == everything[6:7]
    assert await log.read_between(end, since) == []
    assert await log.read_streams(["s-2", "s-0", "nothing"]) == {
        "s-0": everything[0::3],
        "s-2": everything[2::3],
    }
    assert await log.read_customer("b", after=3, until=8) == everything[3:8:2]
    assert await log.read_tag("t:2", until=8) == everything[2:8:4]
    assert await log.read_tag("t:2", after=3, until=8) == everything[6:8:4]
    assert everything[3].command_id != everything[4].command_id
    assert everything[3].actor == "Li Na"
