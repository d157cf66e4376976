"""When the rows of a population are computed, after which others, and from which rows of other views;
and in which tables folds look them up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from infra.views.builds import Build, Moment
from infra.views.lookups import Beside

Group = Mapping[Build, frozenset[int]]
"""Builds that move together from one position, each with those of its shards that do."""
Due = Mapping[Build, "Mapping[str, Any] | Exception"]
"""What each population that is due needs to compute, or why it cannot say so."""


def able(group: Group, builds: Collection[Build], begin: int) -> Group:
    """Without the populations that would come further than the views that they read."""
    while True:
        left = {
            build: shards
            for build, shards in group.items()
            if all(_sources(name, group, builds, begin) for name in build.reads)
        }
        if len(left) == len(group):
            return left
        group = left


def _sources(name: str, group: Group, builds: Iterable[Build], begin: int) -> list[Build]:
    """The builds of a view each of whose shards moves along or is ahead already."""
    return [
        build
        for build in builds
        if build.name == name and all(position > begin for position in _elsewhere(build, group))
    ]


def _elsewhere(build: Build, group: Group) -> list[int]:
    """The positions of a build's shards that do not move along."""
    moving = group.get(build, frozenset())
    return [position for shard, position in enumerate(build.positions) if shard not in moving]


def bound(group: Group, builds: Collection[Build], begin: int) -> int | None:
    """How far the group's populations find what they read, at most."""
    ends = []
    for name in {name for build in group for name in build.reads}:
        ahead = [min(_elsewhere(b, group), default=None) for b in _sources(name, group, builds, begin)]
        if None not in ahead:
            ends.append(max(end for end in ahead if end is not None))
    return min(ends, default=None)


def stretches(
    group: Iterable[Build], moments: Sequence[Moment], until: int
) -> Iterator[tuple[Sequence[Moment], int, Due]]:
    """The events cut after each one at which some population is due, each with the position it ends at."""
    populations = [(build, p) for build in group if (p := build.declaration.population) is not None]
    begin = 0
    for index, (recorded, policies) in enumerate(moments):
        due: dict[Build, Mapping[str, Any] | Exception] = {}
        for build, population in populations:
            if isinstance(recorded.event, population.at):
                try:
                    values = population.due(recorded, policies)
                except Exception as error:
                    due[build] = error
                else:
                    if values is not None:
                        due[build] = values
        if due:
            yield moments[begin : index + 1], recorded.position, due
            begin = index + 1
    yield moments[begin:], until, {}


def in_order(due: Iterable[Build]) -> list[Build]:
    """Each build after those whose views it reads; there are no circles among declarations."""
    waiting, ordered = {build.name: build for build in due}, list[Build]()
    while waiting:
        for build in [b for b in waiting.values() if not {*b.reads} & (waiting.keys() - {b.name})]:
            ordered.append(waiting.pop(build.name))
    return ordered


def source(name: str, builds: Iterable[Build], group: Group, position: int) -> str:
    """SQL for a view's rows as of a position, from its newest build. Raises `LookupError` without one.

    The live rows say it where all shards stand just there and nobody else moves them.
    """
    newest = _newest(name, [build for build in builds if build.name == name and build.position >= position])
    there = not _elsewhere(newest, group) and {*newest.positions} == {position}
    return newest.table.now() if there else newest.table.as_of(str(position))


def beside(build: Build, builds: Collection[Build], group: Group, begin: int) -> Beside:
    """The populations' tables in which a build of a group looks something up, from their newest builds.

    Raises `LookupError` where one of them has none.
    """
    return {name: _newest(name, _sources(name, group, builds, begin)).table for name in build.reads}


def _newest(name: str, builds: Iterable[Build]) -> Build:
    found = max(builds, key=lambda build: build.generation, default=None)
    if found is None:
        raise LookupError(f"the view {name}, which it reads, has stopped")
    return found
