"""What a customer will still buy: BG/NBD and Gamma-Gamma models, fitted on the log, kept as events.

BG/NBD: Fader, Hardie, Lee, "'Counting Your Customers' the Easy Way", Marketing Science 24 (2005).
Gamma-Gamma: Fader, Hardie, "The Gamma-Gamma Model of Monetary Value" (2013).
"""

from __future__ import annotations

import math
from datetime import date
from typing import Annotated

import msgspec

from domain.commands import Command, Id, Name
from domain.course import Move, course
from domain.events import Event, event
from domain.money import Currency

Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]

MoreThanOne = Annotated[float, msgspec.Meta(gt=1, le=1e9)]
"""With a smaller shape the amounts would have no mean."""


def _off_the_pole(a: float) -> float:
    """The formula for expected purchases divides by a − 1: its limit there is taken from right beside it."""
    return a if abs(a - 1) > 1e-6 else 1 + 1e-6


@event("LifetimeModelFitted")
class LifetimeModelFitted(Event):
    """Purchases to the cut, one a day, in weeks of seven days; `p`, `q`, `v` are None without repeaters."""

    model_id: str
    fitted_on: date
    population: str
    currency: str
    customers: int
    log_likelihood: float
    r: float
    alpha: float
    a: float
    b: float
    p: float | None = None
    q: float | None = None
    v: float | None = None


class KeepLifetimeModel(Command):
    """Keep a fitted model of lifetime value (CLV, 客户终身价值): later predictions are made with it."""

    model_id: Id
    """Which model; chosen by whoever fits it."""
    fitted_on: date
    """The last day whose purchases counted."""
    population: Name
    """Whose purchases they were, in words."""
    currency: Currency
    customers: Annotated[int, msgspec.Meta(ge=1, le=2**53 - 1)]
    """How many customers it was fitted on."""
    log_likelihood: Annotated[float, msgspec.Meta(ge=-1e15, le=1e15)]
    """Of the BG/NBD model."""
    r: Positive
    """BG/NBD: shape of the purchase rates."""
    alpha: Positive
    """BG/NBD: rate of the purchase rates, in weeks."""
    a: Positive
    """BG/NBD: first shape of the drop-out probability."""
    b: Positive
    """BG/NBD: second shape of the drop-out probability."""
    p: Positive | None = None
    """Gamma-Gamma: shape of the amounts."""
    q: MoreThanOne | None = None
    """Gamma-Gamma: shape of the amounts' scales."""
    v: Positive | None = None
    """Gamma-Gamma: rate of the amounts' scales, in whole units of the currency."""


LIFETIME_MODELS = course(
    "lifetime_model",
    "model_id",
    Move(command=KeepLifetimeModel, event=LifetimeModelFitted, to="kept"),
)

Model = LifetimeModelFitted


def alive(model: Model, x: int, t_x: float, t: float) -> float:
    """P(alive), 0 to 1, after x repeat purchases, the last at week t_x, observed for t weeks."""
    if x == 0:
        return 1.0
    odds: float = (model.a / (model.b + x - 1)) * ((model.alpha + t) / (model.alpha + t_x)) ** (model.r + x)
    return 1.0 / (1.0 + odds)


def expected_purchases(model: Model, ahead: float, x: int, t_x: float, t: float) -> float:
    """E[purchases in the next `ahead` weeks | x, t_x, t] (Fader, Hardie, Lee 2005, eq. 10)."""
    r, alpha, a, b = model.r, model.alpha, _off_the_pole(model.a), model.b
    z = ahead / (alpha + t + ahead)
    shrinks: float = ((alpha + t) / (alpha + t + ahead)) ** (r + x)
    grows = (a + b + x - 1) / (a - 1)
    return grows * (1 - shrinks * hypergeometric(r + x, b + x, a + b + x - 1, z)) * alive(model, x, t_x, t)


def expected_spend(model: Model, x: int, mean: float) -> float | None:
    """E[mean spend a purchase | x repeat purchases with this mean], in whole units (Gamma-Gamma, eq. 5)."""
    if model.p is None or model.q is None or model.v is None:
        return None
    p, q, v = model.p, model.q, model.v
    weight = (q - 1) / (p * x + q - 1)
    return weight * v * p / (q - 1) + (1 - weight) * mean if x else v * p / (q - 1)


def hypergeometric(a: float, b: float, c: float, z: float) -> float:
    """Gauss's ₂F₁ by its series, for 0 ≤ z < 1."""
    term = total = 1.0
    for n in range(100_000):
        term *= (a + n) * (b + n) / (c + n) * z / (n + 1)
        total += term
        if abs(term) <= 1e-12 * abs(total):
            break
    return total if math.isfinite(total) else math.inf
