"""What customers will still buy, by the lifetime model in force (客户终身价值)."""

from __future__ import annotations

from datetime import date
from typing import Self

from domain.events import Recorded
from domain.lifetime import LifetimeModelFitted
from projections.reckoning import DAYS, TODAY, day_of, worth
from projections.view import View, on, report, view

TERMS = 400
"""Of the hypergeometric series: enough for 10⁻⁹ while the time ahead is less than twenty times that seen."""


@view("lifetime_models", key="model_id")
class LifetimeModel(View):
    """A fitted model of lifetime value (CLV, 客户终身价值): BG/NBD for purchases, Gamma-Gamma for amounts."""

    model_id: str
    """The id that was chosen for it."""
    fitted_on: date
    """The last day whose purchases counted."""
    population: str
    """Whose purchases they were."""
    customers: int
    """How many customers it was fitted on."""
    log_likelihood: float
    """Of the BG/NBD model."""
    r: float
    """BG/NBD: shape of the purchase rates."""
    alpha: float
    """BG/NBD: rate of the purchase rates, in weeks."""
    a: float
    """BG/NBD: first shape of the drop-out probability."""
    b: float
    """BG/NBD: second shape of the drop-out probability."""
    currency: str
    """ISO 4217; the amounts are in its whole units."""
    p: float | None
    """Gamma-Gamma: shape of the amounts."""
    q: float | None
    """Gamma-Gamma: shape of their scales."""
    v: float | None
    """Gamma-Gamma: rate of their scales."""

    @on(LifetimeModelFitted)
    def fitted(self, recorded: Recorded[LifetimeModelFitted]) -> Self:
        e = recorded.event
        told = {name: getattr(e, name) for name in e.__struct_fields__ if name != "model_id"}
        return self.but(**told)


@report(
    "lifetime_values",
    reads=["lifetime_models", "orders", "opportunities", "value_policies", *DAYS],
    query=f"""
    WITH model AS (
        SELECT * FROM {{lifetime_models}} m WHERE fitted_on <= {TODAY} ORDER BY fitted_on DESC LIMIT 1),
    days AS (
        SELECT o.customer_id, {day_of("o.placed_at")} AS day, sum(o.total_minor) AS minor
          FROM {{orders}} o JOIN model m ON o.currency = m.currency
         WHERE NOT o.cancelled AND {day_of("o.placed_at")} <= {TODAY}
           AND (:customer_id::text IS NULL OR o.customer_id = :customer_id::text)
         GROUP BY 1, 2),
    history AS (
        SELECT customer_id, count(*) - 1 AS x, (max(day) - min(day)) / 7.0::float8 AS t_x,
               ({TODAY} - min(day)) / 7.0::float8 AS t, sum(minor) AS minor,
               coalesce(avg(minor / 100.0) FILTER (WHERE day > first), 0)::float8 AS mean
          FROM (SELECT *, min(day) OVER (PARTITION BY customer_id) AS first FROM days) d
         GROUP BY 1),
    known AS (
        SELECT h.*, m.*, CASE WHEN x = 0 THEN 1 ELSE 1 / (1 + a / (b + x - 1)
                   * exp((r + x) * ln((alpha + t) / (alpha + t_x)))) END AS alive,
               coalesce(:weeks::int, 39) / (alpha + t + coalesce(:weeks::int, 39))::float8 AS z,
               CASE WHEN p IS NULL THEN NULL WHEN x = 0 THEN v * p / (q - 1)
                    ELSE (q - 1) / (p * x + q - 1) * v * p / (q - 1) + p * x / (p * x + q - 1) * mean
                    END AS spend
          FROM history h CROSS JOIN model m),
    chosen AS (
        SELECT * FROM known ORDER BY (x + r) / (alpha + t) * alive * coalesce(spend, 1) DESC, customer_id
         LIMIT 200),
    series AS (
        SELECT customer_id, 1 + sum(exp(l)) AS value FROM (
            SELECT customer_id, sum(ln((r + x + n) * (b + x + n) / (a + b + x - 1 + n) * z / (n + 1)))
                       OVER (PARTITION BY customer_id ORDER BY n) AS l
              FROM chosen CROSS JOIN generate_series(0, {TERMS}) n) terms
         GROUP BY 1),
    pipeline AS (
        SELECT customer_id, sum(expected_minor)::bigint AS expected
          FROM {{opportunities}} o JOIN model m USING (currency)
         WHERE status = 'open' GROUP BY 1)
    SELECT c.customer_id AS customer, c.model_id, c.x AS repeats, c.alive AS probability_alive,
           (a + b + x - 1) / (a - 1) * (1 - exp((r + x) * ln((alpha + t) / (alpha + t + w.weeks))) * s.value)
               * alive AS expected_purchases,
           c.spend AS expected_spend,
           (c.minor * {worth("margin_percent")} / 100)::bigint AS realised_minor,
           coalesce(l.expected, 0)::bigint AS potential_minor,
           ((a + b + x - 1) / (a - 1) * (1 - exp((r + x) * ln((alpha + t) / (alpha + t + w.weeks))) * s.value)
               * alive * c.spend * {worth("margin_percent")})::bigint AS modelled_minor, c.currency
      FROM chosen c JOIN series s USING (customer_id) LEFT JOIN pipeline l USING (customer_id)
     CROSS JOIN (SELECT coalesce(:weeks::int, 39) AS weeks) w
     ORDER BY modelled_minor DESC NULLS LAST, customer LIMIT 200
    """,
)
class LifetimeValue(View):
    """The three values of a customer (既成、潜在、模型价值): at most 200, those who promise most first.

    Realised margin; open pipeline × probability; and lifetime value (CLV, 客户终身价值): margin of what
    BG/NBD (Fader, Hardie, Lee, 2005) and Gamma-Gamma (Fader, Hardie, 2013) expect, with the latest model
    fitted by then, whose past predictions stay as they were.
    """

    customer_id: str | None = None
    """One customer; the most promising, where it is left out."""
    weeks: int | None = None
    """How many weeks ahead; 39, where it is left out."""
    on: date | None = None
    """As of this day; the last business day, where it is left out."""

    customer: str
    """The customer's id."""
    model_id: str
    """The model that was used."""
    repeats: int
    """Days with purchases after the first one."""
    probability_alive: float
    """That the customer still buys, 0 to 1; 1 for who bought once (the model's own word)."""
    expected_purchases: float
    """Expected days with purchases in the time ahead."""
    expected_spend: float | None
    """Expected mean spend a purchase, in whole units of the currency."""
    realised_minor: int
    """Margin of all orders so far, in minor units."""
    potential_minor: int
    """Open opportunities × their probability, in minor units."""
    modelled_minor: int | None
    """Expected purchases × expected spend × margin, in minor units, not discounted."""
    currency: str
    """ISO 4217."""
