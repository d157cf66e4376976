"""The worker: keeps every view's builds up with the log, in batches, exactly once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, cast

from domain.events import Event, PolicyEvent, Recorded
from domain.policies import Policies
from domain.policies import evolve as evolve_policies
from infra.database import Connection, Pool, lock_definitions
from infra.log.followers import POLL, Wakeups
from infra.log.group_commit import UNREACHABLE, unreachable
from infra.log.log import Log
from infra.views.builds import Build, Moment
from infra.views.tables import Table
from projections.view import Declaration

_log = logging.getLogger(__name__)

BATCH = 20_000
"""Events in one transaction at most."""
GRACE = timedelta(minutes=1)
"""How long readers may still use a generation that was replaced."""

Progress = Callable[[int, int], None]
"""Called with the position that all views have reached, and the log's head."""


class Projector:
    """Follows one tenant's log for all declared views."""

    def __init__(self, log: Log, declarations: Iterable[Declaration]) -> None:
        self._log = log
        self._declarations = {d.name: d for d in declarations}
        _require_sources(self._declarations)
        self._builds: list[Build] | None = None
        self._begun = False
        self._policies = (-1, Policies())

    @property
    def position(self) -> int:
        """Up to which event all builds are true."""
        return min((build.position for build in self._builds or ()), default=0)

    async def prepare(self) -> None:
        """Begin a build for every view that has none yet, so that all of them can be asked."""
        async with self._log.pool.acquire() as connection, connection.transaction():
            await self._locked(connection)
        self._begun = True

    async def catch_up(self, progress: Progress = lambda position, head: None) -> int:
        """Follow the log to where it ends now, and answer with that position."""
        head = await self._log.head()
        while await self.step() and self.position < head:
            progress(self.position, head)
        progress(self.position, head)
        return head

    async def run(self, wakeups: Wakeups, seen: Callable[[int], None] = lambda position: None) -> None:
        """Follow the log for ever; `seen` hears of every position that all views have reached."""
        while True:
            grown = wakeups.grown
            moved = False
            with suppress(*UNREACHABLE):
                moved = await self.step()
            if moved:
                seen(self.position)
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(grown.wait(), POLL)

    async def rebuild(self, names: Sequence[str] = ()) -> None:
        """Begin a new generation of these views (of all, where none is named) beside the one that serves."""
        async with self._log.pool.acquire() as connection, connection.transaction():
            await lock_definitions(connection)
            await self._locked(connection)
            for declaration in self._declarations.values():
                if not names or declaration.name in names:
                    await self._begin(connection, declaration)
        self._builds = None

    async def step(self) -> bool:
        """Move on by one batch; whether there was anything to do.

        First go the builds that have come furthest, then those furthest behind: a build that begins
        anew keeps nobody waiting who reads the others.
        """
        try:
            moved = await self._advance(max)
            if len({build.position for build in self._builds or ()}) > 1:
                moved |= await self._advance(min)
        except BaseException:
            self._forget()  # what is in memory may be ahead of what was committed
            raise
        return moved

    def _forget(self) -> None:
        self._builds, self._policies = None, (-1, Policies())

    async def _advance(self, which: Callable[[Iterable[int]], int]) -> bool:
        """Move these builds on; where an event cannot be folded, all but the view that refuses it."""
        try:
            moved = await self._move(which, careful=False)
        except Exception as error:
            if unreachable(error):
                raise
            self._forget()
            moved = await self._move(which, careful=True)
        self._begun = True
        return moved

    async def _move(self, which: Callable[[Iterable[int]], int], *, careful: bool) -> bool:
        async with self._log.pool.acquire() as connection, connection.transaction():
            builds = await self._locked(connection)
            if not builds:
                return False
            log = Log(cast(Pool, connection), self._log.tenant)  # a second connection might never come
            begin = which(build.position for build in builds)
            group = _able([build for build in builds if build.position == begin], builds)
            bound = min((build.position for build in builds if build.position > begin), default=None)
            events = await log.read(begin, until=bound, limit=BATCH) if group else []
            for moments, due in _stretches(group, await self._with_policies(log, begin, events)):
                await self._follow(connection, builds, group, moments, due, careful)
                group = [build for build in group if not build.failed]
            if len(events) < BATCH:
                await self._index(connection, group)
            await self._swap(connection, builds)
            return bool(events)

    async def _follow(
        self,
        connection: Connection,
        builds: Sequence[Build],
        group: Sequence[Build],
        moments: Sequence[Moment],
        due: Mapping[Build, Mapping[str, Any]],
        careful: bool,
    ) -> None:
        """Fold a stretch of events, then compute the populations that are due at its end."""
        tenant, end = self._log.tenant, moments[-1][0].position
        for build in group:
            if build.declaration.population is None:
                await self._do(connection, build, build.fold(connection, tenant, moments), careful)
            if build not in due and not build.failed:
                build.position = end
        for build in _in_order(build for build in due if not build.failed):
            await self._do(
                connection, build, self._compute(connection, builds, build, end, due[build]), careful
            )
            if not build.failed:
                build.position = end
        group = [build for build in group if build.position == end]
        await connection.execute(
            "UPDATE kehu.builds b SET position = $2 FROM unnest($3::text[], $4::int[]) AS k(view, generation)"
            " WHERE b.tenant = $1 AND b.view = k.view AND b.generation = k.generation",
            tenant,
            end,
            [build.name for build in group],
            [build.generation for build in group],
        )

    async def _compute(
        self,
        connection: Connection,
        builds: Iterable[Build],
        build: Build,
        position: int,
        values: Mapping[str, Any],
    ) -> None:
        """Compute a population from the newest builds of the views that it reads."""
        assert build.declaration.population is not None
        working = [source for source in builds if not source.failed]
        sources = {name: _newest(working, name, position) for name in build.declaration.population.reads}
        await build.compute(connection, self._log.tenant, position, values, sources)

    async def _do(
        self, connection: Connection, build: Build, work: Coroutine[Any, Any, None], careful: bool
    ) -> None:
        """Do a build's work; carefully, a failure undoes it and stops this build alone."""
        if not careful:
            await work
            return
        try:
            async with connection.transaction():
                await work
        except Exception as error:
            if unreachable(error):
                raise
            notes = "; ".join(getattr(error, "__notes__", ()))
            build.failed = f"{type(error).__name__}: {error}{notes and f' ({notes})'}"
            _log.error("view %s stops at position %s: %s", build.name, build.position, build.failed)
            await connection.execute(
                "UPDATE kehu.builds SET failed = $4 WHERE tenant = $1 AND view = $2 AND generation = $3",
                self._log.tenant,
                build.name,
                build.generation,
                build.failed,
            )

    async def _with_policies(self, log: Log, after: int, events: Sequence[Recorded[Event]]) -> list[Moment]:
        """Each event with the policies published up to it."""
        position, policies = self._policies
        if position != after:
            policies = await log.policies(after)
        moments = []
        for recorded in events:
            if isinstance(recorded.event, PolicyEvent):
                policies = evolve_policies(policies, recorded.event)
            moments.append((recorded, policies))
        self._policies = (after + len(events), policies)
        return moments

    # --- Builds -------------------------------------------------------------------------------

    async def _locked(self, connection: Connection) -> list[Build]:
        """The builds as the database has them, locked; what is in memory is kept where it still holds."""
        if not self._builds:
            await lock_definitions(connection)  # before any row, or two that begin could block each other
        rows = await connection.fetch(
            "SELECT view, generation, digest, position, serving, indexed, failed,"
            " retired_at < now() - $2::interval AS expired"
            " FROM kehu.builds WHERE tenant = $1 ORDER BY view, generation FOR UPDATE",
            self._log.tenant,
            GRACE,
        )
        kept = {(b.name, b.generation, b.position): b for b in self._builds or ()}
        builds, present = [], set()
        for row in rows:
            declaration = self._declarations.get(row["view"])
            if declaration is None:
                continue  # not loaded in this program
            if row["expired"]:
                await self._drop(connection, Table(declaration, row["generation"]))
            if row["expired"] is not None or declaration.digest != row["digest"]:
                continue  # replaced, or about to be by a new declaration
            present.add(declaration.name)
            if row["failed"] is not None:
                continue  # until it is rebuilt
            build = kept.get((row["view"], row["generation"], row["position"]))
            if build is None:
                build = Build(declaration, row["generation"], row["position"])
            build.serving, build.indexed = row["serving"], row["indexed"]
            builds.append(build)
        if (
            not self._begun
        ):  # later on, a view that is gone was replaced by a program with a newer declaration
            for declaration in self._declarations.values():
                if declaration.name not in present:
                    builds.append(await self._begin(connection, declaration))
        self._builds = builds
        return builds

    async def _begin(self, connection: Connection, declaration: Declaration) -> Build:
        """A new generation of a view; it serves at once where there is no other to serve meanwhile."""
        generation = await connection.fetchval(
            "SELECT coalesce(max(generation), 0) + 1 FROM kehu.builds WHERE view = $1", declaration.name
        )
        build = Build(declaration, generation, 0)
        await build.table.create(connection)
        build.serving = await connection.fetchval(
            "INSERT INTO kehu.builds (tenant, view, generation, digest, serving) SELECT $1, $2, $3, $4,"
            " NOT EXISTS (SELECT FROM kehu.builds WHERE tenant = $1 AND view = $2 AND serving)"
            " RETURNING serving",
            self._log.tenant,
            declaration.name,
            generation,
            declaration.digest,
        )
        return build

    async def _index(self, connection: Connection, group: Iterable[Build]) -> None:
        """Make the indexes of builds that have come near the log's end for the first time."""
        for build in group:
            if not build.indexed:
                await build.table.index(connection)
                await connection.execute(
                    "UPDATE kehu.builds SET indexed = true"
                    " WHERE tenant = $1 AND view = $2 AND generation = $3",
                    self._log.tenant,
                    build.name,
                    build.generation,
                )
                build.indexed = True

    async def _swap(self, connection: Connection, builds: Sequence[Build]) -> None:
        """Let new generations serve that have caught up with the old ones, which nobody follows any more."""
        for new in [build for build in builds if not build.serving]:
            served = await connection.fetchval(
                "SELECT position FROM kehu.builds WHERE tenant = $1 AND view = $2 AND serving",
                self._log.tenant,
                new.name,
            )
            if new.position < served:
                continue
            await connection.execute(
                "UPDATE kehu.builds SET serving = generation = $3,"
                " retired_at = CASE WHEN generation < $3 THEN coalesce(retired_at, now()) END"
                " WHERE tenant = $1 AND view = $2 AND generation <= $3",
                self._log.tenant,
                new.name,
                new.generation,
            )
            new.serving = True
            builds = [b for b in builds if b.name != new.name or b.generation >= new.generation]
        self._builds = list(builds)

    async def _drop(self, connection: Connection, table: Table) -> None:
        await table.drop(connection)
        await connection.execute(
            "DELETE FROM kehu.builds WHERE tenant = $1 AND view = $2 AND generation = $3",
            self._log.tenant,
            table.declaration.name,
            table.generation,
        )


