"""Writers in processes of their own, and what they said before they ended or were killed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).parents[2]


class Writer:
    """A running `tests.infra.writer`; `acknowledged` grows as it writes."""

    def __init__(self, process: asyncio.subprocess.Process, heard: Callable[[], None]) -> None:
        self._process, self._heard = process, heard
        self.acknowledged: list[str] = []
        self._listening = asyncio.create_task(self._listen())

    @property
    def running(self) -> bool:
        return not self._listening.done()

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.endswith(b"\n"):  # the last one may be cut off
                self.acknowledged.append(line.decode().strip())
                self._heard()
        self._heard()

    def kill(self) -> None:
        self._process.kill()

    async def ended(self) -> int:
        """Its exit code, once everything that it said was heard."""
        await self._listening
        return await self._process.wait()


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
    arguments = [dsn, name, *map(str, (clients, commands, streams, seed))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.infra.writer", *arguments, cwd=PROJECT, stdout=asyncio.subprocess.PIPE
    )
    return Writer(process, heard)
