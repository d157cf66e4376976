"""What whole-population views must hold at a day's end, computed in plain Python from the log's events."""

from __future__ import annotations

from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.analysis import ValueClass
from domain.calendar import CalendarPublished, day_end
from domain.complaints import ComplaintReceived
from domain.customers import CustomerRegistered, CustomerWonBack, ProfileChanged, RelationshipEnded
from domain.events import Recorded
from domain.orders import OrderCancelled, OrderPlaced, RefundPaid
from domain.policies import Policies
from domain.tiers import ends_on
from projections.cohorts import CohortMonth
from projections.complaint_rates import ComplaintRate
from projections.pareto import ParetoPoint
from projections.tiers import SCORE_RULE, CustomerValue
from projections.view import View

Rows = dict[tuple[Any, ...], View]


def populations(events: Sequence[Recorded[Any]], policies: Policies) -> dict[str, Rows]:
    """The rows of those views that are computed when the last of these events ends its day."""
    day = events[-1].event.day
    computed: dict[str, Rows] = {}
    policy = policies.tier_policy(day)
    if policy is not None and ends_on(policy.cadence, day):
        values = list(_values(events, policies))
        computed["customer_values"] = {(row.customer_id,): row for row in values}
        computed["pareto_points"] = {(row.percent,): row for row in _points(values)}
    if day.day == monthrange(day.year, day.month)[1]:
        cohorts, rates = _cohorts(events, policies), _rates(events, policies)
        computed["cohort_months"] = {(row.cohort, row.age_months): row for row in cohorts}
        computed["complaint_rates"] = {(row.month, row.category, row.region): row for row in rates}
    return computed


def _orders(events: Sequence[Recorded[Any]]) -> dict[str, Recorded[OrderPlaced]]:
    """Those that were not cancelled."""
    orders: dict[str, Recorded[OrderPlaced]] = {}
    for recorded in events:
        match recorded.event:
            case OrderPlaced(order_id=order_id):
                orders[order_id] = recorded
            case OrderCancelled(order_id=order_id):
                del orders[order_id]
    return orders


# --- Values ---------------------------------------------------------------------------------------


def _values(events: Sequence[Recorded[Any]], policies: Policies) -> Iterator[CustomerValue]:
    """Every customer's place in the pyramid, scores and class."""
    day = events[-1].event.day
    policy, analysis, calendar = policies.tier_policy(day), policies.analysis(day), policies.calendar(day)
    assert policy is not None
    begin, end = day_end(day - timedelta(days=policy.window_days), calendar), day_end(day, calendar)
    figures: dict[str, tuple[datetime, int, int]] = {}
    refunded: dict[str, int] = defaultdict(int)
    for recorded in events:
        if isinstance(recorded.event, RefundPaid):
            refunded[recorded.event.order_id] += recorded.event.amount_minor
    for order_id, placed in _orders(events).items():
        at, order = placed.occurred_at, placed.event
        if order.currency == policy.currency and begin <= at < end:
            last, count, money = figures.get(order.customer_id, (at, 0, 0))
            money += order.total_minor - refunded[order_id]
            figures[order.customer_id] = (max(last, at), count + 1, money)
    everything = sum(money for _, _, money in figures.values())
    for event in (recorded.event for recorded in events):
        if not isinstance(event, CustomerRegistered):
            continue
        mine = figures.get(event.customer_id)
        count, money = (mine[1], mine[2]) if mine else (0, 0)
        rule = next(r for r in policy.rules if money >= r.min_spend_minor and count >= r.min_orders)
        above = 100 * sum(other[2] for other in figures.values() if other[2] > money)
        yield CustomerValue(
            customer_id=event.customer_id,
            tier=rule.tier,
            rule=rule.text(policy.currency, policy.window_days),
            policy_version=policy.policy_version,
            spent_minor=money,
            currency=policy.currency,
            order_count=count,
            last_order_at=mine[0] if mine else None,
            abc_class=ValueClass.A
            if above < analysis.a_percent * everything
            else ValueClass.B
            if above < analysis.b_percent * everything
            else ValueClass.C,
            analysis_version=analysis.analysis_version,
            score_rule=SCORE_RULE,
            recency_score=mine and _score([f[0] for f in figures.values()], mine[0]),
            frequency_score=mine and _score([f[1] for f in figures.values()], mine[1]),
            money_score=mine and _score([f[2] for f in figures.values()], mine[2]),
        )


