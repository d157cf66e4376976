"""Peers that run on Node.js: each installed from npm on first use, pinned, into the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

LOCKED = ("package.json", "package-lock.json")
PATIENCE = 120
"""Seconds for the registry."""


def command(
    peer: str, folder: Path, script: str, told: Callable[[str], None], cache: Path | None = None
) -> Sequence[str]:
    """The command that runs a peer's script; empty, with a word why, where npm or its registry is missing."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        told(f"{peer} is left out: there is no npm")
        return ()
    files = [folder / name for name in (*LOCKED, script)]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:12]
    directory = (cache or Path.home() / ".cache" / "kehu-bench") / f"{folder.name}-{digest}"
    try:
        if not (directory / "node_modules").exists():
            _install(npm, files, directory)
    except (OSError, subprocess.SubprocessError) as failure:
        told(f"{peer} is left out: {failure}")
        return ()
    return (node, str(directory / script))


def _install(npm: str, files: Sequence[Path], directory: Path) -> None:
    new = directory.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    for file in files:
        shutil.copy(file, new)
    quiet = ["--no-audit", "--no-fund", "--silent", "--ignore-scripts"]
    subprocess.run([npm, "ci", *quiet], cwd=new, check=True, timeout=PATIENCE)
    new.rename(directory)
