"""What each customer is worth: recency, frequency and money in quintiles, the tier, and the pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Self

import msgspec

from domain.calendar import DayEnded, day_end
from domain.events import Recorded
from domain.policies import Policies
from domain.tiers import Cadence, Tier, TierPolicyPublished, TierPolicyRetired, ends_on
from projections.view import CustomerId, View, on, population, report, view


def due(recorded: Recorded[DayEnded], policies: Policies) -> Mapping[str, Any] | None:
    """What the valuation at a day's end needs; None where the policy in force values on another day."""
    day = recorded.event.day
    policy = policies.tier_policy(day)
    if policy is None or not ends_on(policy.cadence, day):
        return None
    calendar = policies.calendar(day)
    rules = [
        {**msgspec.to_builtins(rule), "rank": rank, "rule": rule.text(policy.currency, policy.window_days)}
        for rank, rule in enumerate(policy.rules)
    ]
    return {
        "since": day_end(day - timedelta(days=policy.window_days), calendar),
        "until": day_end(day, calendar),
        "currency": policy.currency,
        "policy": policy.policy_version,
        "rules": msgspec.json.encode(rules).decode(),
    }


@view("tier_policies", key="policy_version")
class TierPolicy(View):
    """A published tier policy: which rules sort customers into the pyramid, and from when on."""

    policy_version: str
    """The version's name."""
    effective_from: date
    """The first day on which it holds."""
    currency: str
    """ISO 4217; orders in others do not count."""
    window_days: int
    """How many days back orders count."""
    cadence: Cadence
    """At the end of which periods customers are valued."""
    rules: tuple[str, ...]
    """The rules in words, best tier first."""
    retired: bool = False
    """It was taken out of force."""

    @on(TierPolicyPublished)
    def published(self, recorded: Recorded[TierPolicyPublished]) -> Self:
        e = recorded.event
        return self.but(
            effective_from=e.effective_from,
            currency=e.currency,
            window_days=e.window_days,
            cadence=e.cadence,
            rules=tuple(rule.text(e.currency, e.window_days) for rule in e.rules),
        )

    @on(TierPolicyRetired)
    def taken_back(self, recorded: Recorded[TierPolicyRetired]) -> Self:
        return self.but(retired=True)


@population(
    "customer_values",
    key="customer_id",
    reads=["customers", "orders"],
    at=DayEnded,
    due=due,
    indexes=["tier spent_minor"],
    query="""
    WITH bought AS (
        SELECT customer_id, max(placed_at) AS last_order_at, count(*) AS orders,
               sum(total_minor - refunded_minor)::bigint AS spent_minor
          FROM {orders} o
         WHERE NOT cancelled AND currency = :currency
           AND placed_at >= :since::timestamptz AND placed_at < :until::timestamptz
         GROUP BY customer_id),
    scored AS (
        SELECT *, 1 + (5 * (rank() OVER (ORDER BY last_order_at) - 1) / count(*) OVER ()) AS recency_score,
                  1 + (5 * (rank() OVER (ORDER BY orders) - 1) / count(*) OVER ()) AS frequency_score,
                  1 + (5 * (rank() OVER (ORDER BY spent_minor) - 1) / count(*) OVER ()) AS money_score
          FROM bought),
    rules AS (
        SELECT * FROM jsonb_to_recordset(:rules::jsonb)
               AS r(rank int, tier text, rule text, min_spend_minor bigint, min_orders bigint))
    SELECT c.customer_id, r.tier, r.rule, :policy::text AS policy_version,
           coalesce(s.spent_minor, 0) AS spent_minor, :currency::text AS currency,
           coalesce(s.orders, 0) AS order_count, s.last_order_at,
           s.recency_score, s.frequency_score, s.money_score
      FROM {customers} c
      LEFT JOIN scored s USING (customer_id)
     CROSS JOIN LATERAL (
           SELECT * FROM rules
            WHERE coalesce(s.spent_minor, 0) >= min_spend_minor AND coalesce(s.orders, 0) >= min_orders
            ORDER BY rank LIMIT 1) r
    """,
)
class CustomerValue(View):
    """A customer's place in the pyramid (客户金字塔) as last valued, and the figures that put it there.

    Scores are quintiles among those who ordered in the policy's window, 5 best; equal values share the
    lower score: 1 + ⌊5 × (how many are strictly less) ÷ (how many there are)⌋.
    """

    customer_id: CustomerId
    """Who was valued."""
    tier: Tier
    """The layer of the pyramid."""
    rule: str
    """The rule of the policy that was met, in words."""
    policy_version: str
    """The tier policy that was in force."""
    spent_minor: int
    """Orders in the window, less refunds, in minor units; cancelled orders do not count."""
    currency: str
    """The policy's currency, ISO 4217; orders in others do not count."""
    order_count: int
    """Orders in the window."""
    last_order_at: datetime | None = None
    """The latest order in the window."""
    recency_score: int | None = None
    """How lately the customer ordered, 1 to 5; null without an order in the window."""
    frequency_score: int | None = None
    """How often, 1 to 5; null without an order in the window."""
    money_score: int | None = None
    """How much was spent, 1 to 5; null without an order in the window."""


@report(
    "tier_distribution",
    reads=["customer_values"],
    query="""
    SELECT tier, currency, count(*) AS customers, sum(spent_minor)::bigint AS spent_minor,
           count(*) / sum(count(*)) OVER () AS share_of_customers,
           coalesce(sum(spent_minor) / nullif(sum(sum(spent_minor)) OVER (), 0), 0) AS share_of_spend
      FROM {customer_values} v
     GROUP BY tier, currency
     ORDER BY array_position(ARRAY['platinum', 'gold', 'iron', 'lead'], tier), currency
    """,
)
class TierShare(View):
    """One layer of the pyramid: how many customers are in it, and how much of the value they hold."""

    tier: Tier
    """The layer of the pyramid."""
    currency: str
    """ISO 4217."""
    customers: int
    """How many are in it."""
    spent_minor: int
    """In the policy's window, in minor units."""
    share_of_customers: float
    """Of all customers, 0 to 1."""
    share_of_spend: float
    """Of all that was spent, 0 to 1."""
