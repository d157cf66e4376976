"""Clients in several processes, which begin a round together; and how much they get done in it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from domain.records import Record

PROJECT = Path(__file__).parent.parent
CLIENT = (sys.executable, "-m", "bench.client")


class Share(Record):
    """What the clients of one process do in a round."""

    writer: str
    """Who writes what: a name that the process knows."""
    dsn: str
    clients: int
    seconds: float
    tenant: str = "bench"
    first: int = 0
    """Customers of the clients of other processes, before those of this one."""
    apart: int = 1
    """The distance of two clients' customers."""
    events: int = 1
    """In one append."""

    def customer(self, place: int) -> str:
        return f"c{(self.first + place) * self.apart}"


class Lost(Exception):
    """A process of clients has ended; its own error output tells why."""


class Crowd:
    """Processes that wait for their share of a round; `crowd` makes and ends them."""

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        self._processes = processes

    async def rate(self, shares: Sequence[Share]) -> float:
        """Events a second of all together: each share in a process of its own."""
        return sum(map(float, await self.answers(shares)))

    async def answers(self, orders: Sequence[Record]) -> list[bytes]:
        """What each process says once it has done its order; all begin together."""
        busy = self._processes[: len(orders)]
        for process, order in zip(busy, orders, strict=True):  # one by one: they may create tables
            _tell(process, msgspec.json.encode(order))
            await _answer(process)
        for process in busy:
            _tell(process, b"go")
        return await asyncio.gather(*map(_answer, busy))

    async def split(self, share: Share, processes: int) -> float:
        """The rate of a share whose clients are spread over some processes."""
        each = share.clients // processes
        shares = [
            msgspec.structs.replace(share, clients=each, first=number * each) for number in range(processes)
        ]
        return await self.rate(shares)


@asynccontextmanager
async def crowd(processes: int, *command: str) -> AsyncIterator[Crowd]:
    """Processes of the command, by default of `bench.client`; ended with the block."""
    async with AsyncExitStack() as stack:
        yield Crowd([await stack.enter_async_context(_process(command or CLIENT)) for _ in range(processes)])


@asynccontextmanager
async def _process(command: Sequence[str]) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdin=pipe, stdout=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def _tell(process: asyncio.subprocess.Process, line: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(line + b"\n")


async def _answer(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    if not (line := await process.stdout.readline()):
        raise Lost("a process of clients has ended")
    return line
