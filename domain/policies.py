"""Which rules are in force: every published policy with its version and its first day, kept as data."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Protocol, TypeVar, assert_never, get_args

import msgspec

from domain.analysis import DEFAULT_ANALYSIS, AnalysisPolicyPublished
from domain.calendar import (
    AROUND_THE_CLOCK,
    DEFAULT_CALENDAR,
    CalendarPublished,
    add_business_time,
    business_day,
    business_minutes,
)
from domain.complaints import Severity
from domain.deadlines import DEFAULT_DEADLINES, DeadlinesPublished
from domain.events import POLICY_TAG as POLICY_TAG
from domain.events import Event
from domain.records import Record
from domain.service import DEFAULT_SERVICE, KEY_TIER, ServicePolicyPublished
from domain.standards import DEFAULT_STANDARD, PromiseStandardPublished
from domain.tiers import Tier, TierPolicyPublished, TierPolicyRetired
from domain.value import DEFAULT_VALUE, ValuePolicyPublished

AnyPolicyEvent = (
    AnalysisPolicyPublished
    | CalendarPublished
    | DeadlinesPublished
    | PromiseStandardPublished
    | ServicePolicyPublished
    | TierPolicyPublished
    | TierPolicyRetired
    | ValuePolicyPublished
)

POLICY_EVENTS: tuple[type[Event], ...] = get_args(AnyPolicyEvent)


class Dated(Protocol):
    """Anything that holds from a day on."""

    @property
    def effective_from(self) -> date: ...


P = TypeVar("P", bound=Dated)


class Policies(Record):
    """All policies that are published, in the order of their publication; retired ones are gone."""

    calendars: tuple[CalendarPublished, ...] = ()
    complaint_deadlines: tuple[DeadlinesPublished, ...] = ()
    tier_policies: tuple[TierPolicyPublished, ...] = ()
    analysis_policies: tuple[AnalysisPolicyPublished, ...] = ()
    service_policies: tuple[ServicePolicyPublished, ...] = ()
    value_policies: tuple[ValuePolicyPublished, ...] = ()
    promise_standards: tuple[PromiseStandardPublished, ...] = ()

    def calendar(self, on: date) -> CalendarPublished:
        """The calendar in force on a day."""
        return _in_force(self.calendars, on) or DEFAULT_CALENDAR

    def deadlines(self, on: date) -> DeadlinesPublished:
        """The complaint deadlines in force on a day."""
        return _in_force(self.complaint_deadlines, on) or DEFAULT_DEADLINES

    def tier_policy(self, on: date) -> TierPolicyPublished | None:
        """The tier policy in force on a day; there is no default one."""
        return _in_force(self.tier_policies, on)

    def analysis(self, on: date) -> AnalysisPolicyPublished:
        """The analysis policy in force on a day."""
        return _in_force(self.analysis_policies, on) or DEFAULT_ANALYSIS

    def service(self, on: date) -> ServicePolicyPublished:
        """The service policy in force on a day."""
        return _in_force(self.service_policies, on) or DEFAULT_SERVICE

    def value(self, on: date) -> ValuePolicyPublished:
        """The value policy in force on a day."""
        return _in_force(self.value_policies, on) or DEFAULT_VALUE

    def promise_standard(self, on: date) -> PromiseStandardPublished:
        """How long promises may take that are made on a day."""
        return _in_force(self.promise_standards, on) or DEFAULT_STANDARD

    def business_day(self, moment: datetime) -> date:
        """The tenant's local day that a moment belongs to."""
        return business_day(moment, self.calendar(moment.astimezone(UTC).date()))


def _in_force(published: Iterable[P], on: date) -> P | None:
    """The one with the latest first day that has come; the last published among equals."""
    found: P | None = None
    for policy in published:
        if policy.effective_from <= on and (found is None or policy.effective_from >= found.effective_from):
            found = policy
    return found


def evolve(policies: Policies, happened: Event) -> Policies:
    """The policies after one more of `POLICY_EVENTS`, which are those that bear `POLICY_TAG`."""
    assert isinstance(happened, AnyPolicyEvent), happened.TOPIC
    match happened:
        case AnalysisPolicyPublished():
            published = policies.analysis_policies
            return msgspec.structs.replace(policies, analysis_policies=(*published, happened))
        case CalendarPublished():
            return msgspec.structs.replace(policies, calendars=(*policies.calendars, happened))
        case DeadlinesPublished():
            known = policies.complaint_deadlines
            return msgspec.structs.replace(policies, complaint_deadlines=(*known, happened))
        case PromiseStandardPublished():
            standards = policies.promise_standards
            return msgspec.structs.replace(policies, promise_standards=(*standards, happened))
        case ServicePolicyPublished():
            return msgspec.structs.replace(policies, service_policies=(*policies.service_policies, happened))
        case ValuePolicyPublished():
            return msgspec.structs.replace(policies, value_policies=(*policies.value_policies, happened))
        case TierPolicyPublished():
            return msgspec.structs.replace(policies, tier_policies=(*policies.tier_policies, happened))
        case TierPolicyRetired(policy_version=gone):
            left = tuple(policy for policy in policies.tier_policies if policy.policy_version != gone)
            return msgspec.structs.replace(policies, tier_policies=left)
        case _:
            assert_never(happened)


class Limit(Record):
    """How long something may take."""

    minutes: int
    around_the_clock: bool = False
    """The minutes count night and day, not only while the business is open."""


def answer_limit(policies: Policies, received_at: datetime, tier: Tier | None) -> Limit:
    """How long a query may take, by the policies in force on the day of its receipt."""
    service = policies.service(policies.business_day(received_at))
    if tier is KEY_TIER and service.key_answer_minutes is not None:
        return Limit(minutes=service.key_answer_minutes, around_the_clock=True)
    return Limit(minutes=service.answer_minutes)


def complaint_limit(
    policies: Policies, received_at: datetime, severity: Severity | None, tier: Tier | None
) -> Limit:
    """How long a complaint may take, by the policies in force on the day of its receipt."""
    deadline = policies.deadlines(policies.business_day(received_at)).deadline(severity, tier)
    return Limit(minutes=deadline.minutes, around_the_clock=deadline.around_the_clock)


def due_at(policies: Policies, received_at: datetime, limit: Limit) -> datetime:
    """Until when (UTC) it must be done."""
    return add_business_time(received_at, limit.minutes, clock(policies, received_at, limit.around_the_clock))


def moved_by_pause(
    policies: Policies, due_at: datetime, begin: datetime, end: datetime, around_the_clock: bool
) -> datetime:
    """A deadline (UTC) after a pause: it moves by the time that passed meanwhile by its clock."""
    calendar = clock(policies, begin, around_the_clock)
    return add_business_time(max(due_at, begin), business_minutes(begin, end, calendar), calendar)


def clock(policies: Policies, moment: datetime, around_the_clock: bool) -> CalendarPublished:
    """By which opening hours minutes are counted from a moment on."""
    return AROUND_THE_CLOCK if around_the_clock else policies.calendar(policies.business_day(moment))
