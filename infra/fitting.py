"""Fits lifetime models on purchase histories: BG/NBD and Gamma-Gamma, by maximum likelihood (extra `clv`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, NamedTuple


class ScipyMissing(Exception):
    """Fitting a lifetime model needs scipy: pip install 'kehu[clv]'"""

    def __str__(self) -> str:
        return str(self.__doc__)


class NothingToFit(Exception):
    """There are too few customers with repeat purchases to fit a model on."""


class Histories(NamedTuple):
    """A row a customer; times in weeks, amounts in whole units of the currency."""

    repeats: Sequence[int]
    """Days with purchases after the first one: x."""
    recencies: Sequence[float]
    """From the first to the last of these days: t_x."""
    ages: Sequence[float]
    """From the first day to the cut: T."""
    means: Sequence[float]
    """The mean spend of the repeat days; any number without repeats."""


class Fitted(NamedTuple):
    """A fitted model; `p`, `q`, `v` are those of Gamma-Gamma."""

    customers: int
    log_likelihood: float
    r: float
    alpha: float
    a: float
    b: float
    p: float
    q: float
    v: float


def fit(histories: Histories) -> Fitted:
    """Raises `NothingToFit` without repeat purchases, `ScipyMissing` without scipy."""
    numpy, _, _ = scipy()
    x, t_x, t, m = (numpy.asarray(part, dtype=float) for part in histories)
    bought_again = (x > 0) & (m > 0)
    if bought_again.sum() < 10:
        raise NothingToFit("fewer than ten customers bought again by that day: there is nothing to fit on")
    purchases, likelihood = _best(lambda v: _bg_nbd(v, x, t_x, t), [0.0, 0.0, 0.0, 0.0])
    amounts, _ = _best(lambda v: _gamma_gamma(v, x[bought_again], m[bought_again]), [1.5, 1.5, 1.5])
    return Fitted(len(x), likelihood, *purchases, *amounts)


def scipy() -> tuple[ModuleType, ModuleType, ModuleType]:
    """numpy, scipy's optimisers and its special functions. Raises `ScipyMissing`."""
    try:
        import numpy
        from scipy import optimize, special  # type: ignore[import-untyped]  # its stubs weigh more than it
    except ImportError:
        raise ScipyMissing from None
    return numpy, optimize, special


def _best(negative: Callable[[Any], float], start: Sequence[float]) -> tuple[list[float], float]:
    """The parameters at which a negative log-likelihood of their logarithms is least, and the likelihood."""
    numpy, optimize, _ = scipy()
    options = {"maxiter": 20_000, "maxfev": 20_000, "xatol": 1e-6, "fatol": 1e-6}
    found = optimize.minimize(negative, numpy.asarray(start), method="Nelder-Mead", options=options)
    return [float(value) for value in numpy.exp(found.x)], -float(found.fun)


def _bg_nbd(logarithms: Any, x: Any, t_x: Any, t: Any) -> float:
    """Fader, Hardie, Lee (2005), eq. 6, added up and negated."""
    numpy, _, special = scipy()
    r, alpha, a, b = numpy.exp(logarithms)
    ln = special.gammaln
    bought = ln(r + x) - ln(r) + r * numpy.log(alpha)
    stayed = ln(a + b) + ln(b + x) - ln(b) - ln(a + b + x)
    alive = -(r + x) * numpy.log(alpha + t)
    gone = numpy.log(a) - numpy.log(b + numpy.maximum(x, 1) - 1) - (r + x) * numpy.log(alpha + t_x)
    either = numpy.where(x > 0, numpy.logaddexp(alive, gone), alive)
    return -float((bought + stayed + either).sum())


def _gamma_gamma(logarithms: Any, x: Any, m: Any) -> float:
    """Fader, Hardie (2013), eq. 1a, added up and negated."""
    numpy, _, special = scipy()
    p, q, v = numpy.exp(logarithms)
    ln = special.gammaln
    likelihood = (
        ln(p * x + q)
        - ln(p * x)
        - ln(q)
        + q * numpy.log(v)
        + (p * x - 1) * numpy.log(m)
        + p * x * numpy.log(x)
        - (p * x + q) * numpy.log(x * m + v)
    )
    return -float(likelihood.sum())
