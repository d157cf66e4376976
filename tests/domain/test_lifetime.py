"""The published results for CDNOW's sample: what customers will still buy (Fader, Hardie, Lee, 2005)."""

from __future__ import annotations

from datetime import date

import pytest

from domain.lifetime import LifetimeModelFitted, alive, expected_purchases, expected_spend

PUBLISHED = LifetimeModelFitted(
    model_id="published",
    fitted_on=date(1997, 9, 30),
    population="CDNOW's sample of 2,357 customers",
    currency="USD",
    customers=2_357,
    log_likelihood=-9582.43,
    r=0.2426,
    alpha=4.4136,
    a=0.7930,
    b=2.4259,
    p=6.25,
    q=3.744,
    v=15.44,
)


def test_the_example_of_the_paper() -> None:
    assert expected_purchases(PUBLISHED, 39, 2, 30.43, 38.86) == pytest.approx(1.226, abs=0.001)
    assert alive(PUBLISHED, 2, 30.43, 38.86) == pytest.approx(0.7266, abs=0.0005)


def test_who_bought_once_is_alive_by_the_models_own_word() -> None:
    assert all(alive(PUBLISHED, 0, 0, weeks) == 1 for weeks in (1.0, 39.0, 1e4))


@pytest.mark.parametrize(
    ("x", "mean", "expected"),
    [(2, 22.35, 24.65), (1, 11.77, 18.91), (0, 0.0, 35.17)],
)
def test_the_expected_mean_spend_of_the_first_customers(x: int, mean: float, expected: float) -> None:
    assert expected_spend(PUBLISHED, x, mean) == pytest.approx(expected, abs=0.1)


def test_more_silence_is_less_alive_and_more_time_is_more_purchases() -> None:
    assert alive(PUBLISHED, 5, 10, 40) < alive(PUBLISHED, 5, 35, 40)
    assert expected_purchases(PUBLISHED, 78, 2, 30, 39) > expected_purchases(PUBLISHED, 39, 2, 30, 39)
