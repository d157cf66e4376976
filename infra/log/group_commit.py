"""Group commit: commands that arrive while a commit is under way share the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import asyncpg

from infra.log.log import Log
from infra.log.units import Appended, Outcome, Unit

BATCH = 1_000
"""Units in one transaction at most."""
QUEUE = 20_000
"""Units that may wait; more are refused as `Busy`."""
PATIENCE = 30.0
"""Seconds for which a batch is sent again while PostgreSQL cannot be reached."""

UNREACHABLE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what asyncpg makes of some connections that are lost
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
)
"""Failures after which the same batch may be sent again: command ids make that safe."""


def unreachable(failure: Exception) -> bool:
    """Whether trying again may help; a value that asyncpg cannot encode is an `InterfaceError` too."""
    return isinstance(failure, UNREACHABLE) and not isinstance(failure, ValueError)


class Busy(Exception):
    """Too many commands are waiting: try again in a moment."""

    retry_after = 1.0
    """Seconds."""


class Closed(Exception):
    """The log is being shut down; the command was not done."""


class GroupCommit:
    """Appends units of many callers, one transaction at a time; a refusal reaches its own caller only."""

    def __init__(self, log: Log, committed: Callable[[int], None] = lambda position: None) -> None:
        self._log = log
        self.committed = committed
        """Hears of the last position of every commit."""
        self._waiting: deque[tuple[Unit, asyncio.Future[Outcome]]] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run(), name=f"group commit of {log.tenant}")

    async def append(self, unit: Unit) -> Appended:
        """Append a unit. Raises `Conflict`, `CommandIdReused`, `Busy` or `Closed`.

        A caller that is cancelled while its unit waits takes it back; once the unit is on its way,
        it is done or refused all the same, and the command's id tells which.
        """
        if self._closing:
            raise Closed("the log is being shut down; the command was not done")
        if len(self._waiting) >= QUEUE:
            raise Busy(f"{QUEUE} commands are waiting; try again in {Busy.retry_after:.0f} s")
        answer: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((unit, answer))
        self._wake.set()
        outcome = await answer
        if isinstance(outcome, Appended):
            return outcome
        raise outcome

    async def close(self) -> None:
        """Finish what waits, then stop."""
        self._closing = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        while not (self._closing and not self._waiting):
            await self._wake.wait()
            self._wake.clear()
            while batch := self._take():
                await self._send(batch)

    def _take(self) -> list[tuple[Unit, asyncio.Future[Outcome]]]:
        """The next units that do not depend on each other, in the order of their arrival."""
        batch: list[tuple[Unit, asyncio.Future[Outcome]]] = []
        later: list[tuple[Unit, asyncio.Future[Outcome]]] = []
        taken = _Footprint()
        while self._waiting and len(batch) < BATCH and len(later) < BATCH:
            unit, answer = self._waiting.popleft()
            if answer.cancelled():
                continue
            if taken.admits(unit):
                batch.append((unit, answer))
            else:
                later.append((unit, answer))
            taken.add(unit)
        self._waiting.extendleft(reversed(later))
        return batch

    async def _send(self, batch: list[tuple[Unit, asyncio.Future[Outcome]]]) -> None:
        try:
            outcomes = await self._append([unit for unit, _ in batch])
        except Exception as failure:
            if len(batch) > 1 and not unreachable(failure):
                for alone in batch:  # one unit's encoding error must not touch its neighbours
                    await self._send([alone])
                return
            for _, answer in batch:
                if not answer.done():
                    answer.set_exception(failure)
            return
        for (_, answer), outcome in zip(batch, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)
        self.committed(max((o.position for o in outcomes if isinstance(o, Appended)), default=0))

    async def _append(self, units: list[Unit]) -> list[Outcome]:
        clock = asyncio.get_running_loop().time
        deadline, pause = clock() + PATIENCE, 0.01
        while True:
            try:
                return await self._log.append(units)
            except UNREACHABLE as failure:
                if not unreachable(failure) or clock() + pause > deadline:
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)


class _Footprint:
    """What the units of a batch write and rely on, so that none that depends on another joins it."""

    def __init__(self) -> None:
        self._written: set[str] = set()
        self._relied: set[str] = set()
        self._commands: set[str] = set()

    def admits(self, unit: Unit) -> bool:
        ids = {k.command_id for k in unit.commands}
        return not (unit.relies_on & self._written or unit.writes & self._relied or ids & self._commands)

    def add(self, unit: Unit) -> None:
        self._written |= unit.writes
        self._relied |= unit.relies_on
        self._commands |= {k.command_id for k in unit.commands}
