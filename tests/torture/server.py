"""A PostgreSQL server of its own that can be crashed and comes back, fsync on."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil

from infra.postgres.server import running


class Server:
    """Runs until the block ends, apart from its crashes."""

    def __init__(self, data: Path, stack: ExitStack) -> None:
        self._data, self._stack = data, stack
        self.dsn = stack.enter_context(running(data))

    async def crash(self) -> None:
        """SIGKILL for the postmaster and all its children at once; then it recovers and serves again."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        await asyncio.to_thread(self._stack.enter_context, running(self._data))

    def _processes(self) -> list[psutil.Process]:
        cluster = str((self._data / "cluster").resolve())
        found = [
            p for p in psutil.process_iter(["name", "cwd"]) if p.info == {"name": "postgres", "cwd": cluster}
        ]
        return sorted(found, key=lambda process: process.ppid() != 1)


@contextmanager
def server() -> Iterator[Server]:
    """A server in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="kehu-torture-") as directory, ExitStack() as stack:
        yield Server(Path(directory) / "postgres", stack)
