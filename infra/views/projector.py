"""The worker: keeps every view's builds up with the log, in batches, exactly once, beside other workers."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import Any

import asyncpg

from domain.erasure import PersonalDataErased
from domain.events import Event
from infra.database import Connection
from infra.log.followers import POLL, Wakeups, while_reachable, within
from infra.log.group_commit import unreachable
from infra.log.log import Log
from infra.views import generations, shares
from infra.views.builds import Build, Moment
from infra.views.pages import Pages
from infra.views.populations import beside, in_order, source, stretches
from infra.views.roster import Leg, Roster, Which
from infra.views.shares import Fenced, Shares
from projections.checking import checked
from projections.view import Declaration

_log = logging.getLogger(__name__)

BATCH = 20_000
"""Positions of the log in one transaction at most."""
LOOK_EVERY = 0.02
"""Seconds between two looks at what other processes have done."""

MOVE = """
UPDATE kehu.shards s SET position = k.position
  FROM unnest($3::text[], $4::int[], $5::int[], $6::bigint[]) AS k(view, generation, shard, position)
 WHERE s.tenant = $1 AND s.view = k.view AND s.generation = k.generation AND s.shard = k.shard
   AND s.owner = $2
"""
FAIL = "UPDATE kehu.builds SET failed = $4 WHERE tenant = $1 AND view = $2 AND generation = $3"

Progress = Callable[[int, int], None]
"""Called with the position that all views have reached, and the log's head."""


