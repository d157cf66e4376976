"""Appending under the conditions that the library's recorders promise, through Kehu's own group commit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Any, cast

import msgspec

from infra.log.appending import columns, json_of
from infra.log.log import Log
from infra.log.units import Outcome, Unit

APPEND_IF = f"SELECT * FROM kehu.append_if({', '.join(f'${n}' for n in range(1, 45))})"
CONDITIONS = 7
"""Columns of `kehu.append` that `kehu.append_if` replaces by its own."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """The condition that none of these consecutive versions of a stream is there yet."""

    stream: str
    first: int
    last: int


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A follower comes to a position of another application's log, where it has not been yet."""

    follower: str
    application: str
    position: int


class NoMatch(msgspec.Struct, frozen=True, kw_only=True):
    """The condition that no tagged event with such a name and all the tags stands after a position."""

    application: str
    names: Sequence[str]
    """None: whatever its name."""
    tags: Sequence[str]
    """None: whatever its tags."""
    after: int


class Write(Unit, frozen=True, kw_only=True):
    """A unit with the library's conditions; `expected` and `unless` are not looked at."""

    runs: Sequence[Run] = ()
    move: Move | None = None
    no_match: Sequence[NoMatch] = ()
    application: str | None = None
    """Whose tagged events these are; None: they belong to streams."""

    @property
    def relies_on(self) -> set[str]:
        """What its conditions name; of a match, that which every matching event would write."""
        named = {run.stream for run in self.runs} | self._moved()
        for condition in self.no_match:
            if condition.tags:
                named.add(condition.tags[0])
            else:
                named.update(f"{condition.application}?{name}" for name in condition.names or ("",))
        return named

    @property
    def writes(self) -> set[str]:
        written = super().writes | self._moved()
        if self.application is not None:
            written.update(f"{self.application}?{name}" for name in ("", *(e.name for e in self.events)))
        return written

    def _moved(self) -> set[str]:
        return set() if self.move is None else {f"{self.move.follower} follows {self.move.application}"}


class ConditionalLog(Log):
    """A log whose units are `Write`s."""

    async def append(self, units: Sequence[Unit]) -> list[Outcome]:
        writes = cast(Sequence[Write], units)
        plain = islice(columns(units), CONDITIONS, None)
        return await self._append(APPEND_IF, units, *_conditions(writes), *_tagged(writes), *plain)


def _conditions(writes: Sequence[Write]) -> Iterable[list[Any]]:
    """The arrays n_*, r_* and q_* of `kehu.append_if`."""
    runs: list[tuple[Any, ...]] = []
    moves: list[tuple[Any, ...]] = []
    matches: list[tuple[Any, ...]] = []
    for number, write in enumerate(writes, start=1):
        runs += [(number, run.stream, run.first, run.last) for run in write.runs]
        if write.move is not None:
            moves.append((number, *msgspec.structs.astuple(write.move)))
        matches += [
            (number, c.application, json_of(c.names), json_of(c.tags), c.after) for c in write.no_match
        ]
    for rows, width in ((runs, 4), (moves, 4), (matches, 5)):
        yield from (
            (list(column) for column in zip(*rows, strict=True)) if rows else ([] for _ in range(width))
        )


def _tagged(writes: Sequence[Write]) -> tuple[list[str | None], list[str | None]]:
    """The arrays l_*; empty where no event is a tagged one."""
    if all(write.application is None for write in writes):
        return [], []
    events = [(write.application, e.tags) for write in writes for e in write.events]
    return (
        [application for application, _ in events],
        [None if application is None else json_of(tags) for application, tags in events],
    )


texts_of: Callable[[str], list[str]] = msgspec.json.Decoder(list[str]).decode
"""A list of texts as PostgreSQL gives it."""
