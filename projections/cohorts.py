"""How many of the customers won in a month are still with us, against half after five years (五年流失50%)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from domain.calendar import DayEnded
from domain.events import Recorded
from domain.policies import Policies
from projections.months import month_ended
from projections.view import Chart, View, population, report


def due(recorded: Recorded[DayEnded], policies: Policies) -> Mapping[str, Any] | None:
    """What the computation at a month's end needs; None on other days."""
    month = month_ended(recorded, policies)
    if month is None:
        return None
    analysis = policies.analysis(month["day"])
    return {
        **month,
        "active_days": analysis.active_days,
        "kept": analysis.kept_percent / 100,
        "after_months": 12 * analysis.kept_years,
        "analysis": analysis.analysis_version,
    }


@population(
    "cohort_months",
    key="cohort age_months",
    reads=["orders"],
    at=DayEnded,
    due=due,
    query="""
    WITH bought AS (
        SELECT customer_id, (placed_at AT TIME ZONE :zone::text)::date AS day
          FROM {orders} o
         WHERE NOT cancelled AND placed_at < :until::timestamptz),
    numbered AS (
        SELECT customer_id, 12 * date_part('year', day)::int + date_part('month', day)::int - 1 AS month,
               12 * date_part('year', day + :active_days::int)::int
               + date_part('month', day + :active_days::int)::int - 1 AS gone
          FROM bought),
    spans AS (
        SELECT month, gone, lead(month) OVER own AS next, first_value(month) OVER own AS cohort
          FROM numbered
        WINDOW own AS (PARTITION BY customer_id ORDER BY month, gone
                       ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)),
    moves AS (
        SELECT cohort, month, 1 AS kept, (next IS DISTINCT FROM month)::int AS ordered FROM spans
        UNION ALL
        SELECT cohort, least(gone, next), -1, 0 FROM spans),
    changes AS (
        SELECT cohort, month, sum(kept) AS kept, sum(ordered) AS ordered FROM moves GROUP BY 1, 2),
    months AS (
        SELECT cohort, month FROM (SELECT DISTINCT cohort FROM spans) s
         CROSS JOIN generate_series(cohort, 12 * date_part('year', :day::date)::int
                                            + date_part('month', :day::date)::int - 1) month),
    counted AS (
        SELECT cohort, month - cohort AS age_months,
               sum(kept) OVER (PARTITION BY cohort ORDER BY month)::bigint AS kept,
               coalesce(ordered, 0)::bigint AS ordered
          FROM months LEFT JOIN changes USING (cohort, month)),
    sized AS (
        SELECT *, first_value(ordered) OVER (PARTITION BY cohort ORDER BY age_months) AS customers
          FROM counted)
    SELECT make_date(cohort / 12, cohort % 12 + 1, 1) AS cohort, age_months, customers, ordered, kept,
           kept::float8 / customers AS kept_share,
           power(:kept::float8, age_months::float8 / :after_months::int) AS baseline_share,
           :analysis::text AS analysis_version
      FROM sized
    """,
)
class CohortMonth(View):
    """The customers whose first order was in one month, so many months later, as last computed at a month's
    end; an order told late counts where it happened, a cancelled one nowhere.
    """

    cohort: date
    """The first day of the month of their first order."""
    age_months: int
    """How many months later; 0 is the month itself."""
    customers: int
    """How many there are in the cohort."""
    ordered: int
    """How many of them ordered in the month of that age."""
    kept: int
    """How many of them had ordered within the policy's active days at that month's end."""
    kept_share: float
    """Kept ÷ customers, 0 to 1."""
    baseline_share: float
    """What it should be (五年流失50%): by default half after five years, 0.5^(1/5) = 0.871 after one."""
    analysis_version: str
    """The analysis policy that was in force."""


@report(
    "cohort_retention",
    reads=["cohort_months"],
    query="""
    SELECT cohort, age_months, customers, kept, kept_share, baseline_share FROM {cohort_months} c
     WHERE (:since::date IS NULL OR cohort >= :since::date)
       AND (:until::date IS NULL OR cohort <= :until::date)
     ORDER BY cohort, age_months LIMIT 10000
    """,
    chart=Chart(kind="grid", x="age_months", series="cohort", y="kept_share", unit="of the cohort, 0 to 1"),
)
class CohortRetention(View):
    """What share of each month's new customers is kept (客户保留), against the baseline (五年流失50%)."""

    since: date | None = None
    """The first cohort; from the beginning, where it is left out."""
    until: date | None = None
    """The last cohort."""

    cohort: date
    """The first day of the month of their first order."""
    age_months: int
    """How many months later."""
    customers: int
    """How many there are in the cohort."""
    kept: int
    """How many of them are kept."""
    kept_share: float
    """Kept ÷ customers, 0 to 1."""
    baseline_share: float
    """What it should be by the analysis policy: by default half after five years."""
