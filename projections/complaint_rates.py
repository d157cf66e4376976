"""How many complaints there are for ten thousand customers (万户投诉量), by month, category and region."""

from __future__ import annotations

from datetime import date

from domain.calendar import DayEnded
from domain.complaints import Category
from projections.months import month_ended
from projections.view import Chart, View, population, report


@population(
    "complaint_rates",
    key="month category region",
    reads=["complaints", "customers"],
    at=DayEnded,
    due=month_ended,
    query="""
    WITH moved AS (
        SELECT registered_at AT TIME ZONE :zone::text AS at, coalesce(region, '') AS region, 1 AS number
          FROM {customers} c WHERE registered_at < :until::timestamptz
        UNION ALL
        SELECT greatest(ended_at, registered_at) AT TIME ZONE :zone::text + interval '1 month',
               coalesce(region, ''), -1
          FROM {customers} c
         WHERE registered_at < :until::timestamptz AND ended_at < :until::timestamptz),
    files AS (
        SELECT date_trunc('month', at)::date AS month, region, sum(number) AS opened FROM moved
         GROUP BY 1, 2),
    received AS (
        SELECT date_trunc('month', received_at AT TIME ZONE :zone::text)::date AS month,
               category, coalesce(region, '') AS region
          FROM {complaints} k JOIN {customers} c USING (customer_id)
         WHERE received_at < :until::timestamptz),
    counted AS (
        SELECT month, coalesce(category, '*') AS category, coalesce(region, '*') AS region,
               count(*) AS complaints
          FROM received
         GROUP BY GROUPING SETS ((month, category, region), (month, category), (month, region), (month))
        UNION ALL
        SELECT month::date, '*', '*', 0
          FROM generate_series((SELECT min(month) FROM files), :day::date, interval '1 month') month),
    rated AS (
        SELECT month, category, region, sum(complaints)::bigint AS complaints
          FROM counted GROUP BY 1, 2, 3),
    regions AS (
        SELECT r.month, r.region, sum(opened)::bigint AS customers
          FROM (SELECT DISTINCT month, region FROM rated) r
          LEFT JOIN files f ON f.month <= r.month AND r.region IN ('*', f.region)
         GROUP BY 1, 2)
    SELECT month, category, region, complaints, coalesce(customers, 0) AS customers,
           10000 * complaints::float8 / nullif(customers, 0) AS per_10000_customers
      FROM rated JOIN regions USING (month, region)
    """,
)
class ComplaintRate(View):
    """The complaints received in a month against the customers whom we had in it.

    Computed at each month's end for all months; what is told late counts where it happened, and each
    customer in the region of today.
    """

    month: date
    """The month's first day."""
    category: str
    """What the complaints are about; `*` for all categories together."""
    region: str
    """Where the customers are at home; empty where that is not known, `*` for all regions together."""
    complaints: int
    """How many were received."""
    customers: int
    """How many were there by the month's end, and had not left before it began."""
    per_10000_customers: float | None
    """Complaints ÷ customers × 10,000; null where there were no customers."""


@report(
    "complaint_control",
    reads=["complaint_rates"],
    query="""
    WITH counted AS (
        SELECT every.month, coalesce(r.complaints, 0)::float8 AS complaints,
               every.customers::float8 AS customers
          FROM {complaint_rates} every
          LEFT JOIN {complaint_rates} r
            ON r.month = every.month AND r.region = '*' AND r.category = coalesce(:category::text, '*')
         WHERE every.category = '*' AND every.region = '*' AND every.customers > 0
           AND (:since::date IS NULL OR every.month >= :since::date)
           AND (:until::date IS NULL OR every.month <= :until::date)),
    centred AS (SELECT *, sum(complaints) OVER () / sum(customers) OVER () AS u FROM counted),
    limited AS (
        SELECT month, complaints::bigint AS complaints, customers::bigint AS customers,
               10000 * complaints / customers AS rate, 10000 * u AS centre,
               10000 * greatest(u - 3 * sqrt(u / customers), 0) AS lower_limit,
               10000 * (u + 3 * sqrt(u / customers)) AS upper_limit
          FROM centred)
    SELECT *, rate < lower_limit OR rate > upper_limit AS beyond FROM limited ORDER BY month
    """,
    chart=Chart(
        kind="control",
        x="month",
        y="rate centre lower_limit upper_limit",
        unit="complaints for 10,000 customers",
    ),
)
class ComplaintControl(View):
    """The trend of complaints on a control chart (控制图): the rate of each month, and what is chance.

    A u chart: centre ū = all complaints ÷ all customer months, limits ū ± 3 √(ū ÷ customers), for 10,000
    customers (Shewhart, 1931; Montgomery, Introduction to Statistical Quality Control, ch. 7.3).
    """

    category: Category | None = None
    """What the complaints are about; all, where it is left out."""
    since: date | None = None
    """The first month; from the beginning, where it is left out."""
    until: date | None = None
    """The last month."""

    month: date
    """The month's first day."""
    complaints: int
    """How many were received."""
    customers: int
    """How many there were in it."""
    rate: float
    """Complaints ÷ customers × 10,000."""
    centre: float
    """The rate of all months together."""
    lower_limit: float
    """Below it is hardly chance: something has become better."""
    upper_limit: float
    """Above it is hardly chance: something is wrong."""
    beyond: bool
    """The rate lies beyond its limits."""
