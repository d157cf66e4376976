"""Fitted on CDNOW's sample, the models have the published parameters (Fader, Hardie, Lee, 2005; 2013)."""

from __future__ import annotations

from collections import defaultdict
from datetime import date

import pytest

from infra.fitting import Histories, NothingToFit, fit
from tests.cdnow import purchases

CUT = date(1997, 9, 30)


def histories() -> Histories:
    days: dict[str, dict[date, int]] = defaultdict(dict)
    for customer, day, cents in purchases():
        if day <= CUT:
            days[customer][day] = cents
    rows = []
    for bought in days.values():
        first, last, repeats = min(bought), max(bought), len(bought) - 1
        again = [cents / 100 for day, cents in bought.items() if day > first]
        mean = sum(again) / repeats if repeats else 0.0
        rows.append((repeats, (last - first).days / 7, (CUT - first).days / 7, mean))
    return Histories(*zip(*rows, strict=True))


def test_the_published_parameters() -> None:
    fitted = fit(histories())
    assert fitted.customers == 2_357
    assert fitted.log_likelihood == pytest.approx(-9582.43, abs=0.01)
    assert (fitted.r, fitted.alpha) == pytest.approx((0.243, 4.414), abs=0.001)
    assert (fitted.a, fitted.b) == pytest.approx((0.793, 2.426), abs=0.002)
    assert (fitted.p, fitted.q) == pytest.approx((6.25, 3.74), abs=0.01)
    assert fitted.v == pytest.approx(15.44, abs=0.05)


def test_without_repeat_purchases_there_is_nothing_to_fit() -> None:
    with pytest.raises(NothingToFit):
        fit(Histories([0] * 20, [0.0] * 20, [10.0] * 20, [0.0] * 20))
