"""One generation of one view as it follows the log: rows in memory, every version written."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec

from domain.erasure import PersonalDataErased
from domain.events import ERASED, Event, Recorded
from domain.policies import Policies
from infra.database import Connection
from infra.views.lookups import Beside, LookedUp, looked_up
from infra.views.parking import Refusal, Waiting, refusal
from infra.views.tables import Closed, Key, Table, Version, shard_of
from projections.view import Declaration, Handler, View

CACHED = 50_000
"""Rows of one view that are kept in memory between batches."""

Moment = tuple[Recorded[Event], Policies]
"""An event and the policies that were published up to it."""
Step = tuple[Handler, Collection[Key], Recorded[Event], Policies]
"""What an event does to which keys of a view."""


class Row(msgspec.Struct, gc=False):
    """A key's row as the fold left it last."""

    value: View | None
    since: int
    stored: bool
    """Whether the live table holds just this version."""


class Build:
    """A view's build: `positions` says for each shard up to which event it is true."""

    serving = False
    indexed = False
    failed = ""
    """Why it goes no further; nothing while it does."""
    retry = False
    """Somebody has asked to try parked keys again."""

    def __init__(self, tenant: str, declaration: Declaration, generation: int) -> None:
        self.tenant, self.declaration, self.generation = tenant, declaration, generation
        self.positions: list[int] = []
        self.mine: frozenset[int] = frozenset()
        """The shards that this process moves."""
        self.table = Table(declaration, generation)
        self.waiting = Waiting(tenant, self.table)
        self.erasable = declaration.erasable
        self.follows = _topics(declaration)
        """The names of the events that matter to it."""
        self._personal_key = bool(declaration.personal_key)
        self._own = all(handler.own for handler in declaration.handlers.values())
        self.forget()

    def forget(self) -> None:
        """Keep nothing in memory that the tables may know better."""
        self._rows: dict[Key, Row] = {}
        self._watched: dict[Key, Row] | None = None
        self._parked: set[Key] | None = None
        self._whole = not any(self.positions)
        """All rows that there are are in memory."""

    @property
    def name(self) -> str:
        return self.declaration.name

    @property
    def position(self) -> int:
        """Up to which event all of it is true."""
        return min(self.positions)

    @property
    def reads(self) -> tuple[str, ...]:
        """The views that it is computed from, or looks something up in."""
        return self.declaration.reads

    def stands(self, positions: list[int], mine: frozenset[int]) -> None:
        """How far its shards are, and which of them are this process's."""
        gained = mine - self.mine
        self.positions, self.mine = positions, mine
        if gained:
            self.forget()

    def move(self, shards: Iterable[int], position: int) -> None:
        for shard in shards:
            self.positions[shard] = position

    async def fold(
        self,
        connection: Connection,
        moments: Sequence[Moment],
        shards: frozenset[int],
        beside: Beside,
        careful: bool,
    ) -> None:
        """Fold events into the rows of these shards, and write every version that they make.

        A key whose fold refuses an event is parked; carefully, so is one whose row the table refuses.
        """
        steps = list(self._steps(moments, shards))
        await self._bring(connection, steps)
        found = await looked_up(
            connection, self.tenant, self.declaration, (event for _, _, event, _ in steps), beside
        )
        assert self._parked is not None
        batch = _Batch(self, careful)
        for handler, keys, recorded, policies in steps:
            for key in keys if handler.rows is None else self._watching(shards):
                if key not in self._parked:
                    batch.fold(handler, key, self._row(key), recorded, policies, found)
        await batch.write(connection)
        self._evict()

    async def fold_again(
        self, connection: Connection, moments: Sequence[Moment], keys: Mapping[Key, int], beside: Beside
    ) -> None:
        """Fold the events that wait for these keys, each from its position on; what is refused waits."""
        self.forget()
        await self._load(connection, keys.keys())
        events = (recorded for recorded, _ in moments)
        found = await looked_up(connection, self.tenant, self.declaration, events, beside)
        await self.waiting.free(connection, keys)
        batch, self._parked = _Batch(self, careful=True), set()
        for recorded, policies in moments:
            handler = self.declaration.handlers.get(type(recorded.event))
            if handler is None:
                continue
            for key in keys if handler.rows is not None else keys.keys() & {*handler.keys(recorded)}:
                waits = keys[key] <= recorded.position <= self.positions[self.shard(key)]
                if waits and key not in self._parked and _sees(handler, self._rows[key]):
                    batch.fold(handler, key, self._rows[key], recorded, policies, found)
        await batch.write(connection)
        self.forget()

    async def erase(
        self, connection: Connection, events: Sequence[Recorded[Event]], shards: frozenset[int]
    ) -> None:
        """Erase what is personal in the rows of these shards about the customers of these events, as of every
        moment; the events are all those about them, up to where the build stands, without what is personal.
        """
        customers = {str(event.customer_id) for event in events}
        runs: dict[Key, list[Version]] = {}
        if not self.indexed:
            await self.table.hold(connection)
        keys = await self.table.about(connection, self.tenant, sorted(customers))
        if keys := [key for key in keys if self.shard(key) in shards]:
            for version in await self.table.versions(connection, self.tenant, keys):
                runs.setdefault(self.declaration.key_of(version[0]), []).append(version)
            await self.table.remove(connection, self.tenant, keys)
        self.forget()
        self._whole = False
        if self._own:
            await self.fold(connection, [(event, Policies()) for event in events], shards, {}, False)
        else:
            left = [version for run in runs.values() for version in self._erased(run, customers)]
            await self.table.write(
                connection,
                self.tenant,
                ended=[],
                passed=[(row, since, until) for row, since, until in left if until is not None],
                opened=[(row, since) for row, since, until in left if until is None],
            )

    def _erased(self, run: Sequence[Version], customers: Container[str]) -> list[Version]:
        """The versions of one key without what is personal about these customers; those that differ in
        nothing else are one. What was about somebody else before or after stays.
        """
        subject, left = str(self.declaration.subject), list[Version]()
        for row, since, until in run:
            whose = getattr(row, subject)
            theirs = whose is None or whose in customers
            bare = self.declaration.without(row) if theirs else row
            if bare is None:
                continue
            if left and left[-1][0] == bare and left[-1][2] == since:
                since = left.pop()[1]
            left.append((bare, since, until))
        return left

    def _steps(self, moments: Sequence[Moment], shards: frozenset[int]) -> Iterator[Step]:
        handlers, everything = self.declaration.handlers, len(shards) == len(self.positions)
        for recorded, policies in moments:
            handler = handlers.get(type(recorded.event))
            if handler is None:
                continue
            keys = tuple(handler.keys(recorded))
            if len(keys) > 1:
                keys = tuple(dict.fromkeys(keys))
            if self._personal_key:
                keys = tuple([key for key in keys if ERASED not in key])
            if not everything:
                keys = tuple([key for key in keys if self.shard(key) in shards])
            if keys or handler.rows is not None:
                yield handler, keys, recorded, policies

    def shard(self, key: Key) -> int:
        return shard_of(key, len(self.positions))

    def _watching(self, shards: frozenset[int]) -> tuple[Key, ...]:
        """The rows that a broadcast event reaches."""
        watched = tuple(self._watched or ())
        if len(shards) == len(self.positions):
            return watched
        return tuple(key for key in watched if self.shard(key) in shards)

    def _row(self, key: Key) -> Row:
        return Row(None, 0, False) if self._own else self._rows[key]

    async def _bring(self, connection: Connection, steps: Iterable[Step]) -> None:
        """Have the rows of these steps in memory, those that broadcast events reach, and what is parked."""
        if self._parked is None:
            self._parked = await self.waiting.keys(connection)
        if self._own:
            return
        watched = self.declaration.watched
        if self._watched is None and watched is not None:
            found = await self.table.load_where(connection, self.tenant, watched)
            mine = {key: row for key, row in found.items() if self.shard(key) in self.mine}
            self._watched = {key: Row(value, since, True) for key, (value, since) in mine.items()}
            self._rows |= self._watched
        missing = {key for _, keys, _, _ in steps for key in keys if key not in self._rows}
        await self._load(connection, missing)

    async def _load(self, connection: Connection, missing: Collection[Key]) -> None:
        if missing and not self._whole:
            found = await self.table.load(connection, self.tenant, list(missing))
            for key, (value, since) in found.items():
                self._rows[key] = Row(value, since, True)
        for key in missing:
            if key not in self._rows:
                self._rows[key] = Row(None, 0, False)

    def changed(self, key: Key, row: Row) -> None:
        """Keep in mind which rows broadcast events reach."""
        if self._watched is None or self.declaration.watched is None:
            return
        if row.value is not None and _matches(row.value, self.declaration.watched):
            self._watched[key] = row
        else:
            self._watched.pop(key, None)

    def refused(self, key: Key) -> None:
        if self._parked is not None:
            self._parked.add(key)

    def _evict(self) -> None:
        for key in list(islice(self._rows, max(len(self._rows) - CACHED, 0))):
            if not self._watched or key not in self._watched:
                del self._rows[key]
                self._whole = False

    async def compute(
        self,
        connection: Connection,
        position: int,
        values: Mapping[str, Any],
        sources: Mapping[str, str],
    ) -> None:
        """Compute all rows together, as of a position, from SQL for the rows of the views that are read."""
        assert self.declaration.population is not None
        query = self.declaration.population.query
        if not self.indexed:
            await self.table.hold(connection)
        await self.table.compute(connection, self.tenant, position, query, sources, values)


