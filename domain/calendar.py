"""Which days and hours count: days as they end, published opening hours, and time reckoned in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import count, pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from domain.commands import Command, Id, Name
from domain.decider import Decider, carry
from domain.errors import DomainError
from domain.events import Event, PolicyEvent, event
from domain.records import Record

Minute = Annotated[int, msgspec.Meta(ge=0, le=24 * 60)]
"""A minute of the day, local time: 540 is 09:00, 1440 the end of the day."""
Week = Annotated[tuple[tuple[tuple[Minute, Minute], ...], ...], msgspec.Meta(min_length=7, max_length=7)]
"""For each day, Monday first, when it opens and closes, as often as it does."""
Days = Annotated[tuple[date, ...], msgspec.Meta(max_length=10_000)]


# --- Events: the stored names are a contract ------------------------------------------------------


@event("DayEnded")
class DayEnded(Event):
    day: date

    @property
    def tags(self) -> tuple[str, ...]:
        return (f"day:{self.day}",)


@event("CalendarPublished")
class CalendarPublished(PolicyEvent):
    """Opening hours by weekday, Monday first, in minutes of the local day; none on holidays."""

    calendar_version: str
    effective_from: date
    time_zone: str
    hours: tuple[tuple[tuple[int, int], ...], ...]
    holidays: tuple[date, ...] = ()


DEFAULT_CALENDAR = CalendarPublished(
    calendar_version="default",
    effective_from=date.min,
    time_zone="UTC",
    hours=(((9 * 60, 17 * 60),),) * 5 + ((), ()),
)
"""Monday to Friday from nine to five, UTC: in force until another one is published."""


AROUND_THE_CLOCK = CalendarPublished(
    calendar_version="around the clock",
    effective_from=date.min,
    time_zone="UTC",
    hours=(((0, 24 * 60),),) * 7,
)
"""Night and day, without holidays: the clock of promises that are always open."""


WESTERNMOST = timezone(timedelta(hours=-12))


# --- Reckoning ------------------------------------------------------------------------------------


def business_day(moment: datetime, calendar: CalendarPublished) -> date:
    """The local day that a moment belongs to."""
    return moment.astimezone(ZoneInfo(calendar.time_zone)).date()


def earliest_day(moment: datetime) -> date:
    """The earliest day that it still is somewhere on earth, at UTC−12: a term that ended before is over.

    For rules that know no calendar: nobody is refused on a term's last day, whichever zone is theirs.
    """
    return moment.astimezone(WESTERNMOST).date()


def day_end(day: date, calendar: CalendarPublished) -> datetime:
    """The moment (UTC) at which a local day is over."""
    return _moment(day, 24 * 60, ZoneInfo(calendar.time_zone))


def add_business_time(start: datetime, minutes: int, calendar: CalendarPublished) -> datetime:
    """The moment (UTC) by which that many open minutes have passed since `start`."""
    moment, left = start.astimezone(UTC), timedelta(minutes=minutes)
    openings = _openings(business_day(start, calendar), calendar)
    while left > timedelta():
        opens, closes = next(openings)
        if (begin := max(moment, opens)) < closes:
            moment = min(begin + left, closes)
            left -= moment - begin
    return moment


def business_minutes(start: datetime, end: datetime, calendar: CalendarPublished) -> int:
    """How many open minutes lie between two moments; each begun minute counts as none."""
    begin, over, open_time = start.astimezone(UTC), end.astimezone(UTC), timedelta()
    for opens, closes in _openings(business_day(start, calendar), calendar):
        if opens >= over:
            return int(open_time / timedelta(minutes=1))
        open_time += max(min(closes, over) - max(opens, begin), timedelta())
    raise AssertionError("days have no end")


def _openings(first: date, calendar: CalendarPublished) -> Iterator[tuple[datetime, datetime]]:
    """When it is open (UTC), from the beginning of a local day on, without end."""
    zone, holidays = ZoneInfo(calendar.time_zone), frozenset(calendar.holidays)
    for day in map(date.fromordinal, count(first.toordinal())):
        if day not in holidays:
            for opens, closes in calendar.hours[day.weekday()]:
                yield _moment(day, opens, zone), _moment(day, closes, zone)


def _moment(day: date, minute: int, zone: ZoneInfo) -> datetime:
    return (datetime.combine(day, time(), zone) + timedelta(minutes=minute)).astimezone(UTC)


# --- Days end, one after the other ----------------------------------------------------------------


FIRST_DAY = date(1900, 1, 1)
"""The earliest day that can end."""
OVER = time(10)
"""When a day is over at UTC+14, the easternmost zone, by the clock of UTC."""


class LastDay(Record):
    """The last day that ended."""

    day: date | None = None


def evolve_days(state: LastDay, happened: DayEnded) -> LastDay:
    return LastDay(day=happened.day)


class EndDay(Command):
    """Close a business day: what depends on time passing is computed now."""

    day: date


class DayOutOfOrder(DomainError):
    """{day} cannot end: {last} has ended already."""

    field = "day"


class DayNotOver(DomainError):
    """{day} cannot end at {now}: nowhere on earth is it over before {over} (UTC)."""

    field = "day"


class DayTooEarly(DomainError):
    """{day} cannot end: business days begin with {first}."""

    field = "day"


def decide_days(state: LastDay, command: EndDay) -> Sequence[DayEnded]:
    if state.day is not None and command.day <= state.day:
        raise DayOutOfOrder(day=command.day, last=state.day)
    if command.day < FIRST_DAY:
        raise DayTooEarly(day=command.day, first=FIRST_DAY)
    if (now := command.occurred_at.astimezone(UTC)) < (over := datetime.combine(command.day, OVER, UTC)):
        raise DayNotOver(day=command.day, now=f"{now:%Y-%m-%d %H:%M}", over=f"{over:%Y-%m-%d %H:%M}")
    return [carry(DayEnded, command)]


DAYS = Decider(
    name="days",
    id_field=None,
    initial=LastDay(),
    evolve=evolve_days,
    decide=decide_days,
    commands=(EndDay,),
)


# --- Calendars are published ----------------------------------------------------------------------


class Calendar(Record):
    """Whether this version exists."""

    published: bool = False


def evolve(state: Calendar, happened: CalendarPublished) -> Calendar:
    return Calendar(published=True)


class PublishCalendar(Command):
    """Set the time zone, opening hours and holidays that hold from a day on."""

    calendar_version: Id
    effective_from: date
    time_zone: Name
    hours: Week
    holidays: Days = ()


class CalendarAlreadyPublished(DomainError):
    """Calendar {calendar_version} exists; publish the new one under another version."""

    field = "calendar_version"


class UnknownTimeZone(DomainError):
    """{time_zone!r} is not a time zone of the IANA database, such as Asia/Shanghai."""

    field = "time_zone"


class HoursInvalid(DomainError):
    """Opening hours of one day must each open before they close, in order, without overlap."""

    field = "hours"


class NeverOpen(DomainError):
    """The week has no opening hours: no deadline would ever pass."""

    field = "hours"


def require_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise UnknownTimeZone(time_zone=name) from None


def require_hours(week: Week) -> None:
    for weekday, hours in enumerate(week):
        opens_first = all(opens < closes for opens, closes in hours)
        apart = all(before[1] <= after[0] for before, after in pairwise(hours))
        if not (opens_first and apart):
            raise HoursInvalid(at=f"hours[{weekday}]")
    if not any(week):
        raise NeverOpen


def decide(state: Calendar, command: PublishCalendar) -> Sequence[CalendarPublished]:
    if state.published or command.calendar_version == DEFAULT_CALENDAR.calendar_version:
        raise CalendarAlreadyPublished(calendar_version=command.calendar_version)
    require_time_zone(command.time_zone)
    require_hours(command.hours)
    return [carry(CalendarPublished, command)]


CALENDARS = Decider(
    name="calendar",
    id_field="calendar_version",
    initial=Calendar(),
    evolve=evolve,
    decide=decide,
    commands=(PublishCalendar,),
)
