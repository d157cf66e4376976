"""Group commit: commands that arrive while a commit is under way share the next one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

import asyncpg

from infra.log.log import Log
from infra.log.units import Appended, CommandIdReused, Conflict, Outcome, Unit
from infra.tracing import span

T = TypeVar("T")

BATCH = 1_000
"""Units in one transaction at most."""
SMALL = 8
"""Units that are not worth being shared out between two transactions."""
UNDER_WAY = 2
"""Transactions under way at most: while PostgreSQL commits one, the next is decided and sent."""
QUEUE = 20_000
"""Units that may wait; more are refused as `Busy`."""
PATIENCE = 30.0
"""Seconds for which what can be sent again is, while PostgreSQL cannot be reached."""

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


def bear(failure: Exception) -> None:
    """Pass over a failure after which trying again may help; any other is raised."""
    if not unreachable(failure):
        raise failure
    heed_cancellation(failure)


def heed_cancellation(failure: Exception) -> None:
    """Raise the cancellation that a failure hides, before the failure is passed over.

    A task that is cancelled may find its connection lost while it gives it back; it would go on for ever.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from failure


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """The answer of work that is done again while PostgreSQL cannot be reached, for `PATIENCE` seconds."""
    clock = asyncio.get_running_loop().time
    deadline, pause = clock() + PATIENCE, 0.01
    while True:
        try:
            return await work()
        except UNREACHABLE as failure:
            if clock() + pause > deadline:
                raise
            bear(failure)
        await asyncio.sleep(pause)
        pause = min(pause * 2, 1.0)


class Busy(Exception):
    """Too many commands are waiting: try again in a moment."""

    retry_after = 1.0
    """Seconds."""


class Closed(Exception):
    """The log is being shut down; the command was not done."""


class Withdrawn(asyncio.CancelledError):
    """The caller was cancelled, and the command was not done."""


class DoneAnyway(asyncio.CancelledError):
    """The caller was cancelled too late: the command was done."""

    def __init__(self, appended: Appended) -> None:
        super().__init__(f"done at position {appended.position}")
        self.appended = appended


class _Waiting:
    """A unit, whoever waits for it, once it is on its way the transaction that it is in, and its end."""

    __slots__ = ("answer", "footprint", "outcome", "sending", "unit")

    def __init__(self, unit: Unit, answer: asyncio.Future[Outcome]) -> None:
        self.unit, self.answer = unit, answer
        self.footprint = Footprint()
        self.footprint.add(unit)
        self.sending: asyncio.Task[None] | None = None
        self.outcome: Outcome | Exception | None = None

    def end(self, outcome: Outcome) -> None:
        self.outcome = outcome
        if not self.answer.done():
            self.answer.set_result(outcome)

    def fail(self, failure: Exception) -> None:
        self.outcome = failure
        if not self.answer.done():
            self.answer.set_exception(failure)


