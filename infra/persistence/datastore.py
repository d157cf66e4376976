"""A tenant's log, open for synchronous callers on any thread."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import asyncpg
from eventsourcing.persistence import InfrastructureFactoryError

from infra.database import Connection, Pool, migrate, open_pool
from infra.log.followers import POLL, Wakeups, within
from infra.log.group_commit import Closed, GroupCommit, patiently
from infra.log.units import Appended
from infra.persistence.background import background
from infra.persistence.errors import translated
from infra.persistence.writes import ConditionalLog, Write

T = TypeVar("T")
Work = Callable[[Connection], Awaitable[T]]
"""What is done on a connection, asynchronously."""


class Datastore:
    """One tenant of one database; every method blocks its caller and raises the library's errors."""

    def __init__(self, dsn: str, tenant: str, *, pool_size: int, create: bool = True) -> None:
        self.tenant = tenant
        self._background = background()
        with translated():
            self._parts = self._background.run(_open(dsn, tenant, pool_size, create))
        self._finalizer = weakref.finalize(self, _abandon, self._background.loop, self._parts)

    def append(self, write: Write) -> Appended:
        """Append in the next group commit; it is done when this returns."""
        with translated():
            return self._background.run(self._parts.commit.append(write))

    def read(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """The rows of a query whose first parameter is the tenant."""
        with translated():
            return self._background.run(self._parts.read(statement, self.tenant, *arguments))

    def transact(self, work: Work[T]) -> T:
        """Do the work in a transaction of its own."""
        with translated():
            return self._background.run(self._parts.transact(work))

    def wake(self, event: threading.Event) -> Future[None]:
        """Set the event whenever the log may have grown, until the answer is cancelled."""
        return asyncio.run_coroutine_threadsafe(self._parts.wake(event), self._background.loop)

    def close(self) -> None:
        """Append what waits, then let go of the connections; it may be called again."""
        if self._finalizer.detach():
            with translated():
                self._background.run(self._parts.close())


class _Parts:
    """What is open, on the event loop."""

    def __init__(self, pool: Pool, log: ConditionalLog) -> None:
        self.pool, self.log = pool, log
        self.wakeups = Wakeups(log)
        self.commit = GroupCommit(log, self.wakeups.committed)
        self.closed = False
        self._waking: set[asyncio.Task[None] | None] = set()

    async def read(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        async def fetch() -> list[asyncpg.Record]:
            self._require_open()
            return await self.pool.fetch(statement, *arguments)

        return await patiently(fetch)

    async def transact(self, work: Work[T]) -> T:
        self._require_open()
        async with self.pool.acquire() as connection, connection.transaction():
            return await work(connection)

    async def wake(self, event: threading.Event) -> None:
        task = asyncio.current_task()
        self._waking.add(task)
        try:
            while not self.closed:
                grown = self.wakeups.grown
                event.set()
                await within(POLL, grown)
        finally:
            self._waking.discard(task)

    def _require_open(self) -> None:
        if self.closed:
            raise Closed("the log was closed")

    async def close(self) -> None:
        await self.commit.close()
        self.closed = True
        for task in self._waking:
            if task is not None:
                task.cancel()
        await self.wakeups.close()
        await self.pool.close()


async def _open(dsn: str, tenant: str, pool_size: int, create: bool) -> _Parts:
    if create:
        await migrate(dsn)
    pool = await open_pool(dsn, size=pool_size)
    try:
        if await pool.fetchval("SELECT EXISTS (SELECT FROM kehu.builds WHERE tenant = $1)", tenant):
            raise InfrastructureFactoryError(
                f"tenant {tenant!r} has views, which do not know the events of other applications:"
                " choose another one with KEHU_TENANT"
            )
        log = ConditionalLog(pool, tenant)
        await log.create()
    except BaseException:
        await pool.close()
        raise
    return _Parts(pool, log)


def _abandon(loop: asyncio.AbstractEventLoop, parts: _Parts) -> None:
    """Close what nobody holds any more, without waiting: any thread may be the one that collects it."""
    loop.call_soon_threadsafe(lambda: loop.create_task(parts.close()))
