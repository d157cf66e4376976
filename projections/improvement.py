"""What complaints teach: crises, bursts, effects of remedies and measures, and supervision over a period."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from domain.complaints import Category
from domain.crises import CrisisDeclared, CrisisEnded
from domain.events import Personal, Recorded
from domain.measures import MeasureChecked, MeasureDone, MeasureDropped, MeasureKept, MeasurePlanned
from projections.reckoning import DAYS, MONEY, TODAY, begin_of, counts, day_of, days, period, service
from projections.view import Chart, View, on, report, view


@view("crises", key="crisis_id")
class Crisis(View):
    """A declared crisis: while it lasts, the executives see to the complaints of its category (危机管理)."""

    crisis_id: str
    """The id that clients chose for it."""
    category: Category
    """Of which complaints."""
    reason: Personal[str]
    """Why it was declared."""
    escalated_to: str
    """The executive who took it over."""
    declared_by: str
    """Who declared it."""
    declared_at: datetime
    """When."""
    ended_at: datetime | None = None
    """When it ended."""
    note: Personal[str | None] = None
    """What was learned."""

    @on(CrisisDeclared)
    def declared(self, recorded: Recorded[CrisisDeclared]) -> Self:
        e = recorded.event
        return self.but(
            category=e.category,
            reason=e.reason,
            escalated_to=e.escalated_to,
            declared_by=recorded.actor,
            declared_at=recorded.occurred_at,
        )

    @on(CrisisEnded)
    def ended(self, recorded: Recorded[CrisisEnded]) -> Self:
        return self.but(ended_at=recorded.occurred_at, note=recorded.event.note)


@report(
    "complaint_bursts",
    reads=["complaints", "crises", "service_policies", *DAYS],
    query=f"""
    WITH counted AS (
        SELECT d.day, k.category, count(c.complaint_id) AS complaints
          FROM {{ended_days}} d
         CROSS JOIN (SELECT DISTINCT category FROM {{complaints}} x) k
          LEFT JOIN {{complaints}} c ON c.category = k.category AND {day_of("c.received_at")} = d.day
         GROUP BY 1, 2),
    ranged AS (
        SELECT *, {service("burst_days", "day")} AS days, {service("burst_deviations", "day")} AS deviations,
               {service("burst_least", "day")} AS least FROM counted),
    normal AS (
        SELECT r.*, b.mean, b.deviation FROM ranged r
         CROSS JOIN LATERAL (
            SELECT avg(complaints) AS mean, coalesce(stddev_pop(complaints), 0) AS deviation
              FROM (SELECT complaints FROM counted e WHERE e.category = r.category AND e.day < r.day
                     ORDER BY e.day DESC LIMIT r.days) before) b
         WHERE complaints >= least)
    SELECT day, category, complaints, mean::float8, (mean + deviations * deviation)::float8 AS normal_to,
           EXISTS (SELECT FROM {{crises}} z WHERE z.category = n.category 
                      AND {day_of("z.declared_at")} BETWEEN n.day AND n.day + 7) AS crisis_declared
      FROM normal n
     WHERE complaints > mean + deviations * deviation
       AND (:since::date IS NULL OR day >= :since::date)
     ORDER BY day DESC, category LIMIT 200
    """,
)
class ComplaintBurst(View):
    """A day with more complaints of a category than its normal range allows: an alert (危机管理).

    The range is mean + n standard deviations of the business days before; the service policy says n, how
    many days, and how many complaints are a burst at the least (Shewhart's control chart, 1931).
    """

    since: date | None = None
    """First day; from the beginning, where it is left out."""

    day: date
    """The day."""
    category: Category
    """Of what."""
    complaints: int
    """How many were received."""
    mean: float
    """A day before, on average."""
    normal_to: float
    """How many would still be normal."""
    crisis_declared: bool
    """A crisis was declared within a week."""


@report(
    "recovery_effects",
    reads=["complaints", "orders", "service_policies", *DAYS, *MONEY],
    query=f"""
    WITH settled AS (
        SELECT customer_id, closed_at, remedy_cost_minor, currency,
               make_interval(days => {service("effect_days", day_of("closed_at"))}) AS days,
               CASE WHEN NOT coalesce(justified, true) THEN 'not justified'
                    WHEN verdict = 'satisfied' AND currency IS NOT NULL THEN 'satisfied, with a remedy'
                    WHEN verdict = 'satisfied' THEN 'satisfied'
                    WHEN verdict = 'unreachable' THEN 'could not be asked' ELSE 'not satisfied' END AS outcome
          FROM {{complaints}} k WHERE closed_at IS NOT NULL)
    SELECT c.outcome, count(*) AS complaints, 
           avg(c.remedy_cost_minor) FILTER (WHERE {counts("c.currency")})::float8 AS remedy_cost_minor,
           avg(b.before)::float8 AS orders_before, avg(b.after)::float8 AS orders_after
      FROM settled c
     CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE o.placed_at < c.closed_at) AS before,
               count(*) FILTER (WHERE o.placed_at >= c.closed_at) AS after
          FROM {{orders}} o
         WHERE o.customer_id = c.customer_id AND NOT o.cancelled
           AND o.placed_at >= c.closed_at - c.days AND o.placed_at < c.closed_at + c.days) b
     WHERE c.closed_at + c.days < {begin_of(f"{TODAY} + 1")}
     GROUP BY c.outcome ORDER BY complaints DESC, c.outcome
    """,
    chart=Chart(kind="bars", x="outcome", y="orders_before orders_after", unit="orders a complaint"),
)
class RecoveryEffect(View):
    """What customers bought before and after their complaint was settled, by how it ended (服务补救).

    A complaint counts once as many days have passed after its close as are looked at.
    """

    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    outcome: str
    """How it ended for the customer."""
    complaints: int
    """How many ended so."""
    remedy_cost_minor: float
    """What the remedy cost on average, in minor units; remedies in other currencies than ours left out."""
    orders_before: float
    """Orders in the service policy's `effectDays` before the close, a complaint; the cancelled left out."""
    orders_after: float
    """Orders in as many days after it."""