def _score(values: Sequence[Any], own: Any) -> int:
    return 1 + 5 * [value < own for value in values].count(True) // len(values)


def _points(values: Sequence[CustomerValue]) -> Iterator[ParetoPoint]:
    best = sorted((row.spent_minor for row in values), reverse=True)
    for percent in range(1, 101) if values else ():
        customers = len(best) * percent // 100
        held = sum(best[:customers])
        yield ParetoPoint(
            percent=percent,
            customers=customers,
            currency=values[0].currency,
            spent_minor=held,
            share_of_spend=float(held) / float(sum(best)) if sum(best) else 0,
        )


# --- Months ---------------------------------------------------------------------------------------


def _cohorts(events: Sequence[Recorded[Any]], policies: Policies) -> Iterator[CohortMonth]:
    """Every cohort at every age."""
    day = events[-1].event.day
    analysis, calendar = policies.analysis(day), policies.calendar(day)
    ordered: dict[str, list[date]] = defaultdict(list)
    for placed in _orders(events).values():
        if placed.occurred_at < day_end(day, calendar):
            ordered[placed.event.customer_id].append(_day(placed.occurred_at, calendar))
    members: dict[date, list[list[date]]] = defaultdict(list)
    for days in ordered.values():
        members[min(days).replace(day=1)].append(days)
    for cohort, customers in members.items():
        for age, (first, last) in enumerate(_months(cohort, day)):
            since = last - timedelta(days=analysis.active_days)
            kept = sum(any(since < d <= last for d in days) for days in customers)
            yield CohortMonth(
                cohort=cohort,
                age_months=age,
                customers=len(customers),
                ordered=sum(any(first <= d <= last for d in days) for days in customers),
                kept=kept,
                kept_share=kept / len(customers),
                baseline_share=(analysis.kept_percent / 100) ** (age / (12 * analysis.kept_years)),
                analysis_version=analysis.analysis_version,
            )


def _rates(events: Sequence[Recorded[Any]], policies: Policies) -> Iterator[ComplaintRate]:
    """Every month's complaints: for each category and region that has some, and all together."""
    day = events[-1].event.day
    calendar = policies.calendar(day)
    end = day_end(day, calendar)
    opened: dict[str, date] = {}
    left: dict[str, date] = {}
    region: dict[str, str] = {}
    complaints: dict[tuple[date, str, str], int] = defaultdict(int)
    for recorded in events:
        match recorded.event:
            case CustomerRegistered(customer_id=id) | ProfileChanged(customer_id=id):
                region[id] = recorded.event.region or region.get(id, "")
        if isinstance(recorded.event, CustomerRegistered) and recorded.occurred_at < end:
            opened[recorded.event.customer_id] = _day(recorded.occurred_at, calendar)
        match recorded.event:
            case RelationshipEnded(customer_id=id) if recorded.occurred_at < end:
                left[id] = _day(recorded.occurred_at, calendar)
            case CustomerWonBack(customer_id=id):
                left.pop(id, None)
    for first, _ in _months(min(opened.values()).replace(day=1), day) if opened else ():
        complaints[first, "*", "*"] = 0
    for recorded in events:
        if isinstance(recorded.event, ComplaintReceived) and recorded.occurred_at < end:
            month = _day(recorded.occurred_at, calendar).replace(day=1)
            for category in (recorded.event.category.value, "*"):
                for where in (region[recorded.event.customer_id], "*"):
                    complaints[month, category, where] += 1
    for (month, category, where), count in complaints.items():
        customers = sum(
            since.replace(day=1) <= month <= max(left.get(id, day), since) and where in ("*", region[id])
            for id, since in opened.items()
        )
        yield ComplaintRate(
            month=month,
            category=category,
            region=where,
            complaints=count,
            customers=customers,
            per_10000_customers=10_000 * count / customers if customers else None,
        )


def _day(moment: datetime, calendar: CalendarPublished) -> date:
    return moment.astimezone(ZoneInfo(calendar.time_zone)).date()


def _months(first: date, until: date) -> Iterator[tuple[date, date]]:
    """The first and the last day of each month."""
    while first <= until:
        last = first.replace(day=monthrange(first.year, first.month)[1])
        yield first, last
        first = last + timedelta(days=1)
