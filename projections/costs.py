"""What customers cost and bring: bookings, claims, and the ratios that are made of them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from domain.claims import ClaimMade, ClaimPaid, ClaimRefused
from domain.costs import CostBooked, CostKind
from domain.customers import ChurnCause
from domain.events import Personal, Recorded
from projections.reckoning import DAYS, LATEST, MONEY, SPENT, counts, days, period, total, worth
from projections.view import Chart, CustomerId, View, about, on, report, view


@view("costs", key="booking_id", indexes=["kind day"])
class Cost(View):
    """An amount spent on winning, keeping or serving customers, or what the CRM programme cost or brought."""

    booking_id: str
    """The id that clients chose for it."""
    kind: CostKind
    """What it was spent on."""
    amount_minor: int
    """In minor units."""
    currency: str
    """ISO 4217."""
    day: date
    """The day it belongs to."""
    customer: Annotated[str | None, about]
    """The id of the customer it was spent on."""
    note: Personal[str | None]
    """What exactly it was."""

    @on(CostBooked)
    def booked(self, recorded: Recorded[CostBooked]) -> Self:
        e = recorded.event
        return self.but(
            kind=e.kind,
            amount_minor=e.amount_minor,
            currency=e.currency,
            day=e.day,
            customer=e.customer_id,
            note=e.note,
        )


@view("claims", key="claim_id", indexes=["status"])
class Claim(View):
    """A customer's claim for compensation (索赔)."""

    claim_id: str
    """The id that clients chose for it."""
    customer_id: CustomerId
    """Who claims."""
    amount_minor: int
    """What is claimed, in minor units."""
    paid_minor: int = 0
    """What was paid, in minor units."""
    currency: str
    """ISO 4217."""
    status: str = "made"
    """`made`, `paid` or `refused`."""
    made_at: datetime
    """When."""

    @on(ClaimMade)
    def made(self, recorded: Recorded[ClaimMade]) -> Self:
        e = recorded.event
        return self.but(
            customer_id=e.customer_id,
            amount_minor=e.amount_minor,
            currency=e.currency,
            made_at=recorded.occurred_at,
        )

    @on(ClaimPaid)
    def paid(self, recorded: Recorded[ClaimPaid]) -> Self:
        return self.but(status="paid", paid_minor=recorded.event.paid_minor)

    @on(ClaimRefused)
    def refused(self, recorded: Recorded[ClaimRefused]) -> Self:
        return self.but(status="refused")


@report(
    "claim_alerts",
    reads=["claims", "spendings", "value_policies", *MONEY],
    query=f"""
    SELECT c.customer_id, count(*) AS claims, sum(c.paid_minor)::bigint AS paid_minor,
           coalesce(max(s.spent), 0)::bigint AS premium_minor,
           sum(c.paid_minor)::float8 / nullif(max(s.spent), 0)::float8 AS loss_ratio
      FROM (SELECT * FROM {{claims}} x WHERE {counts("currency")}) c
      LEFT JOIN {SPENT} s
     USING (customer_id)
     GROUP BY c.customer_id
    HAVING count(*) >= {worth("claims_least")}
        OR sum(c.paid_minor) * 100 >= max(s.spent) * {worth("loss_percent")}
     ORDER BY loss_ratio DESC NULLS LAST, claims DESC, customer_id LIMIT 200
    """,
)
class ClaimAlert(View):
    """Who claims often, or is paid too much of what they pay (多次索赔、高赔付率): at most 200.

    The value policy says from how many claims, and from which share of the premium.
    """

    on: date | None = None
    """By the policy of this day; of the last business day, where it is left out."""

    customer_id: str
    """Who."""
    claims: int
    """How many claims."""
    paid_minor: int
    """What was paid for them, in minor units of the tier policy's currency."""
    premium_minor: int
    """What the customer paid us, less refunds, in minor units of the tier policy's currency."""
    loss_ratio: float | None
    """Paid ÷ premium."""


@report(
    "acquisition_cost_ratio",
    reads=["costs", "orders", "customer_values", *DAYS, *MONEY],
    query=f"""
    WITH spent AS (
        SELECT coalesce(sum(amount_minor) FILTER (WHERE kind = 'winning'), 0) AS winning,
               coalesce(sum(amount_minor) FILTER (WHERE kind = 'keeping'), 0) AS keeping FROM {{costs}} x
         WHERE {days("day")} AND {counts("currency")}),
    counted AS (
        SELECT count(*) FILTER (WHERE {period("won_at")}) AS won,
               (SELECT count(*) FROM {{customer_values}} v WHERE order_count > 0) AS kept
          FROM (SELECT min(placed_at) AS won_at FROM {{orders}} o WHERE NOT cancelled GROUP BY customer_id) f)
    SELECT winning::bigint AS winning_minor, won, keeping::bigint AS keeping_minor, kept,
           winning::float8 / nullif(won, 0) AS cost_of_winning_minor,
           keeping::float8 / nullif(kept, 0) AS cost_of_keeping_minor,
           (winning::float8 / nullif(won, 0)) / nullif(keeping::float8 / nullif(kept, 0), 0) AS ratio
      FROM spent CROSS JOIN counted
    """,
)
class AcquisitionCostRatio(View):
    """What it costs to win a customer ÷ to keep one (获客成本五倍): about five, as a rule of thumb says."""

    since: date | None = None
    """First day; from the beginning, where it is left out."""
    until: date | None = None
    """Last day."""

    winning_minor: int
    """Spent on winning, in minor units of the tier policy's currency."""
    won: int
    """Customers who ordered for the first time in the period."""
    keeping_minor: int
    """Spent on keeping, in minor units of the tier policy's currency."""
    kept: int
    """Customers who ordered in the tier policy's window."""
    cost_of_winning_minor: float | None
    """A customer won, in minor units of the tier policy's currency."""
    cost_of_keeping_minor: float | None
    """A customer kept, in minor units of the tier policy's currency."""
    ratio: float | None
    """Winning ÷ keeping."""


