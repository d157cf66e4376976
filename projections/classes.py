"""What the log itself tells a customer to be: importance, loyalty, stage of life, profit, risk."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from domain.calendar import DayEnded
from domain.events import Recorded
from domain.files import Importance, MarketingClass, ValueStyle
from domain.policies import Policies
from projections.months import month_ended
from projections.view import CustomerId, View, population, report


class LoyaltyClass(StrEnum):
    """How loyal a customer is (客户分类,忠诚): orders often; ordered before; is new; has not ordered yet."""

    LOYAL = "loyal"
    ESTABLISHED = "established"
    NEW = "new"
    POTENTIAL = "potential"


class ManagementClass(StrEnum):
    """How a customer is managed (头顶、常规、临时): class A, class B, class C of ABC analysis."""

    TOP = "top"
    REGULAR = "regular"
    OCCASIONAL = "occasional"


class RelationshipLevel(StrEnum):
    """How much contact a customer is worth (五种关系水平, Kotler): by number of customers × margin."""

    BASIC = "basic"
    REACTIVE = "reactive"
    ACCOUNTABLE = "accountable"
    PROACTIVE = "proactive"
    PARTNER = "partner"


class LoyaltyType(StrEnum):
    """Why a customer comes back (忠诚类型)."""

    INERTIA = "inertia"
    CONVENIENCE = "convenience"
    MONOPOLY = "monopoly"
    INCENTIVE = "incentive"


class Attitude(StrEnum):
    """Attitude × repeat purchase (忠诚类型; Dick, Basu, 1994): true, latent, spurious, or no loyalty."""

    TRUE = "true"
    LATENT = "latent"
    SPURIOUS = "spurious"
    NONE = "none"


class FourStages(StrEnum):
    """The life cycle in four stages (生命周期,四阶段)."""

    EXPLORATION = "exploration"
    GROWTH = "growth"
    MATURITY = "maturity"
    DECLINE = "decline"


class FiveStages(StrEnum):
    """The life cycle in five stages (生命周期,五阶段); `ended` only when nothing is open (周期终点)."""

    PROSPECT = "prospect"
    DEVELOPMENT = "development"
    GROWTH = "growth"
    MATURITY = "maturity"
    ENDED = "ended"


class CustomerList(StrEnum):
    """Which list a customer is on (优质、劣质客户名单); generated, never typed in."""

    GOOD = "good"
    BAD = "bad"
    NEITHER = "neither"


def due(recorded: Recorded[DayEnded], policies: Policies) -> Mapping[str, Any] | None:
    """The figures of the value policy in force at a month's end; None on other days."""
    month = month_ended(recorded, policies)
    if month is None:
        return None
    policy = msgspec.structs.asdict(policies.value(recorded.event.day))
    tiers = policies.tier_policy(recorded.event.day)
    return {**policy, **month, "currency": tiers and tiers.currency}


_OURS = "coalesce(currency = :currency::text, true)"
"""SQL for an amount that counts, as for tiers; without a tier policy, any."""


