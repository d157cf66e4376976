"""Which position a moment stands for: a position itself, a recorded time, or a business day's end."""

from __future__ import annotations

from datetime import UTC, date, datetime

from domain.calendar import DayEnded
from infra.log.log import Log

Moment = int | datetime | date
"""A position, a recorded time, or a business day, which stands for its end."""


class NoSuchMoment(Exception):
    """The log does not reach that moment."""


def parse(text: str) -> Moment:
    """A position (`51207`), a day (`1997-12-31`) or a time (`1997-12-31T12:00Z`; UTC unless it names a zone).

    Raises `ValueError`.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    if len(text) == len("1997-12-31"):
        return date.fromisoformat(text)
    return datetime.fromisoformat(text)


async def position_of(log: Log, moment: Moment) -> int:
    """The position of the last event that belongs to the moment. Raises `NoSuchMoment`."""
    match moment:
        case int():
            return within(moment, await log.head())
        case datetime():
            return await log.position_at(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
        case date():
            return await _end_of(log, moment)


def within(position: int, head: int) -> int:
    """The position, which the log has reached. Raises `NoSuchMoment`."""
    if not 0 <= position <= head:
        raise NoSuchMoment(f"must be between 0 and {head}, where the log ends")
    return position


async def _end_of(log: Log, day: date) -> int:
    ended = await log.read_tag(DayEnded(day=day).tags[0])
    if not ended:
        raise NoSuchMoment(f"{day} has not ended in this log")
    return ended[-1].position
