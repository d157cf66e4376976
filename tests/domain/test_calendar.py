"""Days end in order; calendars are published; working time is reckoned in opening hours, also across DST."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from domain.calendar import (
    CALENDARS,
    DAYS,
    DEFAULT_CALENDAR,
    CalendarAlreadyPublished,
    CalendarPublished,
    DayEnded,
    DayNotOver,
    DayOutOfOrder,
    DayTooEarly,
    EndDay,
    HoursInvalid,
    NeverOpen,
    PublishCalendar,
    UnknownTimeZone,
    add_business_time,
    business_day,
    day_end,
)
from domain.commands import parse
from domain.errors import InvalidInput
from tests.domain.spec import BY, given

NINE_TO_FIVE = ((540, 1020),)
LUNCH_BREAK = ((540, 720), (780, 1080))
ALWAYS = ((0, 1440),)
CALENDAR: dict[str, Any] = {
    "calendar_version": "2026",
    "effective_from": "2026-01-01",
    "time_zone": "Asia/Shanghai",
    "hours": [[[540, 720], [780, 1080]]] * 5 + [[], []],
    "holidays": ["2026-10-01"],
}
PUBLISHED = CalendarPublished(
    calendar_version="2026",
    effective_from=date(2026, 1, 1),
    time_zone="Asia/Shanghai",
    hours=(LUNCH_BREAK,) * 5 + ((), ()),
    holidays=(date(2026, 10, 1),),
)


def calendar(zone: str, day: tuple[tuple[int, int], ...], *holidays: date) -> CalendarPublished:
    """The same hours on each day of the week."""
    return CalendarPublished(
        calendar_version="test",
        effective_from=date.min,
        time_zone=zone,
        hours=(day,) * 7,
        holidays=holidays,
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- Days end, one after the other ----------------------------------------------------------------


def test_days_end_one_after_the_other() -> None:
    first, second = DayEnded(day=date(2026, 2, 27)), DayEnded(day=date(2026, 3, 1))
    given(DAYS).when(EndDay, day="2026-02-27").then(first)
    given(DAYS, first).when(EndDay, day="2026-03-01").then(second)


@pytest.mark.parametrize("day", ["2026-02-27", "2026-02-26"])
def test_a_day_ends_once(day: str) -> None:
    given(DAYS, DayEnded(day=date(2026, 2, 27))).when(EndDay, day=day).refused(DayOutOfOrder, field="day")


def test_a_day_that_lies_ahead_does_not_end() -> None:
    given(DAYS).when(EndDay, day="2026-03-03").refused(DayNotOver, field="day")


def test_a_day_ends_once_it_is_over_in_the_easternmost_zone() -> None:
    day, early = {"day": "2026-03-02"}, utc("2026-03-02T09:59:59")
    refused = given(DAYS).when(EndDay, **day, occurred_at=early).refused(DayNotOver, field="day")
    assert "2026-03-02 cannot end at 2026-03-02 09:59" in refused.message
    over = datetime(2026, 3, 3, tzinfo=ZoneInfo("Pacific/Kiritimati"))
    given(DAYS).when(EndDay, **day, occurred_at=over).then(DayEnded(day=date(2026, 3, 2)))


@pytest.mark.parametrize("day", ["0001-01-01", "1899-12-31"])
def test_business_days_begin_in_1900(day: str) -> None:
    given(DAYS).when(EndDay, day=day).refused(DayTooEarly, field="day")
    given(DAYS).when(EndDay, day="1900-01-01").then(DayEnded(day=date(1900, 1, 1)))


def test_all_days_are_one_stream() -> None:
    assert DAYS.stream_of(parse(EndDay, BY | {"day": "2026-02-27"})) == "days"
    assert CALENDARS.stream_of(parse(PublishCalendar, BY | CALENDAR)) == "calendar-2026"


# --- Calendars are published ----------------------------------------------------------------------


def test_a_calendar_is_published_once_under_its_version() -> None:
    given(CALENDARS).when(PublishCalendar, **CALENDAR).then(PUBLISHED)
    given(CALENDARS, PUBLISHED).when(PublishCalendar, **CALENDAR).refused(
        CalendarAlreadyPublished, field="calendar_version"
    )
    given(CALENDARS).when(PublishCalendar, **CALENDAR | {"calendar_version": "default"}).refused(
        CalendarAlreadyPublished, field="calendar_version"
    )


@pytest.mark.parametrize("zone", ["Mars/Olympus", "Asia", "../../etc/passwd", "Asia/Shanghai/"])
def test_its_time_zone_must_exist(zone: str) -> None:
    given(CALENDARS).when(PublishCalendar, **CALENDAR | {"time_zone": zone}).refused(
        UnknownTimeZone, field="time_zone"
    )


@pytest.mark.parametrize(
    "tuesday", [[[600, 600]], [[600, 540]], [[540, 720], [700, 800]], [[780, 800], [0, 9]]]
)
def test_hours_open_before_they_close_without_overlap(tuesday: list[list[int]]) -> None:
    hours = [[], tuesday, [], [], [], [], []]
    given(CALENDARS).when(PublishCalendar, **CALENDAR | {"hours": hours}).refused(
        HoursInvalid, field="hours[1]"
    )


def test_a_week_has_seven_days_and_some_open_minute() -> None:
    given(CALENDARS).when(PublishCalendar, **CALENDAR | {"hours": [[[540, 1020]]] * 6}).refused(
        InvalidInput, field="hours"
    )
    given(CALENDARS).when(PublishCalendar, **CALENDAR | {"hours": [[]] * 7}).refused(NeverOpen, field="hours")
    given(CALENDARS).when(PublishCalendar, **CALENDAR | {"hours": [[[0, 1441]]] + [[]] * 6}).refused(
        InvalidInput, field="hours[0][0][1]"
    )


# --- Reckoning ------------------------------------------------------------------------------------


def test_a_moment_belongs_to_the_local_day() -> None:
    late = utc("2026-03-02T16:30")
    assert business_day(late, PUBLISHED) == date(2026, 3, 3)
    assert business_day(late, DEFAULT_CALENDAR) == date(2026, 3, 2)


def test_a_local_day_ends_at_local_midnight_also_when_clocks_change() -> None:
    berlin = calendar("Europe/Berlin", ALWAYS)
    assert day_end(date(2026, 3, 2), PUBLISHED) == utc("2026-03-02T16:00")
    assert day_end(date(2026, 3, 28), berlin) == utc("2026-03-28T23:00")
    assert day_end(date(2026, 3, 29), berlin) == utc("2026-03-29T22:00")


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2026-03-02T09:30", 60, "2026-03-02T10:30"),  # within a Monday
        ("2026-03-02T16:30", 60, "2026-03-03T09:30"),  # over night
        ("2026-03-02T16:30", 30, "2026-03-02T17:00"),  # until closing time exactly
        ("2026-03-06T16:00", 120, "2026-03-09T10:00"),  # over a weekend
        ("2026-03-07T12:00", 240, "2026-03-09T13:00"),  # from a Saturday
        ("2026-03-02T07:00", 1, "2026-03-02T09:01"),  # before opening
        ("2026-03-07T12:00", 0, "2026-03-07T12:00"),  # no time at all
    ],
)
def test_working_time_passes_in_opening_hours_only(start: str, minutes: int, due: str) -> None:
    assert add_business_time(utc(start), minutes, DEFAULT_CALENDAR) == utc(due)


def test_breaks_and_holidays_do_not_count() -> None:
    before_the_holiday = utc("2026-09-30T03:30")  # 11:30 in Shanghai
    assert add_business_time(before_the_holiday, 60, PUBLISHED) == utc("2026-09-30T05:30")
    assert add_business_time(before_the_holiday, 330, PUBLISHED) == utc("2026-09-30T10:00")
    assert add_business_time(before_the_holiday, 331, PUBLISHED) == utc("2026-10-02T01:01")


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [("2026-03-28T23:00", 23, "2026-03-29T22:00"), ("2026-10-24T22:00", 25, "2026-10-25T23:00")],
)
def test_days_of_23_and_25_hours_count_what_they_last(start: str, hours: int, due: str) -> None:
    assert add_business_time(utc(start), hours * 60, calendar("Europe/Berlin", ALWAYS)) == utc(due)


def test_hours_that_the_clock_leaps_over_do_not_count() -> None:
    nightly = calendar("Europe/Berlin", ((60, 150), (180, 240)))  # 02:30 and 03:00 do not both exist
    assert add_business_time(utc("2026-03-29T00:00"), 120, nightly) == utc("2026-03-29T02:00")


@settings(max_examples=40, deadline=None)
@for_all(
    zone=st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York"]),
    hours=st.sampled_from([NINE_TO_FIVE, LUNCH_BREAK, ALWAYS]),
    start=st.datetimes(datetime(2026, 3, 5), datetime(2026, 3, 31)),
    minutes=st.integers(1, 1200),
    holiday=st.dates(date(2026, 3, 5), date(2026, 3, 31)),
)
def test_it_agrees_with_counting_every_minute(
    zone: str, hours: tuple[tuple[int, int], ...], start: datetime, minutes: int, holiday: date
) -> None:
    began = start.replace(second=0, microsecond=0, tzinfo=UTC)
    due = add_business_time(began, minutes, calendar(zone, hours, holiday))
    counted, minute, local = 0, began, ZoneInfo(zone)
    while counted < minutes:
        wall = minute.astimezone(local)
        of_day = wall.hour * 60 + wall.minute
        counted += wall.date() != holiday and any(opens <= of_day < closes for opens, closes in hours)
        minute += timedelta(minutes=1)
    assert due == minute
