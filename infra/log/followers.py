"""Followers: who reads the log as it grows hears of new events in milliseconds and skips none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Any

from infra.log.group_commit import UNREACHABLE, bear
from infra.log.log import Log
from infra.log.reading import PAGE, Page, Selection

CHANNEL = "kehu_log"
POLL = 1.0
"""Seconds after which a follower looks by itself, should every wake-up be lost."""
BREATH = 0.005
"""Seconds between two notices to other processes, so that they cost a lone client little."""


@contextmanager
def while_reachable() -> Iterator[None]:
    """Leave the block where PostgreSQL cannot be reached; who comes again may find it."""
    try:
        yield
    except UNREACHABLE as failure:
        bear(failure)


async def within(seconds: float, event: asyncio.Event) -> bool:
    """Whether an event is set within so many seconds; answers as soon as it is."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


class Wakeups:
    """Tells followers in this process, and over NOTIFY those in others, that a tenant's log has grown.

    The notice is sent from a connection of its own after the commit: inside the appending transaction
    it would make PostgreSQL commit one transaction at a time. A lost notice costs a delay of `POLL`.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._grown = asyncio.Event()
        self._tell = asyncio.Event()
        self._tasks = [asyncio.create_task(self._announce()), asyncio.create_task(self._listen())]

    def committed(self, position: int) -> None:
        """This process has appended up to `position`."""
        self._wake()
        self._tell.set()

    @property
    def grown(self) -> asyncio.Event:
        """Set when the log has grown after this property was read: take it before you look."""
        return self._grown

    def _wake(self) -> None:
        self._grown.set()
        self._grown = asyncio.Event()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _announce(self) -> None:
        while True:
            await self._tell.wait()
            self._tell.clear()
            with while_reachable():
                await self._log.pool.execute("SELECT pg_notify($1, $2)", CHANNEL, self._log.tenant)
            await asyncio.sleep(BREATH)

    async def _listen(self) -> None:
        while True:
            with while_reachable():
                async with self._log.pool.acquire() as connection:
                    await self._listen_on(connection)
            await asyncio.sleep(POLL)

    async def _listen_on(self, connection: Any) -> None:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(CHANNEL, self._heard)
        self._wake()  # what was told before, nobody here has heard
        try:
            await lost.wait()
        finally:
            with while_reachable():
                await connection.remove_listener(CHANNEL, self._heard)

    def _heard(self, connection: Any, pid: int, channel: str, tenant: Any) -> None:
        if tenant == self._log.tenant:
            self._wake()


async def follow(
    log: Log, wakeups: Wakeups, after: int = 0, wanted: Selection | None = None, *, page: int = PAGE
) -> AsyncGenerator[Page, None]:
    """Pages of the wanted events after a position, for ever: those there are, then those to come, in order.

    A page's position is where a follower that is closed can begin again; a page is empty where the log
    has grown by other events only. Nothing is read before the next page is asked for.
    """
    head, wanted = after, wanted or Selection()
    while True:
        grown = wakeups.grown
        found = Page(events=[], position=after)
        with while_reachable():
            head = head if after < head else await log.head()
            if after < head:
                found = await log.look(wanted, after=after, head=head, limit=page)
        if found.position > after:
            after = found.position
            yield found
        else:
            await within(POLL, grown)
