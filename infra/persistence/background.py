"""The event loop, in a thread of its own, on which synchronous callers' work is done."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from eventsourcing.persistence import InterfaceError

T = TypeVar("T")


class Background:
    """A running event loop; it lasts as long as the process."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self.loop.run_forever, name="kehu persistence", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work there and wait for its result; a caller that is interrupted takes it back."""
        if os.getpid() != self._process:
            work.close()
            raise InterfaceError("opened before the process was forked: open it again")
        if threading.current_thread() is self._thread:
            work.close()
            raise InterfaceError("called from within work that it would wait for: await instead")
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise


_lock = threading.Lock()
_background: Background | None = None


def background() -> Background:
    """The one of this process."""
    global _background
    with _lock:
        if _background is None:
            _background = Background()
        return _background


def _forked() -> None:
    global _background, _lock
    _background, _lock = None, threading.Lock()


os.register_at_fork(after_in_child=_forked)