# --- Measures -------------------------------------------------------------------------------------


@view("measures", key="measure_id", indexes=["status"])
class Measure(View):
    """A measure against a root cause on its way through plan, do, check, act (PDCA、改进措施)."""

    measure_id: str
    """The id that clients chose for it."""
    root_cause: str
    """As complaints name it."""
    category: Category
    """The complaints whose rate it shall lower."""
    title: str
    """What is done."""
    member: str
    """Who does it."""
    due_on: date
    """By when."""
    status: str = "planned"
    """`planned`, `done`, `checked`, `kept` or `dropped`."""
    planned_at: datetime
    """When it was planned."""
    done_at: datetime | None = None
    """When it was done."""
    finding: Personal[str | None] = None
    """What the check said."""

    @on(MeasurePlanned)
    def planned(self, recorded: Recorded[MeasurePlanned]) -> Self:
        e = recorded.event
        return self.but(
            root_cause=e.root_cause,
            category=e.category,
            title=e.title,
            member=e.member,
            due_on=e.due_on,
            planned_at=recorded.occurred_at,
        )

    @on(MeasureDone)
    def done(self, recorded: Recorded[MeasureDone]) -> Self:
        return self.but(status="done", done_at=recorded.occurred_at)

    @on(MeasureChecked)
    def checked(self, recorded: Recorded[MeasureChecked]) -> Self:
        return self.but(status="checked", finding=recorded.event.note)

    @on(MeasureKept)
    def kept(self, recorded: Recorded[MeasureKept]) -> Self:
        return self.but(status="kept")

    @on(MeasureDropped)
    def dropped(self, recorded: Recorded[MeasureDropped]) -> Self:
        return self.but(status="dropped")


@report(
    "measure_effects",
    reads=["measures", "complaints", "customers", "service_policies", *DAYS],
    query=f"""
    WITH done AS (
        SELECT *, {service("effect_days", "day")} AS days
          FROM (SELECT *, {day_of("done_at")} AS day FROM {{measures}} m WHERE done_at IS NOT NULL) m),
    received AS (
        SELECT complaint_id, category, {day_of("received_at")} AS day FROM {{complaints}} k)
    SELECT d.measure_id, d.title, d.root_cause, d.category, d.status, d.day,
           10000.0::float8 * count(k.complaint_id) FILTER (WHERE k.day < d.day) / c.customers
               AS rate_before,
           10000.0::float8 * count(k.complaint_id) FILTER (WHERE k.day >= d.day) / c.customers
               AS rate_after
      FROM done d
     CROSS JOIN (SELECT greatest(count(*), 1) AS customers FROM {{customers}} x) c
      LEFT JOIN received k ON k.category = d.category AND k.day >= d.day - d.days AND k.day < d.day + d.days
     WHERE d.day + d.days <= {TODAY} + 1
     GROUP BY d.measure_id, d.title, d.root_cause, d.category, d.status, d.day, c.customers
     ORDER BY d.day DESC, d.measure_id LIMIT 200
    """,
    chart=Chart(kind="bars", x="title", y="rate_before rate_after", unit="complaints for 10,000 customers"),
)
class MeasureEffect(View):
    """The complaint rate before and after a measure (改进措施), for ten thousand customers: at most 200.

    A measure is shown once as many days have passed since it was done as are looked at.
    """

    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    measure_id: str
    """Which measure."""
    title: str
    """What was done."""
    root_cause: str
    """Against what."""
    category: Category
    """The complaints counted."""
    status: str
    """`done`, `checked`, `kept` or `dropped`."""
    day: date
    """When it was done."""
    rate_before: float
    """Complaints for 10,000 customers in the service policy's `effectDays` before."""
    rate_after: float
    """In as many days from then on."""