class GroupCommit:
    """Appends units of many callers in few transactions; a refusal reaches its own caller only."""

    def __init__(self, log: Log, committed: Callable[[int], None] = lambda position: None) -> None:
        self._log = log
        self.committed = committed
        """Hears of the last position of every commit."""
        self.measured: Callable[[int, float], None] = lambda units, seconds: None
        """Hears of every commit how many units were in it, and how long it took."""
        self._waiting: deque[_Waiting] = deque()
        self._under_way: dict[asyncio.Task[None], Footprint] = {}
        """The transactions that PostgreSQL has not answered yet."""
        self._due = False
        self._closing = False

    @property
    def waiting(self) -> int:
        """How many units wait for a commit."""
        return len(self._waiting)

    async def append(self, unit: Unit) -> Appended:
        """Append a unit. Raises `Conflict`, `CommandIdReused`, `Busy` or `Closed`.

        A caller that is cancelled hears what became of its unit: `Withdrawn` where it was not done,
        `DoneAnyway` where it was on its way already and has been done; only where PostgreSQL did not
        answer, or the caller is cancelled again, nobody can say.
        """
        if self._closing:
            raise Closed("the log is being shut down; the command was not done")
        if len(self._waiting) >= QUEUE:
            raise Busy(f"{QUEUE} commands are waiting; try again in {Busy.retry_after:.0f} s")
        waiting = _Waiting(unit, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._soon()
        try:
            with span("append", kehu__commands=len(unit.commands)):
                outcome = await waiting.answer
        except asyncio.CancelledError:
            await self._cancelled(waiting)
            raise
        if isinstance(outcome, Appended):
            return outcome
        raise outcome

    async def _cancelled(self, waiting: _Waiting) -> None:
        """Tell a caller that was cancelled what became of its unit; a second cancellation ends the wait."""
        if waiting.sending is None:
            raise Withdrawn("the command was not done") from None
        await asyncio.wait({waiting.sending})
        if isinstance(waiting.outcome, Appended):
            raise DoneAnyway(waiting.outcome) from None
        if isinstance(waiting.outcome, Conflict | CommandIdReused):
            raise Withdrawn("the command was refused") from waiting.outcome

    async def close(self) -> None:
        """Finish what waits, then stop."""
        self._closing = True
        self._send_what_is_due()
        while self._under_way:
            await asyncio.wait(self._under_way)
            self._send_what_is_due()

    def _soon(self) -> None:
        """Look for what is to be sent once everybody who is awake has had a turn."""
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_soon(self._send_what_is_due)

    def _send_what_is_due(self) -> None:
        self._due = False
        while batch := self._take():
            footprint = Footprint()
            footprint.join(waiting.footprint for waiting in batch)
            task = asyncio.create_task(self._send(batch), name=f"group commit of {self._log.tenant}")
            for waiting in batch:
                waiting.sending = task
            self._under_way[task] = footprint
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        self._soon()

    def _share(self) -> int:
        """How many units the next transaction takes: half of all, as long as another one is under way."""
        on_their_way = sum(footprint.units for footprint in self._under_way.values())
        if len(self._under_way) == UNDER_WAY or (on_their_way and len(self._waiting) < on_their_way):
            return 0
        return min(max((len(self._waiting) + on_their_way + 1) // 2, SMALL), BATCH)

    def _take(self) -> list[_Waiting]:
        """The next units that depend neither on each other nor on those under way, as they arrived."""
        batch: list[_Waiting] = []
        later: list[_Waiting] = []
        share, ahead = self._share(), Footprint()
        footprints = [ahead, *self._under_way.values()]
        while self._waiting and len(batch) < share and len(later) < BATCH:
            waiting = self._waiting.popleft()
            if waiting.answer.cancelled():
                continue
            admitted = not any(footprint.touches(waiting.footprint) for footprint in footprints)
            (batch if admitted else later).append(waiting)
            ahead.join([waiting.footprint])
        self._waiting.extendleft(reversed(later))
        return batch

    async def _send(self, batch: list[_Waiting]) -> None:
        began = time.perf_counter()
        try:
            outcomes = await patiently(partial(self._log.append, [waiting.unit for waiting in batch]))
        except Exception as failure:
            if len(batch) > 1 and not unreachable(failure):
                for alone in batch:  # one unit's encoding error must not touch its neighbours
                    await self._send([alone])
                return
            for waiting in batch:
                waiting.fail(failure)
            return
        self.measured(len(batch), time.perf_counter() - began)
        for waiting, outcome in zip(batch, outcomes, strict=True):
            waiting.end(outcome)
        self.committed(max((o.position for o in outcomes if isinstance(o, Appended)), default=0))


class Footprint:
    """What units write and rely on, so that none goes out beside another that it depends on."""

    __slots__ = ("commands", "relied", "units", "written")

    def __init__(self) -> None:
        self.units = 0
        self.written: set[str] = set()
        self.relied: set[str] = set()
        self.commands: set[str] = set()

    def add(self, unit: Unit) -> None:
        self.units += 1
        self.written |= unit.writes
        self.relied |= unit.relies_on
        self.commands.update([k.command_id for k in unit.commands])

    def join(self, others: Iterable[Footprint]) -> None:
        for other in others:
            self.units += other.units
            self.written |= other.written
            self.relied |= other.relied
            self.commands |= other.commands

    def touches(self, other: Footprint) -> bool:
        return not (
            other.relied.isdisjoint(self.written)
            and other.written.isdisjoint(self.relied)
            and other.commands.isdisjoint(self.commands)
        )
