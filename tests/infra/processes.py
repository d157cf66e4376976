"""Processes of a test: what they say, line by line, until they end, are told to, or are killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).parents[2]
LONGEST_LINE = 1 << 20  # bytes


class Process:
    """A running module; every whole line that it says is heard, a last one that is cut off is not."""

    def __init__(self, process: asyncio.subprocess.Process, heard: Callable[[str], None]) -> None:
        self._process, self._heard = process, heard
        self._listening = asyncio.create_task(self._listen())

    @property
    def running(self) -> bool:
        return not self._listening.done()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):
                self._heard(line.decode().rstrip("\n"))
        self._heard("")

    def tell_to_end(self) -> None:
        """Close its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        if self._process.returncode is None:
            self._process.send_signal(number)

    async def ended(self) -> int:
        """Its exit code, once everything that it said was heard."""
        await self._listening
        return await self._process.wait()


async def start(module: str, *arguments: object, heard: Callable[[str], None]) -> Process:
    """Run a module of the tests; `heard` gets its lines, and an empty one when it has ended."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *map(str, arguments), cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LONGEST_LINE,
    )  # fmt: skip
    return Process(process, heard)


class Writer:
    """A running `tests.infra.writer`, and what its clients were told."""

    def __init__(self, heard: Callable[[], None]) -> None:
        self.process: Process
        self.told: list[str] = []
        self._heard = heard

    def hear(self, line: str) -> None:
        if line:
            self.told.append(line)
        self._heard()

    @property
    def running(self) -> bool:
        return self.process.running

    def kill(self) -> None:
        self.process.kill()

    async def ended(self) -> int:
        return await self.process.ended()


async def start_writer(
    dsn: str,
    name: str,
    *,
    clients: int,
    commands: int,
    streams: int,
    seed: int,
    heard: Callable[[], None] = lambda: None,
) -> Writer:
    writer = Writer(heard)
    writer.process = await start(
        "tests.infra.writer", dsn, name, clients, commands, streams, seed, heard=writer.hear
    )
    return writer


async def input_closed() -> None:
    """In a process: returns once it was told to end, or whoever started it is gone."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
