"""Each benchmark runs at a tiny size and compares something with something."""

from __future__ import annotations

import math

import pytest

from bench.harness import TINY, Run
from bench.suite import BENCHES


@pytest.mark.parametrize("name", BENCHES)
async def test_a_benchmark_yields_finite_ratios(postgres: str, name: str) -> None:
    figures = await BENCHES[name](Run(postgres, TINY))
    assert figures
    for figure in figures:
        assert figure.kehu > 0, figure
        assert figure.peer > 0, figure
        assert math.isfinite(figure.ratio), figure