# --- Reports for any period -----------------------------------------------------------------------


@report(
    "supervision",
    reads=[
        *("interactions", "complaints", "orders", "commitments", "customers", "visits", "quality_scores"),
        *DAYS,
    ],
    query=f"""
    SELECT 'contacts' AS figure, count(*)::float8 AS value, 'number' AS unit FROM {{interactions}} i
     WHERE {period("occurred_at")}
    UNION ALL SELECT 'finished at first contact', 100.0 * avg((resolved AND handovers = 0)::int)::float8,
           'percent'
      FROM {{interactions}} i WHERE {period("occurred_at")}
    UNION ALL SELECT 'answered in time', 100.0 * avg((NOT answered_late)::int)::float8, 'percent'
      FROM {{interactions}} i WHERE resolved AND direction = 'inbound' AND {period("occurred_at")}
    UNION ALL SELECT 'calls answered after few enough rings', 100.0 * avg((NOT rang_too_long)::int)::float8,
           'percent'
      FROM {{interactions}} i WHERE rings IS NOT NULL AND {period("occurred_at")}
    UNION ALL SELECT 'complaints', count(*)::float8, 'number' FROM {{complaints}} k
     WHERE {period("received_at")}
    UNION ALL SELECT 'complaints decided in time', 100.0 * avg((NOT late)::int)::float8, 'percent'
      FROM {{complaints}} k WHERE decided_at IS NOT NULL AND {period("received_at")}
    UNION ALL SELECT 'complaints open', count(*)::float8, 'number' FROM {{complaints}} k
     WHERE open AND {period("received_at")}
    UNION ALL SELECT 'complaints with a satisfied customer',
           100.0 * avg((verdict = 'satisfied')::int)::float8, 'percent'
      FROM {{complaints}} k WHERE verdict IS NOT NULL AND {period("received_at")}
    UNION ALL SELECT 'promises kept', 100.0 * avg(within_promise::int)::float8, 'percent'
      FROM {{commitments}} m
     WHERE {period("made_at")}
    UNION ALL SELECT 'visits made', count(*)::float8, 'number' FROM {{visits}} v
     WHERE status = 'completed' AND {period("completed_at")}
    UNION ALL SELECT 'quality of service', avg(percent)::float8, 'percent' FROM {{quality_scores}} q
     WHERE {days("day")}
    UNION ALL SELECT 'orders', count(*)::float8, 'number' FROM {{orders}} o WHERE {period("placed_at")}
    UNION ALL SELECT 'customers won', count(*)::float8, 'number' FROM {{customers}} c
     WHERE {period("registered_at")}
    UNION ALL SELECT 'customers lost', count(*)::float8, 'number' FROM {{customers}} c
     WHERE ended_at IS NOT NULL AND {period("ended_at")}
    """,
)
class SupervisionFigure(View):
    """One figure of the supervision report (监督报告、周报): of a month, a week, or any other period."""

    since: date | None = None
    """First day; from the beginning, where it is left out."""
    until: date | None = None
    """Last day."""

    figure: str
    """What is counted."""
    value: float | None
    """How much; null where there was nothing to count."""
    unit: str
    """`number` or `percent`."""


@report(
    "needs_survey",
    reads=["basic_entries", "important_entries", "interactions", "survey_issues", *DAYS],
    query=f"""
    SELECT need, source, count(*) AS customers FROM (
        SELECT text AS need, 'file' AS source, customer_id, noted_at AS at FROM {{basic_entries}} b
         WHERE kind = 'need'
        UNION ALL SELECT text, 'file', customer_id, noted_at FROM {{important_entries}} m WHERE kind = 'need'
        UNION ALL SELECT theme, 'feedback', customer_id, answered_at FROM {{survey_issues}} s
         CROSS JOIN LATERAL unnest(s.themes) theme
        UNION ALL SELECT topic, 'contact', customer_id, occurred_at FROM {{interactions}} i
         WHERE stage = 'before' AND direction = 'inbound') n
     WHERE {period("at")}
     GROUP BY need, source ORDER BY customers DESC, need, source LIMIT 200
    """,
)
class Need(View):
    """What customers asked for in a year or any period (新需求): in files, in feedback, before a sale."""

    since: date | None = None
    """First day; from the beginning, where it is left out."""
    until: date | None = None
    """Last day."""

    need: Personal[str]
    """What, in its own words."""
    source: str
    """`file`, `feedback` or `contact`."""
    customers: int
    """How often."""
