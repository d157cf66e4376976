"""How many complaints there are for ten thousand customers (万户投诉量), by month, category and region."""

from __future__ import annotations

from datetime import date

from domain.calendar import DayEnded
from projections.months import month_ended
from projections.view import View, population


@population(
    "complaint_rates",
    key="month category region",
    reads=["complaints", "customers"],
    at=DayEnded,
    due=month_ended,
    query="""
    WITH files AS (
        SELECT date_trunc('month', registered_at AT TIME ZONE :zone::text)::date AS month,
               coalesce(region, '') AS region, count(*) AS opened
          FROM {customers} c
         WHERE registered_at < :until::timestamptz
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
    """The complaints received in a month against the customers whose files had been opened by its end.

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
    """How many files had been opened by the month's end."""
    per_10000_customers: float | None
    """Complaints ÷ customers × 10,000; null where there were no customers."""
