"""What each customer is worth: the tier, RFM scores in quintiles, the ABC class; and the pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Self

import msgspec

from domain.analysis import ValueClass
from domain.calendar import CalendarPublished, DayEnded, day_end
from domain.events import Recorded
from domain.policies import Policies
from domain.tiers import Cadence, Tier, TierPolicyPublished, TierPolicyRetired, ends_on
from projections.view import Chart, CustomerId, View, on, population, report, view

SCORE_RULE = "equal-low-1"
"""The name and version of how quintiles treat equal values: they share the lower score."""


def valuation(policy: TierPolicyPublished, day: date, calendar: CalendarPublished) -> dict[str, Any]:
    """What `valued` needs to sort all customers by this policy at a day's end."""
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


def due(recorded: Recorded[DayEnded], policies: Policies) -> Mapping[str, Any] | None:
    """What the valuation at a day's end needs; None where the policy in force values on another day."""
    day = recorded.event.day
    policy, analysis = policies.tier_policy(day), policies.analysis(day)
    if policy is None or not ends_on(policy.cadence, day):
        return None
    return {
        **valuation(policy, day, policies.calendar(day)),
        "a_percent": analysis.a_percent,
        "b_percent": analysis.b_percent,
        "analysis": analysis.analysis_version,
        "score_rule": SCORE_RULE,
    }


def valued(side: str = "") -> str:
    """SQL for each customer's tier and figures by a policy; its `valuation` is bound as `:{side}since` …"""
    return f"""
    SELECT c.customer_id, r.tier, r.rule, r.rank, coalesce(s.spent_minor, 0) AS spent_minor,
           coalesce(s.orders, 0) AS order_count, s.last_order_at
      FROM {{customers}} c
      LEFT JOIN (
           SELECT customer_id, max(placed_at) AS last_order_at, count(*) AS orders,
                  sum(total_minor - refunded_minor)::bigint AS spent_minor
             FROM {{orders}} o
            WHERE NOT cancelled AND currency = :{side}currency
              AND placed_at >= :{side}since::timestamptz AND placed_at < :{side}until::timestamptz
            GROUP BY customer_id) s USING (customer_id)
     CROSS JOIN LATERAL (
           SELECT * FROM jsonb_to_recordset(:{side}rules::jsonb)
                  AS r(rank int, tier text, rule text, min_spend_minor bigint, min_orders bigint)
            WHERE coalesce(s.spent_minor, 0) >= min_spend_minor AND coalesce(s.orders, 0) >= min_orders
            ORDER BY rank LIMIT 1) r"""


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
    query=f"""
    WITH valued AS ({valued()}),
    scored AS (
        SELECT customer_id,
               1 + (5 * (rank() OVER (ORDER BY last_order_at) - 1) / count(*) OVER ()) AS recency_score,
               1 + (5 * (rank() OVER (ORDER BY order_count) - 1) / count(*) OVER ()) AS frequency_score,
               1 + (5 * (rank() OVER (ORDER BY spent_minor) - 1) / count(*) OVER ()) AS money_score
          FROM valued WHERE order_count > 0),
    shared AS (
        SELECT *, sum(spent_minor) OVER (ORDER BY spent_minor DESC)
                  - spent_minor * count(*) OVER (PARTITION BY spent_minor) AS held_above,
               sum(spent_minor) OVER () AS held_by_all
          FROM valued)
    SELECT v.customer_id, v.tier, v.rule, :policy::text AS policy_version,
           v.spent_minor, :currency::text AS currency, v.order_count, v.last_order_at,
           s.recency_score, s.frequency_score, s.money_score, :score_rule::text AS score_rule,
           CASE WHEN 100 * held_above < :a_percent::int * held_by_all THEN 'a'
                WHEN 100 * held_above < :b_percent::int * held_by_all THEN 'b'
                ELSE 'c' END AS abc_class,
           :analysis::text AS analysis_version
      FROM shared v
      LEFT JOIN scored s USING (customer_id)
    """,
)
class CustomerValue(View):
    """A customer's place in the pyramid (客户金字塔) as last valued, and the figures that put it there.

    RFM scores are quintiles among those who ordered in the policy's window, 5 best. By the rule
    `equal-low-1` equal values share the lower: 1 + ⌊5 × (how many are strictly less) ÷ (how many there are)⌋.
    Of the ABC classes equal values share the better one.
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
    abc_class: ValueClass
    """A while those who spent more hold less than A's share of all that was spent, B likewise, C the rest."""
    analysis_version: str
    """The analysis policy that was in force: it says how far A and B reach."""
    score_rule: str
    """How equal values were scored: the rule's name and version."""
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
    chart=Chart(kind="bars", x="tier", y="share_of_customers share_of_spend", unit="of all, 0 to 1"),
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


@report(
    "rfm_grid",
    reads=["customer_values"],
    query="""
    SELECT recency_score, frequency_score, count(*) AS customers, avg(money_score)::float8 AS money_score
      FROM {customer_values} v
     WHERE recency_score IS NOT NULL
     GROUP BY 1, 2 ORDER BY 1 DESC, 2 DESC
    """,
    chart=Chart(
        kind="grid", x="frequency_score", series="recency_score", y="customers", unit="how many customers"
    ),
)
class RfmCell(View):
    """How many customers have the same recency and frequency scores (RFM), 5 best, and their money score."""

    recency_score: int
    """How lately they ordered, 1 to 5."""
    frequency_score: int
    """How often they ordered in the window, 1 to 5."""
    customers: int
    """How many there are."""
    money_score: float
    """Their mean score of what was spent, 1 to 5."""
