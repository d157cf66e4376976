"""Which rules are in force on a day: the latest that has begun, the last published among equals."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from domain.calendar import DEFAULT_CALENDAR, CalendarPublished, DayEnded
from domain.complaints import Severity
from domain.deadlines import DEFAULT_DEADLINES, Deadline, DeadlinesPublished
from domain.events import Event, PolicyEvent, catalogue
from domain.policies import (
    POLICY_EVENTS,
    POLICY_TAG,
    Limit,
    Policies,
    answer_limit,
    complaint_limit,
    due_at,
    evolve,
    moved_by_pause,
)
from domain.service import ServicePolicyPublished
from domain.tiers import Cadence, Tier, TierPolicyPublished, TierPolicyRetired, TierRule


def folded(*events: Event) -> Policies:
    policies = Policies()
    for event in events:
        policies = evolve(policies, event)
    return policies


def tiers(version: str, day: date) -> TierPolicyPublished:
    return TierPolicyPublished(
        policy_version=version,
        effective_from=day,
        currency="USD",
        window_days=365,
        cadence=Cadence.MONTH,
        rules=tuple(TierRule(tier=tier) for tier in Tier),
    )


def calendar(version: str, day: date, zone: str) -> CalendarPublished:
    hours = (((540, 1080),),) * 7
    return CalendarPublished(calendar_version=version, effective_from=day, time_zone=zone, hours=hours)


def deadlines(version: str, day: date, minutes: int) -> DeadlinesPublished:
    return DeadlinesPublished(
        deadlines_version=version,
        effective_from=day,
        default_minutes=minutes,
        rules=(Deadline(severity=Severity.CRITICAL, minutes=30),),
    )


JANUARY, MARCH = date(2026, 1, 1), date(2026, 3, 1)


def test_before_anything_is_published_the_defaults_hold() -> None:
    assert Policies().calendar(MARCH) is DEFAULT_CALENDAR
    assert Policies().deadlines(MARCH) is DEFAULT_DEADLINES
    assert Policies().tier_policy(MARCH) is None


def test_the_policy_that_began_last_is_in_force_in_whatever_order_they_came() -> None:
    old, new = tiers("old", JANUARY), tiers("new", MARCH)
    for policies in (folded(old, new), folded(new, old)):
        assert policies.tier_policy(date(2025, 12, 31)) is None
        assert policies.tier_policy(JANUARY) is old
        assert policies.tier_policy(date(2026, 2, 28)) is old
        assert policies.tier_policy(MARCH) is new


def test_among_policies_of_one_day_the_last_published_holds() -> None:
    first, second = tiers("first", MARCH), tiers("second", MARCH)
    assert folded(first, second).tier_policy(MARCH) is second
    assert folded(second, first).tier_policy(MARCH) is first


def test_when_a_policy_is_retired_the_one_before_it_holds_again() -> None:
    old, new = tiers("old", JANUARY), tiers("new", MARCH)
    assert folded(old, new, TierPolicyRetired(policy_version="new")).tier_policy(MARCH) is old
    assert folded(old, TierPolicyRetired(policy_version="old")).tier_policy(MARCH) is None


def test_calendars_and_deadlines_take_turns_too() -> None:
    policies = folded(
        calendar("old", JANUARY, "UTC"), calendar("new", MARCH, "Asia/Shanghai"), deadlines("one", MARCH, 60)
    )
    assert policies.calendar(JANUARY).calendar_version == "old"
    assert policies.calendar(MARCH).calendar_version == "new"
    assert policies.deadlines(JANUARY) is DEFAULT_DEADLINES
    assert policies.deadlines(MARCH).deadlines_version == "one"


def test_the_day_of_a_moment_is_that_of_the_calendar_in_force() -> None:
    evening = datetime(2026, 3, 2, 18, tzinfo=UTC)
    assert Policies().business_day(evening) == date(2026, 3, 2)
    assert folded(calendar("c", JANUARY, "Asia/Shanghai")).business_day(evening) == date(2026, 3, 3)


def complaint_due_at(
    policies: Policies, received: datetime, severity: Severity | None, tier: Tier | None = None
) -> datetime:
    return due_at(policies, received, complaint_limit(policies, received, severity, tier))


@pytest.mark.parametrize("severity", [None, Severity.CRITICAL])
@pytest.mark.parametrize("tier", [None, Tier.PLATINUM])
def test_a_complaint_is_due_within_half_a_working_day(severity: Severity | None, tier: Tier | None) -> None:
    due = complaint_due_at(Policies(), datetime(2026, 3, 2, 9, 30, tzinfo=UTC), severity, tier)
    assert due == datetime(2026, 3, 2, 13, 30, tzinfo=UTC)


def test_published_hours_and_deadlines_decide_when_a_complaint_is_due() -> None:
    policies = folded(calendar("c", JANUARY, "Asia/Shanghai"), deadlines("d", JANUARY, 60))
    received = datetime(2026, 3, 2, 17, 30, tzinfo=timezone(timedelta(hours=8)))
    assert complaint_due_at(policies, received, Severity.CRITICAL) == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert complaint_due_at(policies, received, Severity.LOW) == datetime(2026, 3, 3, 1, 30, tzinfo=UTC)


def test_the_deadline_of_the_day_of_receipt_holds() -> None:
    policies = folded(deadlines("later", date(2026, 3, 3), 60))
    received = datetime(2026, 3, 2, 16, 30, tzinfo=UTC)
    assert complaint_due_at(policies, received, None) == datetime(2026, 3, 3, 12, 30, tzinfo=UTC)


SATURDAY = datetime(2026, 3, 7, 22, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tier", "due"),
    [
        (Tier.PLATINUM, datetime(2026, 3, 7, 22, 10, tzinfo=UTC)),
        (Tier.GOLD, datetime(2026, 3, 9, 9, 10, tzinfo=UTC)),
        (None, datetime(2026, 3, 9, 9, 10, tzinfo=UTC)),
    ],
)
def test_for_key_accounts_we_are_always_open(tier: Tier | None, due: datetime) -> None:
    assert due_at(Policies(), SATURDAY, answer_limit(Policies(), SATURDAY, tier)) == due


def test_a_policy_may_promise_key_accounts_nothing_of_their_own() -> None:
    policies = folded(
        ServicePolicyPublished(service_version="plain", effective_from=JANUARY, key_answer_minutes=None)
    )
    limit = answer_limit(policies, SATURDAY, Tier.PLATINUM)
    assert limit == answer_limit(policies, SATURDAY, None) == Limit(minutes=10)


def test_a_pause_moves_a_deadline_by_its_own_clock() -> None:
    end = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
    night, monday = SATURDAY + timedelta(minutes=10), datetime(2026, 3, 9, 9, 10, tzinfo=UTC)
    assert moved_by_pause(Policies(), night, SATURDAY, end, True) == end + timedelta(minutes=10)
    assert moved_by_pause(Policies(), monday, SATURDAY, end, False) == monday + timedelta(minutes=30)


def test_policy_events_are_those_that_bear_the_tag() -> None:
    assert {cls for cls in catalogue.values() if issubclass(cls, PolicyEvent)} == set(POLICY_EVENTS)
    assert TierPolicyRetired(policy_version="1997").tags == (POLICY_TAG,)
    assert POLICY_TAG not in DayEnded(day=MARCH).tags