@population(
    "customer_classes",
    key="customer_id",
    reads=[
        *("customers", "customer_values", "orders", "complaints", "classifications", "claims"),
        *("points_accounts", "customer_shares", "survey_issues", "survey_answers", "surveys", "costs"),
        *("interactions", "commitments", "subscriptions"),
    ],
    at=DayEnded,
    due=due,
    indexes=["customer_list", "watched spent_minor"],
    query=f"""
    WITH bought AS (
        SELECT customer_id, count(*) AS orders, count(DISTINCT day) AS days,
               min(day) AS first_day, max(day) AS last_day,
               coalesce(sum(worth), 0) AS total,
               coalesce(sum(worth) FILTER (WHERE placed_at > :until::timestamptz - interval '1 year'),
                        0)::bigint AS year,
               count(*) FILTER (WHERE placed_at > :until::timestamptz - interval '90 days') AS lately,
               count(*) FILTER (WHERE placed_at > :until::timestamptz - interval '180 days'
                                  AND placed_at <= :until::timestamptz - interval '90 days') AS before,
               bool_or(paid_minor < total_minor) AS unpaid
          FROM (SELECT *, (placed_at AT TIME ZONE :zone::text)::date AS day,
                       CASE WHEN {_OURS} THEN total_minor - refunded_minor END AS worth FROM {{orders}} o) o
         WHERE NOT cancelled AND placed_at < :until::timestamptz GROUP BY 1),
    complained AS (
        SELECT customer_id, sum(remedy_cost_minor) FILTER (WHERE {_OURS})::bigint AS remedies,
               bool_or(open) AS open
          FROM {{complaints}} k WHERE received_at < :until::timestamptz GROUP BY 1),
    claimed AS (
        SELECT customer_id, count(*) AS claims, sum(paid_minor) FILTER (WHERE {_OURS}) AS paid,
               bool_or(status = 'made') AS open
          FROM {{claims}} l GROUP BY 1),
    spent AS (
        SELECT customer AS customer_id, sum(amount_minor)::bigint AS cost FROM {{costs}} x
         WHERE kind IN ('serving', 'keeping') AND customer IS NOT NULL
           AND {_OURS}
         GROUP BY 1),
    felt AS (
        SELECT i.customer_id, avg((a.score - s.lowest)::float8 / (s.highest - s.lowest)) AS attitude
          FROM {{survey_answers}} a JOIN {{survey_issues}} i USING (issue_id)
          JOIN {{surveys}} s USING (survey_id)
         GROUP BY 1),
    shared AS (SELECT customer_id, max(percent) AS percent FROM {{customer_shares}} h GROUP BY 1),
    figures AS (
        SELECT c.customer_id, c.live, c.restricted, v.tier, v.abc_class,
               coalesce(v.spent_minor, 0) AS spent_minor,
               coalesce(v.order_count, 0) AS recent, coalesce(b.orders, 0) AS orders, b.days, b.first_day,
               :day::date - b.last_day AS silence, coalesce(b.year, 0) AS year, b.lately, b.before,
               (b.last_day - b.first_day)::float8 / nullif(b.days - 1, 0) AS interval,
               div(coalesce(b.total, 0) * :margin_percent::int, 100) AS margin,
               c.contact_count * :contact_cost_minor::numeric
                   + c.complaint_count * :complaint_cost_minor::numeric
                   + coalesce(k.remedies, 0) + coalesce(p.cost, 0) AS served,
               coalesce(k.open, false) OR coalesce(b.unpaid, false) OR coalesce(m.open, false)
                   OR NOT c.live AND (
                       EXISTS (SELECT FROM {{interactions}} n
                                WHERE n.customer_id = c.customer_id AND NOT resolved)
                       OR EXISTS (SELECT FROM {{commitments}} w
                                   WHERE w.customer_id = c.customer_id AND waiting)
                       OR EXISTS (SELECT FROM {{subscriptions}} r
                                   WHERE r.customer_id = c.customer_id
                                     AND running AND ends_on >= :day::date)) AS unsettled,
               coalesce(m.claims, 0) AS claims, coalesce(m.paid, 0) AS claims_paid,
               coalesce(b.total, 0) AS total, f.attitude, t.earned, h.percent AS share,
               g.value_style, g.marketing_class, g.importance, count(*) OVER () AS everybody
          FROM {{customers}} c
          LEFT JOIN {{customer_values}} v USING (customer_id) LEFT JOIN bought b USING (customer_id)
          LEFT JOIN complained k USING (customer_id) LEFT JOIN claimed m USING (customer_id)
          LEFT JOIN spent p USING (customer_id) LEFT JOIN felt f USING (customer_id)
          LEFT JOIN shared h USING (customer_id) LEFT JOIN {{points_accounts}} t USING (customer_id)
          LEFT JOIN {{classifications}} g USING (customer_id)),
    judged AS (
        SELECT *, margin < served AS unprofitable,
               claims >= :claims_least::int OR (total > 0 AND claims_paid * 100 >= total * :loss_percent::int
                                                AND claims > 0) AS alert,
               live AND days >= 3 AND silence < :lost_days::int
                   AND silence * 100 >= interval * :watch_percent::int AS watch
          FROM figures)
    SELECT customer_id,
           coalesce(importance, CASE tier WHEN 'platinum' THEN 'vip' WHEN 'gold' THEN 'important'
                                ELSE 'ordinary' END) AS importance,
           importance IS NOT NULL AS importance_overridden,
           CASE WHEN orders = 0 THEN 'potential'
                WHEN :day::date - first_day <= :new_days::int THEN 'new'
                WHEN recent >= :loyal_orders::int THEN 'loyal' ELSE 'established' END AS loyalty_class,
           CASE abc_class WHEN 'a' THEN 'top' WHEN 'b' THEN 'regular' ELSE 'occasional' END
               AS management_class,
           value_style, marketing_class, year >= :file_threshold_minor::bigint AS key_file,
           year AS year_minor, spent_minor, margin::bigint AS margin_minor,
           served::bigint AS cost_to_serve_minor,
           coalesce(unprofitable, false) AND served > 0 AS unprofitable,
           CASE WHEN everybody >= :many_customers::int THEN
                     CASE WHEN margin >= :high_margin_minor::bigint THEN 'accountable'
                          WHEN margin * 4 >= :high_margin_minor::bigint THEN 'reactive' ELSE 'basic' END
                WHEN everybody * 10 >= :many_customers::int THEN
                     CASE WHEN margin >= :high_margin_minor::bigint THEN 'proactive'
                          WHEN margin * 4 >= :high_margin_minor::bigint THEN 'accountable' ELSE 'reactive' END
                ELSE CASE WHEN margin >= :high_margin_minor::bigint THEN 'partner'
                          WHEN margin * 4 >= :high_margin_minor::bigint THEN 'proactive'
                          ELSE 'accountable' END END AS relationship_level,
           CASE WHEN coalesce(days, 0) < 2 THEN NULL WHEN share >= 90 THEN 'monopoly'
                WHEN earned > 0 THEN 'incentive' WHEN marketing_class = 'convenience' THEN 'convenience'
                ELSE 'inertia' END AS loyalty_type,
           CASE WHEN attitude IS NULL THEN NULL
                WHEN attitude >= 0.7 THEN CASE WHEN days >= 2 THEN 'true' ELSE 'latent' END
                ELSE CASE WHEN days >= 2 THEN 'spurious' ELSE 'none' END END AS attitude,
           CASE WHEN orders > 0 AND silence > :quiet_days::int THEN 'decline'
                WHEN coalesce(days, 0) < 2 THEN 'exploration'
                WHEN lately > before THEN 'growth' ELSE 'maturity' END AS four_stage,
           CASE WHEN NOT live AND NOT unsettled THEN 'ended' WHEN orders = 0 THEN 'prospect'
                WHEN days < 2 THEN 'development' WHEN lately > before THEN 'growth'
                ELSE 'maturity' END AS five_stage,
           coalesce(watch, false) AS watched,
           CASE WHEN watch THEN (silence * 100 / nullif(interval, 0))::int END AS watch_percent,
           coalesce(alert, false) AS claim_alert, claims,
           CASE WHEN restricted OR alert OR (unprofitable AND served > 0 AND orders > 0) THEN 'bad'
                WHEN tier IN ('platinum', 'gold') AND live THEN 'good' ELSE 'neither' END AS customer_list,
           :value_version::text AS value_version
      FROM judged
    """,
)
class CustomerClass(View):
    """What a customer is, as the log tells it at the last month's end by the value policy in force.

    Versioned like all views: `@asOf` tells what the customer was then.
    """

    customer_id: CustomerId
    """Who."""
    importance: Importance
    """VIP, important or ordinary: by the tier, unless it was overridden."""
    importance_overridden: bool
    """Somebody set the importance, with a reason."""
    loyalty_class: LoyaltyClass
    """Loyal, established, new or potential: by orders in the window and since the first one."""
    management_class: ManagementClass
    """Top, regular or occasional: by ABC class."""
    value_style: ValueStyle | None
    """Lighthouse, follower, rational or opportunist, as people judged."""
    marketing_class: MarketingClass | None
    """Price-minded, ethics-minded, individual or convenience-minded, as people judged."""
    key_file: bool
    """The year's sales reach the threshold of a key file (建库门槛)."""
    year_minor: int
    """Orders less refunds of the last year, in minor units."""
    spent_minor: int
    """In the tier policy's window, in minor units."""
    margin_minor: int
    """Realised margin of all orders (既成价值), in minor units."""
    cost_to_serve_minor: int
    """Contacts, complaints, remedies and booked costs, in minor units."""
    unprofitable: bool
    """Serving costs more than the margin (不盈利客户): no proactive spend."""
    relationship_level: RelationshipLevel
    """How much contact is suggested, by number of customers × margin (五种关系水平)."""
    loyalty_type: LoyaltyType | None
    """Why the customer comes back; null for who does not."""
    attitude: Attitude | None
    """Attitude × repeat purchase; null for who was never asked."""
    four_stage: FourStages
    """The stage of life, of four (四阶段): declines who is silent for the policy's `quietDays`."""
    five_stage: FiveStages
    """The stage of life, of five (五阶段); ended (周期终点): who left, with every open matter settled.

    Settled are complaints, claims, payments, contacts, promises, and contracts that run."""
    watched: bool
    """Silent for longer than usual, but not lost: on the churn watch (流失预警)."""
    watch_percent: int | None
    """Silence ÷ the usual interval between orders, in percent; null for who is not watched."""
    claim_alert: bool
    """Claims often, or is paid too much of the premium (多次索赔、高赔付率)."""
    claims: int
    """How many claims."""
    customer_list: CustomerList
    """Good: of the best two tiers; bad: blacklisted, unprofitable or often claiming (优质、劣质客户名单)."""
    value_version: str
    """The value policy that was in force."""


