"""Followers: who reads the log as it grows hears of new events in milliseconds and skips none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

from domain.events import Event, Recorded
from infra.log.group_commit import UNREACHABLE
from infra.log.log import Log
from infra.log.reading import PAGE

CHANNEL = "kehu_log"
POLL = 1.0
"""Seconds after which a follower looks by itself, should every wake-up be lost."""


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
            with suppress(*UNREACHABLE):
                await self._log.pool.execute("SELECT pg_notify($1, $2)", CHANNEL, self._log.tenant)

    async def _listen(self) -> None:
        while True:
            with suppress(*UNREACHABLE):
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
            with suppress(*UNREACHABLE):
                await connection.remove_listener(CHANNEL, self._heard)

    def _heard(self, connection: Any, pid: int, channel: str, tenant: Any) -> None:
        if tenant == self._log.tenant:
            self._wake()


async def follow(
    log: Log, wakeups: Wakeups, after: int = 0, *, page: int = PAGE
) -> AsyncGenerator[list[Recorded[Event]], None]:
    """Pages of events after a position, for ever: what is there, then what comes, in order, without a gap."""
    while True:
        grown = wakeups.grown
        try:
            events = await log.read(after, limit=page)
        except UNREACHABLE:
            events = []
        if events:
            after = events[-1].position
            yield events
        else:
            with suppress(TimeoutError):
                await asyncio.wait_for(grown.wait(), POLL)
