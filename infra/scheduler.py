"""Ends business days as they pass, so that all that depends on time is driven by the log alone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

from domain.calendar import DAYS, DayOutOfOrder, EndDay, day_end
from infra.log.group_commit import UNREACHABLE, Busy, heed_cancellation
from infra.log.units import CommandIdReused
from infra.tenant import Tenant

_log = logging.getLogger(__name__)

LONGEST_GAP = 366
"""Days without an end that are made up for; a log that rests for longer is history and stays as it is."""
LOOK_EVERY = 3600.0
"""Seconds after which the calendar is asked again at the latest: it may have been published anew."""


RETRY_EVERY = 10.0
"""Seconds after which it is tried again, where the database could not be reached."""


def utc_now() -> datetime:
    return datetime.now(UTC)


def end_of(day: date, now: datetime) -> EndDay:
    """The command that ends a day, whoever sends it: the first one does it, the others get its answer."""
    return EndDay(command_id=f"day/{day}", actor="scheduler", occurred_at=now, day=day)


async def end_days(tenant: Tenant, clock: Callable[[], datetime] = utc_now) -> None:
    """End each business day once it is over, for ever."""
    while True:
        try:
            left = await _look(tenant, clock())
        except (*UNREACHABLE, Busy, CommandIdReused) as trouble:
            heed_cancellation(trouble)
            _log.warning("business days are not ended now: %s", trouble)
            left = RETRY_EVERY
        await asyncio.sleep(left)


async def _look(tenant: Tenant, now: datetime) -> float:
    """End what has passed; the seconds until there is something to do again."""
    await end_passed_days(tenant, now)
    policies = await tenant.log.policies(await tenant.log.head())
    today = policies.business_day(now)
    left = day_end(today, policies.calendar(today)) - now
    return min(max(left.total_seconds(), 0.0) + 1.0, LOOK_EVERY)


async def end_passed_days(tenant: Tenant, now: datetime) -> list[date]:
    """End every day after the last one that ended and before today; a new log begins with yesterday.

    Raises `CommandIdReused` where somebody else has used a day's command id for another command.
    """
    policies = await tenant.log.policies(await tenant.log.head())
    yesterday = policies.business_day(now) - timedelta(days=1)
    last = await _last_day(tenant) or yesterday - timedelta(days=1)
    if (yesterday - last).days > LONGEST_GAP:
        _log.info("no business day is ended: the last one, %s, is too long ago", last)
        return []
    missing = [last + timedelta(days=n) for n in range(1, (yesterday - last).days + 1)]
    for day in missing:
        try:
            await tenant.engine.execute(end_of(day, now))
        except DayOutOfOrder:  # another process has gone further meanwhile
            continue
    return missing


async def _last_day(tenant: Tenant) -> date | None:
    version = (await tenant.log.versions([DAYS.name])).get(DAYS.name, 0)
    ended = await tenant.log.read_stream(DAYS.name, after=version - 1) if version else []
    return DAYS.replay(e.event for e in ended).day