def _topics(declaration: Declaration) -> frozenset[str]:
    """The names of the events that matter to a view."""
    population = declaration.population
    kinds = declaration.handlers.keys() if population is None else (population.at,)
    erasures = {PersonalDataErased.TOPIC} if declaration.erasable else set()
    return frozenset(kind.TOPIC for kind in kinds) | erasures


def _matches(value: View, wanted: Mapping[str, Any]) -> bool:
    return all(getattr(value, name) == expected for name, expected in wanted.items())


def _sees(handler: Handler, row: Row) -> bool:
    """Whether an event reaches a row as it is now."""
    return handler.rows is None or (row.value is not None and _matches(row.value, handler.rows))


class _Batch:
    """What one batch changes in the tables."""

    def __init__(self, build: Build, careful: bool) -> None:
        self._build, self._careful = build, careful
        self._ended: list[tuple[Key, int]] = []
        self._passed: list[Closed] = []
        self._dirty: dict[Key, Row] = {}
        self.refusals: list[Refusal] = []

    def fold(
        self,
        handler: Handler,
        key: Key,
        row: Row,
        recorded: Recorded[Event],
        policies: Policies,
        found: LookedUp,
    ) -> None:
        """One event into one row."""
        build, before = self._build, row.value
        try:
            start = build.declaration.blank(key) if before is None else before
            after = handler.after(start, recorded, policies, found.get(recorded.position))
            if self._careful and after is not None:
                build.table.require_storable(after)
        except Exception as error:
            self.refusals.append(refusal(key, build.shard(key), recorded, error))
            build.refused(key)
            return
        if after != before:
            self._change(key, row, after, recorded.position)
            build.changed(key, row)

    def _change(self, key: Key, row: Row, after: View | None, position: int) -> None:
        if row.stored:
            self._ended.append((key, position))
        elif row.value is not None:
            self._passed.append((row.value, row.since, position))
        row.value, row.since, row.stored = after, position, False
        self._dirty[key] = row

    async def write(self, connection: Connection) -> None:
        build = self._build
        opened = [(row.value, row.since) for row in self._dirty.values() if row.value is not None]
        if self._dirty and not build.indexed:
            await build.table.hold(connection)
        await build.table.write(
            connection, build.tenant, ended=self._ended, passed=self._passed, opened=opened
        )
        await build.waiting.park(connection, self.refusals)
        for row in self._dirty.values():
            row.stored = row.value is not None
