"""What `customer_classes` must hold at a month's end, computed in plain Python from the other views' rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import fmean
from typing import Any

from domain.calendar import business_day, day_end
from domain.files import Importance
from domain.policies import Policies
from domain.tiers import TierPolicyPublished
from domain.value import ValuePolicyPublished
from projections.classes import (
    Attitude,
    CustomerClass,
    CustomerList,
    FiveStages,
    FourStages,
    LoyaltyClass,
    LoyaltyType,
    ManagementClass,
    RelationshipLevel,
)
from tests.infra.populations import Rows

Views = Mapping[str, Mapping[Any, Any]]
LEVELS = list(RelationshipLevel)


def classes(views: Views, day: date, policies: Policies) -> Rows:
    """The rows by key; those of the other views are as they stood when the day had ended."""
    tiers, customers = policies.tier_policy(day), views["customers"]
    return {key: _class(views, customer, day, policies, tiers) for key, customer in customers.items()}


def _class(
    views: Views, customer: Any, day: date, policies: Policies, tiers: TierPolicyPublished | None
) -> CustomerClass:
    calendar, policy = policies.calendar(day), policies.value(day)
    until = day_end(day, calendar)
    key = (customer.customer_id,)
    value, judged = views["customer_values"].get(key), views["classifications"].get(key)
    orders = [o for o in _of(views, "orders", customer) if not o.cancelled and o.placed_at < until]
    days = sorted({business_day(o.placed_at, calendar) for o in orders})
    net = [(o.placed_at, o.total_minor - o.refunded_minor if _counts(o, tiers) else 0) for o in orders]
    total, year = sum(n for _, n in net), sum(n for at, n in net if at > until - timedelta(days=365))
    lately = sum(at > until - timedelta(days=90) for at, _ in net)
    before = sum(until - timedelta(days=180) < at <= until - timedelta(days=90) for at, _ in net)
    complaints = [c for c in _of(views, "complaints", customer) if c.received_at < until]
    claims = _of(views, "claims", customer)
    costs = [c for c in views["costs"].values() if _served(c, customer) and _counts(c, tiers)]

    served = customer.contact_count * policy.contact_cost_minor
    served += customer.complaint_count * policy.complaint_cost_minor
    served += sum(c.remedy_cost_minor for c in complaints if _counts(c, tiers))
    served += sum(c.amount_minor for c in costs)
    margin = total * policy.margin_percent // 100
    unprofitable = 0 < served > margin
    paid = sum(c.paid_minor for c in claims if _counts(c, tiers))
    alert = len(claims) >= policy.claims_least or (
        bool(claims) and total > 0 and paid * 100 >= total * policy.loss_percent
    )
    unsettled = any(c.open for c in complaints) or any(c.status == "made" for c in claims)
    unsettled = unsettled or any(o.paid_minor < o.total_minor for o in orders)
    unsettled = unsettled or any(not i.resolved for i in _of(views, "interactions", customer))
    unsettled = unsettled or any(p.waiting for p in _of(views, "commitments", customer))
    contracts = _of(views, "subscriptions", customer)
    unsettled = unsettled or any(s.running and s.ends_on >= day for s in contracts)
    silence = (day - days[-1]).days if days else 0
    interval = (days[-1] - days[0]).days / (len(days) - 1) if len(days) > 1 else None
    watched = bool(interval) and customer.live and len(days) >= 3 and silence < policy.lost_days
    watched = watched and silence * 100 >= (interval or 0) * policy.watch_percent
    tier = value.tier if value else None
    override = judged.importance if judged else None

    return CustomerClass(
        customer_id=customer.customer_id,
        importance=override
        or {"platinum": Importance.VIP, "gold": Importance.IMPORTANT}.get(tier or "", Importance.ORDINARY),
        importance_overridden=override is not None,
        loyalty_class=_loyalty(days, day, value, policy),
        management_class={"a": ManagementClass.TOP, "b": ManagementClass.REGULAR}.get(
            value.abc_class if value else "", ManagementClass.OCCASIONAL
        ),
        value_style=judged and judged.value_style,
        marketing_class=judged and judged.marketing_class,
        key_file=year >= policy.file_threshold_minor,
        year_minor=year,
        spent_minor=value.spent_minor if value else 0,
        margin_minor=margin,
        cost_to_serve_minor=served,
        unprofitable=unprofitable,
        relationship_level=_level(len(views["customers"]), margin, policy),
        loyalty_type=_type(views, customer, days, judged),
        attitude=_attitude(views, customer, days),
        four_stage=FourStages.DECLINE
        if orders and silence > policy.quiet_days
        else FourStages.EXPLORATION
        if len(days) < 2
        else FourStages.GROWTH
        if lately > before
        else FourStages.MATURITY,
        five_stage=FiveStages.ENDED
        if not customer.live and not unsettled
        else FiveStages.PROSPECT
        if not orders
        else FiveStages.DEVELOPMENT
        if len(days) < 2
        else FiveStages.GROWTH
        if lately > before
        else FiveStages.MATURITY,
        watched=watched,
        watch_percent=round(silence * 100 / interval) if watched and interval else None,
        claim_alert=alert,
        claims=len(claims),
        customer_list=CustomerList.BAD
        if customer.restricted or alert or (unprofitable and orders)
        else CustomerList.GOOD
        if tier in ("platinum", "gold") and customer.live
        else CustomerList.NEITHER,
        value_version=policy.value_version,
    )


def _of(views: Views, view: str, customer: Any) -> list[Any]:
    return [row for row in views[view].values() if row.customer_id == customer.customer_id]


def _counts(amount: Any, tiers: TierPolicyPublished | None) -> bool:
    return tiers is None or amount.currency in (None, tiers.currency)


def _served(cost: Any, customer: Any) -> bool:
    return cost.customer == customer.customer_id and cost.kind in ("serving", "keeping")


def _loyalty(days: Sequence[date], day: date, value: Any, policy: ValuePolicyPublished) -> LoyaltyClass:
    if not days:
        return LoyaltyClass.POTENTIAL
    if (day - days[0]).days <= policy.new_days:
        return LoyaltyClass.NEW
    return (
        LoyaltyClass.LOYAL if value and value.order_count >= policy.loyal_orders else LoyaltyClass.ESTABLISHED
    )


def _level(everybody: int, margin: int, policy: ValuePolicyPublished) -> RelationshipLevel:
    """Of Kotler's levels: two steps up from the least that many, some or few customers have."""
    if everybody >= policy.many_customers:
        least = 0
    elif everybody * 10 >= policy.many_customers:
        least = 1
    else:
        least = 2
    up = 2 if margin >= policy.high_margin_minor else 1 if margin * 4 >= policy.high_margin_minor else 0
    return LEVELS[least + up]


def _type(views: Views, customer: Any, days: Sequence[date], judged: Any) -> LoyaltyType | None:
    shares = [row.percent for row in _of(views, "customer_shares", customer)]
    account = views["points_accounts"].get((customer.customer_id,))
    if len(days) < 2:
        return None
    if max(shares, default=0) >= 90:
        return LoyaltyType.MONOPOLY
    if account and account.earned > 0:
        return LoyaltyType.INCENTIVE
    if judged and judged.marketing_class == "convenience":
        return LoyaltyType.CONVENIENCE
    return LoyaltyType.INERTIA


def _attitude(views: Views, customer: Any, days: Sequence[date]) -> Attitude | None:
    felt = []
    for issue in _of(views, "survey_issues", customer):
        survey = views["surveys"][issue.survey_id,]
        scores = [row.score for row in views["survey_answers"].values() if row.issue_id == issue.issue_id]
        felt += [(score - survey.lowest) / (survey.highest - survey.lowest) for score in scores]
    if not felt:
        return None
    if fmean(felt) >= 0.7:
        return Attitude.TRUE if len(days) >= 2 else Attitude.LATENT
    return Attitude.SPURIOUS if len(days) >= 2 else Attitude.NONE