class Projector:
    """Follows one tenant's log for all declared views, or for this process's share of them."""

    def __init__(self, log: Log, declarations: Iterable[Declaration]) -> None:
        self._log = log
        self._declarations = {d.name: d for d in checked(declarations)}
        self._shares = Shares(log.pool, log.tenant, self._declarations.values())
        self._roster = Roster(log.pool, log.tenant, self._declarations)
        self._pages = Pages(log)
        self._begun = False

    @property
    def position(self) -> int:
        """Up to which event all builds are true that this program can follow."""
        return self._roster.position

    async def prepare(self) -> None:
        """Begin a build for every view that has none yet, so that all of them can be asked."""
        async with self._transaction() as connection:
            await generations.begin_missing(connection, self._log.tenant, [*self._declarations.values()])
        self._begun = True

    async def catch_up(self, progress: Progress = lambda position, head: None) -> int:
        """Follow the log to where it ends now, together with other processes; answers with that position."""
        head = await self._log.head()
        async with self._joined():
            while True:
                moved = await self.step()
                progress(self.position, head)
                if not moved:
                    if self._roster.done(head) or not self._others_go_on():
                        break
                    await asyncio.sleep(LOOK_EVERY)
                elif self._roster.done(head):
                    break
        progress(self.position, head)
        return head

    async def run(self, wakeups: Wakeups, seen: Callable[[int], None] = lambda position: None) -> None:
        """Follow the log for ever; `seen` hears of every position that all views have reached."""
        told = -1
        async with self._joined():
            while True:
                grown = wakeups.grown
                moved = False
                with while_reachable():
                    moved = await self.step()
                if moved and self.position > told:
                    told = self.position
                    seen(told)
                if not moved:
                    pause = LOOK_EVERY if self._others_go_on() else min(POLL, shares.LEASE / shares.LOOKS)
                    await within(pause, grown)

    async def rebuild(self, names: Sequence[str] = ()) -> None:
        """Begin a new generation of these views (of all, where none is named) beside the one that serves."""
        if not self._begun:
            await self.prepare()
        wanted = [d for d in self._declarations.values() if not names or d.name in names]
        async with self._transaction() as connection:
            await generations.begin(connection, self._log.tenant, wanted)
        self._shares.look_again()

    async def leave(self) -> None:
        """Let other processes go on with what is this one's."""
        self._forget()
        await self._shares.leave()

    async def step(self) -> bool:
        """Move on by one batch; whether there was anything to do.

        First go the builds that have come furthest, then those furthest behind: a build that begins
        anew keeps nobody waiting who reads the others.
        """
        try:
            await self._look()
            tended = await self._tend()
            ahead = await self._advance(max)
            behind = await self._advance(min)
            return tended or ahead or behind
        except Fenced:
            self._forget()
            self._shares.lost()
            return True
        except asyncpg.DeadlockDetectedError:  # another process was in the way, and has gone on
            self._forget()
            return True
        except BaseException:
            self._forget()  # what is in memory may be ahead of what was committed
            raise

    # --- Beside others ------------------------------------------------------------------------

    @asynccontextmanager
    async def _joined(self) -> AsyncIterator[None]:
        try:
            yield
        finally:
            with while_reachable():
                await asyncio.shield(self.leave())

    @asynccontextmanager
    async def _transaction(self, *, mine: bool = False) -> AsyncIterator[Connection]:
        """A transaction; in which, if asked, what is this process's stays so. Raises `Fenced`."""
        async with self._log.pool.acquire() as connection, connection.transaction():
            if mine:
                await self._shares.renew(connection)
            yield connection

    def _forget(self) -> None:
        self._roster.forget()
        self._pages.forget()

    async def _look(self) -> None:
        if not self._begun:  # later on, a view that is gone was replaced by a newer program
            await self.prepare()
        if not self._roster.settled:
            self._shares.look_again()
        if await self._shares.settle():
            async with self._transaction() as connection:
                await generations.drop_expired(connection, self._log.tenant)
        await self._roster.look(self._shares.name)

    def _others_go_on(self) -> bool:
        """Whether something is left to do that is not this process's."""
        roster = self._roster
        theirs = [build for build in roster.hopeful if len(build.mine) < len(build.positions)]
        return not roster.settled or any(
            build.retry
            or not (build.serving and build.indexed)
            or any(p < roster.head and shard not in build.mine for shard, p in enumerate(build.positions))
            for build in theirs
        )

    # --- Moving on ----------------------------------------------------------------------------

    async def _advance(self, which: Which) -> bool:
        """Move these builds on; where something goes wrong, all but the view that it goes wrong for."""
        leg = self._roster.leg(which, BATCH)
        if leg is None:
            return False
        try:
            await self._move(leg, careful=False)
        except Fenced:
            raise
        except Exception as error:
            if unreachable(error):
                raise
            self._forget()
            await self._look()
            if (leg := self._roster.leg(which, BATCH)) is not None:
                await self._move(leg, careful=True)
        return True

    async def _move(self, leg: Leg, *, careful: bool) -> None:
        names = frozenset[str]().union(*(build.follows for build in leg.group))
        moments = await self._pages.read(leg.begin, leg.until, names, self._roster.head)
        async with self._transaction(mine=True) as connection:
            for stretch, end, due in stretches(leg.group, moments, leg.until):
                kinds = _by_kind(stretch)
                for build, shards in leg.group.items():
                    theirs = _followed(build, kinds)
                    if theirs and not build.failed and build.declaration.population is None:
                        work = self._fold(connection, leg, build, theirs, careful)
                        await self._do(connection, build, work, careful)
                    if not build.failed and (erased := _erased(build, kinds)):
                        await self._do(
                            connection, build, self._erase(connection, build, shards, erased, end), careful
                        )
                    if not build.failed and build not in due:
                        build.move(shards, end)
                for build in in_order(build for build in due if not build.failed):
                    work = self._compute(connection, leg, build, end, due[build])
                    await self._do(connection, build, work, careful)
                    if not build.failed:
                        build.move(leg.group[build], end)
            await self._write_positions(connection, leg)

    async def _fold(
        self, connection: Connection, leg: Leg, build: Build, moments: Sequence[Moment], careful: bool
    ) -> None:
        """Fold events into the rows of a build that move along."""
        tables = beside(build, self._roster.working, leg.group, leg.begin)
        await build.fold(connection, moments, leg.group[build], tables, careful)

    async def _erase(
        self, connection: Connection, build: Build, shards: frozenset[int], customers: Sequence[str], end: int
    ) -> None:
        """Erase what is personal about customers, up to a position, in every generation of a view."""
        await generations.strip(connection, self._log.tenant, build.declaration, customers)
        events = [event for c in customers for event in await self._log.read_customer(c, until=end)]
        await build.erase(connection, events, shards)

    async def _compute(
        self, connection: Connection, leg: Leg, build: Build, position: int, values: Any
    ) -> None:
        """Compute a population from the newest builds of the views that it reads."""
        if isinstance(values, Exception):
            raise values
        working = self._roster.working
        sources = {name: source(name, working, leg.group, position) for name in build.reads}
        await build.compute(connection, position, values, sources)

    async def _write_positions(self, connection: Connection, leg: Leg) -> None:
        moved = [
            (build.name, build.generation, shard, build.positions[shard])
            for build, shards in leg.group.items()
            for shard in sorted(shards)
        ]
        columns = map(list, zip(*moved, strict=True))
        status = await connection.execute(MOVE, self._log.tenant, self._shares.name, *columns)
        if status != f"UPDATE {len(moved)}":
            raise Fenced

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
            build.forget()
            build.failed = f"{type(error).__name__}: {error}"
            _log.error("view %s stops at position %s: %s", build.name, build.position, build.failed)
            await connection.execute(FAIL, self._log.tenant, build.name, build.generation, build.failed)

    # --- Besides ------------------------------------------------------------------------------

    async def _tend(self) -> bool:
        """Try parked keys again, index builds that have come near the end, swap those that are there."""
        tended = False
        for build in [build for build in self._roster.working if build.mine]:
            if build.retry:
                tended |= await self._retry(build)
            if not build.indexed and build.position + BATCH > self._roster.head:
                async with self._transaction(mine=True) as connection:
                    build.indexed = await generations.index(connection, self._log.tenant, build.table)
                tended = True
            if not build.serving and build.indexed:
                async with self._transaction() as connection:
                    swapped = await generations.swap(connection, self._log.tenant, build.table)
                tended |= swapped
        if tended:
            await self._roster.look(self._shares.name)
        return tended

    async def _retry(self, build: Build) -> bool:
        """Fold what waits for the parked keys of this process's shards."""
        async with self._transaction(mine=True) as connection:
            keys = await build.waiting.asked(connection, build.mine)
            if not keys:
                return False
            moments = []
            begin, end = min(keys.values()) - 1, max(build.positions)
            while begin < end:
                until = min(begin + BATCH, end)
                moments += await self._pages.read(begin, until, build.follows, 0)
                begin = until
            tables = beside(build, self._roster.working, {}, end - 1)
            await build.fold_again(connection, moments, keys, tables)
        return True


Kinds = Mapping[type[Event], Sequence[Moment]]
"""The events of a stretch by their types, each in their order."""


def _by_kind(stretch: Iterable[Moment]) -> Kinds:
    kinds = defaultdict[type[Event], list[Moment]](list)
    for moment in stretch:
        kinds[type(moment[0].event)].append(moment)
    return dict(kinds)


def _followed(build: Build, kinds: Kinds) -> Sequence[Moment]:
    """The events that matter to a build, in order: most views follow a few of many kinds."""
    followed = [kinds[kind] for kind in build.declaration.handlers if kind in kinds]
    if len(followed) == 1:
        return followed[0]
    return sorted(chain.from_iterable(followed), key=lambda moment: moment[0].position)


def _erased(build: Build, kinds: Kinds) -> list[str]:
    """The customers whose personal data a build has to erase by these events."""
    if not build.erasable:
        return []
    return [str(recorded.customer_id) for recorded, _ in kinds.get(PersonalDataErased, ())]