def _require_sources(declarations: Mapping[str, Declaration]) -> None:
    for declaration in declarations.values():
        reads = declaration.population.reads if declaration.population else ()
        if unknown := [name for name in reads if name not in declarations]:
            raise LookupError(f"view {declaration.name} reads {unknown[0]}, which is not declared")


def _able(group: Sequence[Build], builds: Sequence[Build]) -> list[Build]:
    """Those of the foremost builds that find the views they read as far as themselves."""
    while True:
        there = {build.name for build in builds if build in group or build.position > group[0].position}
        able = [build for build in group if there.issuperset(_reads(build))]
        if len(able) in (0, len(group)):
            return able
        group = able


def _stretches(
    group: Sequence[Build], moments: Sequence[Moment]
) -> Iterator[tuple[Sequence[Moment], dict[Build, Mapping[str, Any]]]]:
    """The events cut after each one at which some population is due, with what each needs to compute."""
    populations = [(build, p) for build in group if (p := build.declaration.population) is not None]
    begin = 0
    for index, (recorded, policies) in enumerate(moments):
        due = {}
        for build, population in populations:
            if isinstance(recorded.event, population.at):
                values = population.due(recorded, policies)
                if values is not None:
                    due[build] = values
        if due or index == len(moments) - 1:
            yield moments[begin : index + 1], due
            begin = index + 1


def _in_order(due: Iterable[Build]) -> list[Build]:
    """Each build after those whose views it reads."""
    waiting, ordered = {build.name: build for build in due}, []
    while waiting:
        free = [b for b in waiting.values() if not set(_reads(b)) & (waiting.keys() - {b.name})]
        if not free:
            raise ValueError(f"these views read each other in a circle: {', '.join(sorted(waiting))}")
        for build in free:
            ordered.append(waiting.pop(build.name))
    return ordered


def _reads(build: Build) -> tuple[str, ...]:
    return build.declaration.population.reads if build.declaration.population else ()


def _newest(builds: Iterable[Build], view: str, position: int) -> Build:
    """The newest build of a view that is true at a position. Raises `LookupError` where there is none."""
    fit = [build for build in builds if build.name == view and build.position >= position]
    if not fit:
        raise LookupError(f"the view {view}, which it reads, has stopped")
    return max(fit, key=lambda build: build.generation)
