"""Appending under the conditions that the library's recorders promise, through Kehu's own group commit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from infra.log.appending import Row, json_of, written
from infra.log.log import Log
from infra.log.units import Outcome, Unit

APPEND_IF = "SELECT * FROM kehu.append_if($1, $2, $3, $4, $5, $6, $7, $8, $9)"


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
        return await self._append(APPEND_IF, units, *_conditions(writes), _tagged(writes), *written(units))


def _conditions(writes: Sequence[Write]) -> tuple[list[Row], ...]:
    """The conditions of `kehu.append_if` as rows."""
    runs: list[Row] = []
    moves: list[Row] = []
    matches: list[Row] = []
    for number, write in enumerate(writes, start=1):
        runs += [(number, run.stream, run.first, run.last) for run in write.runs]
        if write.move is not None:
            moves.append((number, *msgspec.structs.astuple(write.move)))
        matches += [
            (number, c.application, json_of(c.names), json_of(c.tags), c.after) for c in write.no_match
        ]
    return runs, moves, matches


def _tagged(writes: Sequence[Write]) -> list[Row]:
    """Those events that belong to no stream but to an application's tagged ones."""
    events = [(number, write, e) for number, write in enumerate(writes, start=1) for e in write.events]
    return [
        (place, number, write.application, e.name, json_of(e.tags))
        for place, (number, write, e) in enumerate(events, start=1)
        if write.application is not None
    ]


texts_of: Callable[[str], list[str]] = msgspec.json.Decoder(list[str]).decode
"""A list of texts as PostgreSQL gives it."""
