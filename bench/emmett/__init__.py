"""Emmett, the event store for Node.js."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from bench import node


def command(told: Callable[[str], None], cache: Path | None = None) -> Sequence[str]:
    """The command for a process of clients; empty where it cannot be had."""
    return node.command("Emmett", Path(__file__).parent, "append.mjs", told, cache)
