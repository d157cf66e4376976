"""Emmett, the event store for Node.js: installed from npm on first use, into the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).parent
FILES = ("package.json", "package-lock.json", "append.mjs")
PATIENCE = 120
"""Seconds for the registry."""


def command(told: Callable[[str], None], cache: Path | None = None) -> Sequence[str]:
    """The command for a process of clients; empty, with a word why, where npm or its registry is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        told("Emmett is left out: there is no npm")
        return ()
    directory = (cache or Path.home() / ".cache" / "kehu-bench") / f"emmett-{_digest()}"
    try:
        if not (directory / "node_modules").exists():
            _install(npm, directory)
    except (OSError, subprocess.SubprocessError) as failure:
        told(f"Emmett is left out: {failure}")
        return ()
    return (node, str(directory / "append.mjs"))


def _digest() -> str:
    return hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:12]


def _install(npm: str, directory: Path) -> None:
    new = directory.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for name in FILES:
        shutil.copy(HERE / name, new)
    quiet = ["--no-audit", "--no-fund", "--silent", "--ignore-scripts"]
    subprocess.run([npm, "ci", *quiet], cwd=new, check=True, timeout=PATIENCE)
    new.rename(directory)
