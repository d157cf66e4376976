"""How two things are compared: by turns, on one server, by the median of their rounds."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from statistics import median
from urllib.parse import urlsplit

import asyncpg

from domain.records import Record
from infra.database import Pool, connected

Measure = Callable[[], Awaitable[float]]
"""One round; answers with the figure."""


class Scale(Record):
    """How much is measured."""

    share: float
    """Of the full amounts of data."""
    seconds: float
    """For which a round runs that runs for a time."""
    rounds: int

    def some(self, full: int, least: int) -> int:
        """So many of something there are `full` of in a full run."""
        return max(int(full * self.share), least)


FULL = Scale(share=1, seconds=1.5, rounds=3)
QUICK = Scale(share=0.05, seconds=0.2, rounds=2)
TINY = Scale(share=0.001, seconds=0.02, rounds=1)

_databases = itertools.count(1)


class Better(StrEnum):
    """Which way a figure is to go."""

    MORE = "more"
    LESS = "less"


class Peer(Record):
    """What Kehu is compared with; `target` is the ratio that the design asks for."""

    name: str
    measure: Measure
    target: float | None = None


class Figure(Record):
    """One line of the table."""

    what: str
    unit: str
    kehu: float
    peer_name: str
    peer: float
    ratio: float
    """Kehu's median ÷ the peer's."""
    lowest: float
    """The lowest ratio of one round, and the highest."""
    highest: float
    better: Better = Better.MORE
    target: float | None = None

    @property
    def reached(self) -> bool | None:
        if self.target is None:
            return None
        return self.ratio >= self.target if self.better is Better.MORE else self.ratio <= self.target


class Run:
    """One run of the suite on one server."""

    def __init__(
        self,
        server: str,
        scale: Scale,
        told: Callable[[str], None] = lambda doing: None,
        emmett: Sequence[str] = (),
        postgraphile: Sequence[str] = (),
    ) -> None:
        self.server, self.scale, self.told = server, scale, told
        self.emmett = emmett
        """The command for clients of Emmett's; empty where it is not there."""
        self.postgraphile = postgraphile
        """The command for PostGraphile's server; empty where it is not there."""

    async def database(self) -> str:
        """A new, empty database on the server, as a DSN."""
        name = f"bench_{next(_databases)}"
        connection = await asyncpg.connect(self.server)
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return urlsplit(self.server)._replace(path=f"/{name}").geturl()

    @asynccontextmanager
    async def kehu(self, dsn: str | None = None) -> AsyncIterator[Pool]:
        """A pool on a migrated database, by default a new one."""
        async with connected(dsn or await self.database()) as pool:
            yield pool

    async def compare(
        self, what: str, unit: str, kehu: Measure, peers: Sequence[Peer], better: Better = Better.MORE
    ) -> list[Figure]:
        """Kehu and each peer by turns, K A B K A B …; a figure for each peer."""
        ours: list[float] = []
        theirs: list[list[float]] = [[] for _ in peers]
        for number in range(1, self.scale.rounds + 1):
            self.told(f"{what}, round {number} of {self.scale.rounds}")
            ours.append(await kehu())
            for peer, figures in zip(peers, theirs, strict=True):
                figures.append(await peer.measure())
        return [
            _figure(what, unit, ours, peer, figures, better)
            for peer, figures in zip(peers, theirs, strict=True)
        ]


def _figure(
    what: str, unit: str, ours: Sequence[float], peer: Peer, theirs: Sequence[float], better: Better
) -> Figure:
    ratios = [kehu / other for kehu, other in zip(ours, theirs, strict=True)]
    return Figure(
        what=what,
        unit=unit,
        kehu=median(ours),
        peer_name=peer.name,
        peer=median(theirs),
        ratio=median(ours) / median(theirs),
        lowest=min(ratios),
        highest=max(ratios),
        better=better,
        target=peer.target,
    )


def single(
    what: str, unit: str, ours: float, peer: str, theirs: float, target: float, better: Better = Better.MORE
) -> Figure:
    """A figure that was measured once, as it takes too long for rounds."""
    return _figure(what, unit, [ours], Peer(name=peer, measure=_never, target=target), [theirs], better)


async def _never() -> float:
    raise AssertionError


async def rate(count: Callable[[], Awaitable[int]]) -> float:
    """How many a second."""
    began = time.perf_counter()
    done = await count()
    return done / (time.perf_counter() - began)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]
