"""All benchmarks by name, and how a run of them goes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench import (
    appending,
    as_of,
    batching,
    contention,
    following,
    graphql,
    growth,
    importing,
    reading,
    rebuilding,
    visible,
)
from bench.harness import Figure, Run

Bench = Callable[[Run], Awaitable[list[Figure]]]

BENCHES: Mapping[str, Bench] = {
    "append": appending.bench,
    "contention": contention.bench,
    "batch": batching.bench,
    "growth": growth.bench,
    "import": importing.bench,
    "read": reading.bench,
    "rebuild": rebuilding.bench,
    "graphql": graphql.bench,
    "as-of": as_of.bench,
    "visible": visible.bench,
    "subscribers": following.bench,
}


async def measure(
    run: Run, names: Sequence[str], finished: Callable[[str, list[Figure]], None] = lambda name, figures: None
) -> list[Figure]:
    """The figures of these benchmarks, in their order."""
    figures: list[Figure] = []
    for name in names:
        found = await BENCHES[name](run)
        finished(name, found)
        figures += found
    return figures