@report(
    "class_distribution",
    reads=["customer_classes"],
    query="""
    SELECT kind, value, count(*) AS customers, sum(spent_minor)::bigint AS spent_minor
      FROM {customer_classes} c
     CROSS JOIN LATERAL (VALUES
           ('importance', importance), ('loyalty class', loyalty_class),
           ('management class', management_class),
           ('relationship level', relationship_level), ('loyalty type', loyalty_type), ('attitude', attitude),
           ('four stages', four_stage), ('five stages', five_stage), ('list', customer_list),
           ('value style', value_style), ('marketing class', marketing_class),
           ('key file', key_file::text), ('unprofitable', unprofitable::text),
           ('watched', watched::text), ('claim alert', claim_alert::text)) AS k(kind, value)
     WHERE value IS NOT NULL AND (:kind_of_class::text IS NULL OR kind = :kind_of_class::text)
     GROUP BY kind, value ORDER BY kind, customers DESC, value
    """,
)
class ClassDistribution(View):
    """How many customers are in each class (客户分类): importance, loyalty, life cycle, lists, all others."""

    kind_of_class: str | None = None
    """One kind, such as `five stages`; all, where it is left out."""

    kind: str
    """Which kind of class."""
    value: str
    """Which class."""
    customers: int
    """How many are in it."""
    spent_minor: int
    """In the tier policy's window, in minor units."""


