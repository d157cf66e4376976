"""Business days end one after the other, each once, whoever ends them."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest

from domain.calendar import DayEnded, PublishCalendar
from infra import scheduler
from infra.database import connected
from infra.log.followers import follow
from infra.scheduler import end_days, end_of, end_passed_days
from infra.tenant import open_tenant

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_a_new_log_begins_with_yesterday_and_catches_up_later(database: str) -> None:
    async with connected(database) as pool, open_tenant(pool, "shop", ()) as tenant:
        assert await end_passed_days(tenant, NOON) == [date(2026, 3, 1)]
        assert await end_passed_days(tenant, NOON) == []
        assert await end_passed_days(tenant, NOON.replace(day=4)) == [date(2026, 3, 2), date(2026, 3, 3)]


async def test_the_tenants_time_zone_says_when_a_day_is_over(database: str) -> None:
    async with connected(database) as pool, open_tenant(pool, "shop", ()) as tenant:
        await tenant.engine.execute(
            PublishCalendar(
                command_id="calendar",
                actor="test",
                occurred_at=NOON,
                calendar_version="china",
                effective_from=date(2026, 1, 1),
                time_zone="Asia/Shanghai",
                hours=(((540, 1080),),) * 5 + ((), ()),
            )
        )
        evening = NOON.replace(hour=16, minute=30)  # half past midnight in Shanghai
        assert await end_passed_days(tenant, evening) == [date(2026, 3, 2)]


async def test_a_log_that_rested_for_years_is_left_alone(database: str) -> None:
    async with connected(database) as pool, open_tenant(pool, "shop", ()) as tenant:
        await tenant.engine.execute(end_of(date(1998, 6, 30), NOON))
        assert await end_passed_days(tenant, NOON) == []


async def test_two_processes_end_each_day_once(database: str) -> None:
    async with (
        connected(database) as one,
        connected(database) as two,
        open_tenant(one, "shop", ()) as here,
        open_tenant(two, "shop", ()) as there,
    ):
        await end_passed_days(here, NOON)
        later = NOON.replace(day=20)
        await asyncio.gather(end_passed_days(here, later), end_passed_days(there, later))
        events = await here.log.read_stream("days")
        assert [e.event.day for e in events] == [date(2026, 3, day) for day in range(1, 20)]  # type: ignore[attr-defined]


async def test_the_scheduler_ends_what_has_passed_at_once(database: str) -> None:
    async with connected(database) as pool, open_tenant(pool, "shop", ()) as tenant:
        running = asyncio.create_task(end_days(tenant, lambda: NOON))
        [ended] = await anext(follow(tenant.log, tenant.wakeups))
        running.cancel()
        assert ended.event == DayEnded(day=date(2026, 3, 1))


async def test_who_is_cancelled_while_the_connection_is_lost_ends(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = asyncio.Event()

    async def loses_its_connection(*_: object) -> float:
        assert not looking.is_set(), "it went on"
        looking.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise ConnectionResetError

    monkeypatch.setattr(scheduler, "_look", loses_its_connection)
    monkeypatch.setattr(scheduler, "RETRY_EVERY", 0)
    async with connected(database) as pool, open_tenant(pool, "shop", ()) as tenant:
        running = asyncio.create_task(end_days(tenant))
        await looking.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
