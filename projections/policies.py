"""The figures by which service and value are judged, version by version, and the days that have ended."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

from domain.calendar import CalendarPublished, DayEnded
from domain.deadlines import DeadlinesPublished
from domain.events import Recorded
from domain.service import ServicePolicyPublished
from domain.standards import PromiseStandardPublished
from domain.value import ValuePolicyPublished
from projections.view import View, on, view


@view("ended_days", key="day")
class EndedDay(View):
    """A business day that has ended."""

    day: date
    """The day."""
    ended: bool = False
    """Always true; a day ends once."""

    @on(DayEnded)
    def over(self, recorded: Recorded[DayEnded]) -> Self:
        return self.but(ended=True)


@view("calendars", key="calendar_version")
class Calendar(View):
    """A published calendar: in which zone days are reckoned, and on which holidays (节假日) we are closed."""

    calendar_version: str
    """The version's name."""
    effective_from: date
    """The first day on which it holds."""
    time_zone: str
    """Of the IANA database."""
    holidays: tuple[str, ...] = ()
    """Days on which it stays closed, such as `2026-10-01`."""

    @on(CalendarPublished)
    def published(self, recorded: Recorded[CalendarPublished]) -> Self:
        closed = tuple(day.isoformat() for day in recorded.event.holidays)
        return self.but(**_published(self, recorded) | {"holidays": closed})


def _published(row: Any, recorded: Recorded[Any]) -> dict[str, Any]:
    """What the event says about the row's fields, in its own words."""
    fields = recorded.event.__struct_fields__
    return {name: getattr(recorded.event, name) for name in row.__struct_fields__ if name in fields}


@view("complaint_deadlines", key="deadlines_version")
class ComplaintDeadlines(View):
    """Published deadlines of complaints (投诉时限): how long they may take, by severity and by tier."""

    deadlines_version: str
    """The version's name."""
    effective_from: date
    """The first day on which they hold."""
    default_minutes: int
    """Working minutes for complaints that no rule covers."""
    rules: tuple[str, ...]
    """The rules in words; the first that covers a complaint holds."""

    @on(DeadlinesPublished)
    def published(self, recorded: Recorded[DeadlinesPublished]) -> Self:
        rules = tuple(rule.text for rule in recorded.event.rules)
        return self.but(**_published(self, recorded) | {"rules": rules})


@view("service_policies", key="service_version")
class ServicePolicy(View):
    """A published service policy (时限): the figures by which promises, visits and bursts are judged."""

    service_version: str
    """The version's name."""
    effective_from: date
    """The first day on which it holds."""
    answer_minutes: int
    """Working minutes in which a query is answered."""
    key_answer_minutes: int | None
    """Minutes, night and day, in which a query of a key account is answered; null: as for everybody."""
    rings: int
    """Rings after which a call is answered at the latest (铃响三声)."""
    unpaid_hours: int
    """Hours after which an unpaid order is followed up."""
    stale_days: int
    """Days after which a field that nobody confirmed is stale."""
    evidence_years: int
    """Years for which identity evidence is kept after the relationship has ended."""
    first_year_days: int
    """Days between revisits in the first year after delivery."""
    later_days: int
    """Days between revisits after that."""
    class_a_days: int
    """Days between rounds to customers of class A."""
    class_b_days: int
    """Days between rounds to customers of class B."""
    class_c_days: int
    """Days between rounds to customers of class C."""
    notice_days: int
    """Days before its end at which a subscription is spoken of."""
    effect_days: int
    """Days before and after that are compared where an effect is asked for."""
    burst_days: int
    """Days whose complaints make the normal range of a day."""
    burst_deviations: int
    """Standard deviations above the mean that are a burst."""
    burst_least: int
    """Complaints of a day that are a burst at the least."""
    review_days: int
    """Days between reviews of a key account."""

    @on(ServicePolicyPublished)
    def published(self, recorded: Recorded[ServicePolicyPublished]) -> Self:
        return self.but(**_published(self, recorded))


@view("promise_standards", key="standard_version")
class PromiseStandard(View):
    """A published standard for promises (标准): how long each kind may take, in hours on the clock."""

    standard_version: str
    """The version's name."""
    effective_from: date
    """The first day on which it holds."""
    by_kind: tuple[str, ...]
    """The kinds that it names, in words: `install: 480 hours at most, 360 on average`."""
    other_hours: int
    """Hours in which any other kind of promise must be kept."""

    @on(PromiseStandardPublished)
    def published(self, recorded: Recorded[PromiseStandardPublished]) -> Self:
        by_kind = tuple(named.text for named in recorded.event.by_kind)
        return self.but(**_published(self, recorded) | {"by_kind": by_kind})


@view("value_policies", key="value_version")
class ValuePolicy(View):
    """A published value policy: the figures by which worth, loyalty and risk are judged."""

    value_version: str
    """The version's name."""
    effective_from: date
    """The first day on which it holds."""
    file_threshold_minor: int
    """Yearly sales from which a customer gets a key file, in minor units."""
    margin_percent: int
    """What is left of sales as margin."""
    contact_cost_minor: int
    """What serving one contact costs, in minor units."""
    complaint_cost_minor: int
    """What handling one complaint costs besides its remedy, in minor units."""
    loyal_orders: int
    """Orders in the window from which a customer is loyal."""
    new_days: int
    """Days since the first order for which a customer is new."""
    quiet_days: int
    """Days without an order after which a customer declines."""
    lost_days: int
    """Days without an order after which a customer counts as lost."""
    watch_percent: int
    """A customer is watched who is silent for so much of their usual interval."""
    high_margin_minor: int
    """Margin a customer from which it is high, in minor units."""
    many_customers: int
    """Customers from which there are many."""
    claims_least: int
    """Claims from which a customer is looked at."""
    loss_percent: int
    """Paid ÷ premium from which a customer is looked at."""

    @on(ValuePolicyPublished)
    def published(self, recorded: Recorded[ValuePolicyPublished]) -> Self:
        return self.but(**_published(self, recorded))