@report(
    "crm_return",
    reads=["costs", "orders", "departures", "timeline", "value_policies", *DAYS, *MONEY],
    query=f"""
    WITH booked AS (
        SELECT coalesce(sum(amount_minor) FILTER (WHERE kind = 'gain'), 0) AS gain,
               coalesce(sum(amount_minor) FILTER (WHERE kind = 'forgone'), 0) AS forgone,
               coalesce(sum(amount_minor) FILTER (WHERE kind = 'programme'), 0) AS cost FROM {{costs}} x
         WHERE {days("day")} AND {counts("currency")}),
    back AS (
        SELECT customer_id, (SELECT min(w.occurred_at) FROM {{timeline}} w
                              WHERE w.customer_id = d.customer_id AND w.event = 'CustomerWonBack') AS at
          FROM (SELECT DISTINCT customer_id FROM {{departures}} d) d),
    won AS (
        SELECT {total("total_minor - refunded_minor")} * {worth("margin_percent", LATEST)} / 100 AS margin
          FROM {{orders}} o JOIN back b USING (customer_id)
         WHERE NOT cancelled AND placed_at >= b.at AND {period("placed_at")}),
    summed AS (SELECT gain + margin AS gain, margin, forgone, cost FROM booked CROSS JOIN won)
    SELECT gain::bigint AS gain_minor, margin::bigint AS won_back_minor, forgone::bigint AS forgone_minor,
           cost::bigint AS cost_minor, (gain + forgone - cost)::bigint AS return_minor,
           100.0::float8 * (gain + forgone - cost)::float8 / nullif(cost, 0)::float8 AS percent
      FROM summed
    """,
)
class CrmReturn(View):
    """The return of the CRM programme (CRM投资回报): gain + cost of not doing it − actual cost.

    What orders tell is reckoned from them: the margin of all that customers bought after they were won back.
    What they do not tell, such as work saved, or customers kept who would have left, is booked.
    """

    since: date | None = None
    """First day; from the beginning, where it is left out."""
    until: date | None = None
    """Last day."""

    gain_minor: int
    """What it brought, booked or won back, in minor units of the tier policy's currency."""
    won_back_minor: int
    """Of this, the margin of what customers ordered after they were won back."""
    forgone_minor: int
    """What would have been lost without it, in minor units of the tier policy's currency."""
    cost_minor: int
    """What it cost, in minor units of the tier policy's currency."""
    return_minor: int
    """Gain + forgone − cost, in minor units of the tier policy's currency."""
    percent: float | None
    """That ÷ cost, in percent."""


@report(
    "churn_types",
    reads=["customers", "spendings", *MONEY],
    query=f"""
    SELECT churn_cause AS cause, count(*) AS customers, coalesce(sum(s.spent), 0)::bigint AS spent_minor,
           count(*)::float8 / sum(count(*)) OVER () AS share
      FROM {{customers}} c
      LEFT JOIN {SPENT} s
     USING (customer_id)
     WHERE churn_cause IS NOT NULL GROUP BY churn_cause ORDER BY customers DESC, cause
    """,
    chart=Chart(kind="pareto", x="cause", y="customers", unit="customers"),
)
class ChurnByCause(View):
    """Why customers left (流失类型): by the course of life, through us, for a rival, or in bad faith."""

    cause: ChurnCause
    """Why."""
    customers: int
    """How many are gone for it."""
    spent_minor: int
    """What they had paid, less refunds, in minor units of the tier policy's currency."""
    share: float
    """Of all who left, 0 to 1."""


@report(
    "win_backs",
    reads=["departures", "win_back_offers", "timeline"],
    query="""
    WITH broken AS (
        SELECT *, coalesce(lead(position) OVER (PARTITION BY customer_id ORDER BY position),
                           9223372036854775807) AS next
          FROM {departures} d),
    told AS (
        SELECT b.customer_id, b.cause, b.left_at,
               (SELECT array_agg(o.offer ORDER BY o.position) FROM {win_back_offers} o
                 WHERE o.customer_id = b.customer_id AND o.position > b.position AND o.position < b.next)
                   AS offers,
               (SELECT min(w.occurred_at) FROM {timeline} w
                 WHERE w.customer_id = b.customer_id AND w.event = 'CustomerWonBack'
                   AND w.position > b.position AND w.position < b.next) AS back_at
          FROM broken b)
    SELECT *, CASE WHEN back_at IS NOT NULL THEN 'won back' WHEN offers IS NOT NULL THEN 'offered'
                   ELSE 'not tried' END AS outcome
      FROM told ORDER BY left_at DESC, customer_id LIMIT 200
    """,
)
class WinBack(View):
    """A break with a customer, what was offered, and what came of it (客户挽留、关系修复): at most 200."""

    customer_id: str
    """Who left."""
    cause: ChurnCause
    """Why."""
    left_at: datetime
    """When."""
    offers: tuple[str, ...] | None
    """What was offered."""
    back_at: datetime | None
    """When they came back."""
    outcome: str
    """`not tried`, `offered` or `won back`."""