@report(
    "churn_watch",
    reads=["customer_classes", "customers", "orders", "visits"],
    query="""
    WITH rhythm AS (
        SELECT k.customer_id, count(*) FILTER (WHERE o.placed_at >= c.last_order_at - interval '180 days')
                   AS lately, count(*) FILTER (WHERE o.placed_at < c.last_order_at - interval '180 days')
                   AS before
          FROM {customer_classes} k JOIN {customers} c USING (customer_id) JOIN {orders} o USING (customer_id)
         WHERE k.watched AND NOT o.cancelled AND o.placed_at >= c.last_order_at - interval '360 days'
         GROUP BY 1)
    SELECT k.customer_id, c.owner AS account_manager, k.spent_minor, k.watch_percent, c.last_order_at,
           array_remove(ARRAY[
               'silent for ' || k.watch_percent || ' % of the usual interval',
               CASE WHEN y.lately < y.before THEN
                    'orders a half-year fell from ' || y.before || ' to ' || y.lately END,
               CASE WHEN k.unprofitable THEN 'serving costs more than the margin: spend nothing' END,
               CASE WHEN c.open_complaint_count > 0 THEN 'a complaint is open' END,
               CASE WHEN k.attitude IN ('spurious', 'none') THEN 'is not satisfied' END,
               CASE WHEN k.importance = 'vip' THEN 'is a VIP' END], NULL) AS reasons,
           (SELECT min(planned_for) FROM {visits} v
             WHERE v.customer_id = k.customer_id AND v.status = 'planned')
               AS planned_on
      FROM {customer_classes} k JOIN {customers} c USING (customer_id) LEFT JOIN rhythm y USING (customer_id)
     WHERE k.watched AND (:owner::text IS NULL OR c.owner = :owner::text)
     ORDER BY k.spent_minor DESC, k.watch_percent DESC, k.customer_id LIMIT 200
    """,
)
class WatchedCustomer(View):
    """Who may be about to leave, why, and whether a visit is planned (流失预警): at most 200."""

    owner: str | None = None
    """One account manager's customers; all, where it is left out."""

    customer_id: str
    """Who."""
    account_manager: str | None
    """Who looks after them."""
    spent_minor: int
    """In the tier policy's window, in minor units."""
    watch_percent: int
    """Silence ÷ the usual interval between orders, in percent."""
    last_order_at: date
    """The latest order."""
    reasons: tuple[str, ...]
    """Why."""
    planned_on: date | None
    """The next planned visit; `planVisit` makes one."""


@report(
    "file_threshold",
    reads=["customer_classes"],
    query="""
    SELECT customer_id, year_minor, customer_list FROM {customer_classes} k WHERE key_file
     ORDER BY year_minor DESC, customer_id LIMIT 500
    """,
)
class KeyFile(View):
    """Who gets a key file, whose yearly sales reach the threshold (建库门槛): at most 500."""

    customer_id: str
    """Who."""
    year_minor: int
    """Orders less refunds of the last year, in minor units."""
    customer_list: CustomerList
    """Good: of the best two tiers; bad: blacklisted, unprofitable or often claiming (优质、劣质客户名单)."""
