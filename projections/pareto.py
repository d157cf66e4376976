"""How unevenly value is spread: the Pareto curve (二八原理), and what the classes A, B and C hold."""

from __future__ import annotations

from domain.analysis import ValueClass
from domain.calendar import DayEnded
from projections.tiers import due
from projections.view import Chart, View, population, report

RANKED = """
    SELECT currency, count(*) OVER () AS customers, sum(spent_minor) OVER () AS spent_minor,
           row_number() OVER best AS place, sum(spent_minor) OVER best AS held
      FROM {customer_values} v
    WINDOW best AS (ORDER BY spent_minor DESC, customer_id ROWS UNBOUNDED PRECEDING)"""
"""SQL for the customers in the order of what they spent, with what all up to each hold together."""


@population(
    "pareto_points",
    key="percent",
    reads=["customer_values"],
    at=DayEnded,
    due=due,
    query=f"""
    WITH ranked AS ({RANKED}),
    all_together AS (SELECT currency, customers, spent_minor FROM ranked LIMIT 1)
    SELECT percent, a.customers * percent / 100 AS customers, a.currency,
           coalesce(held, 0)::bigint AS spent_minor,
           coalesce(held::float8 / nullif(a.spent_minor, 0)::float8, 0) AS share_of_spend
      FROM all_together a
     CROSS JOIN generate_series(1, 100) percent
      LEFT JOIN ranked ON place = a.customers * percent / 100
    """,
)
class ParetoPoint(View):
    """One point of the Pareto curve (二八原理): what those who spent most hold of all that was spent.

    Computed together with the valuation of the customers, over the tier policy's window.
    """

    percent: int
    """The best so many of a hundred customers, 1 to 100."""
    customers: int
    """How many customers these are, rounded down."""
    currency: str
    """ISO 4217."""
    spent_minor: int
    """What they spent in the window, in minor units."""
    share_of_spend: float
    """Of all that was spent, 0 to 1."""


@report(
    "pareto_reached",
    reads=["customer_values"],
    query=f"""
    WITH ranked AS ({RANKED})
    SELECT place AS customers, currency, held::bigint AS spent_minor,
           place::float8 / customers AS share_of_customers
      FROM ranked
     WHERE held >= coalesce(:share::float8, 0.8)::numeric * spent_minor
     ORDER BY place LIMIT 1
    """,
)
class ParetoReached(View):
    """How many of those who spent most it takes to reach a share of all that was spent (二八原理)."""

    share: float | None = None
    """Of all that was spent, 0 to 1; 0.8, where it is left out."""

    customers: int
    """How many it takes."""
    currency: str
    """ISO 4217."""
    spent_minor: int
    """What they spent in the tier policy's window, in minor units."""
    share_of_customers: float
    """Of all customers, 0 to 1."""


@report(
    "abc_distribution",
    reads=["customer_values"],
    query="""
    SELECT abc_class, currency, count(*) AS customers, sum(spent_minor)::bigint AS spent_minor,
           count(*) / sum(count(*)) OVER () AS share_of_customers,
           coalesce(sum(spent_minor) / nullif(sum(sum(spent_minor)) OVER (), 0), 0) AS share_of_spend
      FROM {customer_values} v
     GROUP BY abc_class, currency
     ORDER BY abc_class, currency
    """,
    chart=Chart(kind="bars", x="abc_class", y="share_of_customers share_of_spend", unit="of all, 0 to 1"),
)
class ClassShare(View):
    """One class of ABC analysis (ABC分类): how many are in it, how much they hold; rounds go by it (巡访)."""

    abc_class: ValueClass
    """A to 80 %, B to 95 % of all that was spent, C the rest; an analysis policy may set other shares."""
    currency: str
    """ISO 4217."""
    customers: int
    """How many are in it."""
    spent_minor: int
    """In the tier policy's window, in minor units."""
    share_of_customers: float
    """Of all customers, 0 to 1."""
    share_of_spend: float
    """Of all that was spent, 0 to 1."""


@report(
    "pareto_curve",
    reads=["pareto_points"],
    query="""
    SELECT percent, customers, currency, spent_minor, share_of_spend FROM {pareto_points} p ORDER BY percent
    """,
    chart=Chart(kind="lines", x="percent", y="share_of_spend", unit="of all that was spent, 0 to 1"),
)
class ParetoCurve(View):
    """The Pareto curve (二八曲线): what the best 1 to 100 of a hundred customers hold of all spending."""

    percent: int
    """The best so many of a hundred customers."""
    customers: int
    """How many customers these are, rounded down."""
    currency: str
    """ISO 4217."""
    spent_minor: int
    """What they spent in the tier policy's window, in minor units."""
    share_of_spend: float
    """Of all that was spent, 0 to 1."""
