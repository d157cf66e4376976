"""By which figures the service is judged: promises, visits, fresh files, notice, bursts of complaints."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

import msgspec

from domain.commands import Command, Id
from domain.course import Move, course
from domain.events import PolicyEvent, event
from domain.tiers import Tier

KEY_TIER = Tier.PLATINUM
"""Customers in this tier are key accounts (大客户)."""
Some = Annotated[int, msgspec.Meta(ge=1, le=100_000)]


@event("ServicePolicyPublished", version=2)
class ServicePolicyPublished(PolicyEvent):
    """How soon a query is answered, an order paid, a customer visited; how old what we know may be."""

    service_version: str
    effective_from: date
    answer_minutes: int = 10
    key_answer_minutes: int | None = 10
    rings: int = 3
    unpaid_hours: int = 48
    stale_days: int = 365
    evidence_years: int = 5
    first_year_days: int = 30
    later_days: int = 91
    class_a_days: int = 30
    class_b_days: int = 60
    class_c_days: int = 180
    notice_days: int = 30
    effect_days: int = 90
    burst_days: int = 30
    burst_deviations: int = 3
    burst_least: int = 3
    review_days: int = 7

    @staticmethod
    def upcast_v1_v2(fields: dict[str, Any]) -> None:
        """Version 1 made key accounts no promise of their own."""
        fields["key_answer_minutes"] = None


DEFAULT_SERVICE = ServicePolicyPublished(service_version="default", effective_from=date.min)
"""In force until another is published."""


class PublishServicePolicy(Command):
    """Set the figures by which the service is judged from a day on (时限); the rest keeps its default."""

    service_version: Id
    """The version's name."""
    effective_from: date
    answer_minutes: Some = DEFAULT_SERVICE.answer_minutes
    """Working minutes in which a query is answered; 10, where it is left out."""
    key_answer_minutes: Some | None = DEFAULT_SERVICE.key_answer_minutes
    """Minutes, night and day, in which a query of a key account is answered (always open); 10, where it is
    left out; null: as for everybody."""
    rings: Some = DEFAULT_SERVICE.rings
    """Rings after which a call is answered at the latest; 3, where it is left out."""
    unpaid_hours: Some = DEFAULT_SERVICE.unpaid_hours
    """Hours after which an unpaid order is followed up; 48, where it is left out."""
    stale_days: Some = DEFAULT_SERVICE.stale_days
    """Days after which a field that nobody confirmed is stale; 365, where it is left out."""
    evidence_years: Some = DEFAULT_SERVICE.evidence_years
    """Years for which identity evidence is kept after the relationship has ended; 5, where it is left out."""
    first_year_days: Some = DEFAULT_SERVICE.first_year_days
    """Days between revisits in the first year after delivery; 30 (monthly), where it is left out."""
    later_days: Some = DEFAULT_SERVICE.later_days
    """Days between revisits after that; 91 (quarterly), where it is left out."""
    class_a_days: Some = DEFAULT_SERVICE.class_a_days
    """Days between rounds to customers of class A; 30, where it is left out."""
    class_b_days: Some = DEFAULT_SERVICE.class_b_days
    """Days between rounds to customers of class B; 60, where it is left out."""
    class_c_days: Some = DEFAULT_SERVICE.class_c_days
    """Days between rounds to customers of class C; 180, where it is left out."""
    notice_days: Some = DEFAULT_SERVICE.notice_days
    """Days before its end at which a subscription is spoken of; 30, where it is left out."""
    effect_days: Some = DEFAULT_SERVICE.effect_days
    """Days before and after that are compared where an effect is asked for; 90, where it is left out."""
    burst_days: Some = DEFAULT_SERVICE.burst_days
    """Days whose complaints make the normal range of a day; 30, where it is left out."""
    burst_deviations: Some = DEFAULT_SERVICE.burst_deviations
    """Standard deviations above the mean that are a burst; 3, where it is left out."""
    burst_least: Some = DEFAULT_SERVICE.burst_least
    """Complaints of a day that are a burst at the least; 3, where it is left out."""
    review_days: Some = DEFAULT_SERVICE.review_days
    """Days between reviews of a key account; 7 (weekly), where it is left out."""


SERVICE_POLICIES = course(
    "service_policy",
    "service_version",
    Move(command=PublishServicePolicy, event=ServicePolicyPublished, to="published"),
)
