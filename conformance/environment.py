"""Each tool's own environment: installed once from its lock file, into the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.checks import NPM, Check

CACHE = Path.home() / ".cache" / "kehu-conformance"
PATIENCE = 600
"""Seconds for a registry."""


class NotInstalled(Exception):
    """A tool's environment cannot be made."""


class Environment:
    """A check's folder, copied to where its packages are."""

    def __init__(self, check: Check, cache: Path = CACHE) -> None:
        self.check = check
        digest = hashlib.sha256(check.lock.read_bytes()).hexdigest()[:12]
        self.directory = cache / f"{check.name}-{digest}"

    @property
    def command(self) -> Sequence[str]:
        if self.check.lock.name == NPM:
            return (_found("node"), "check.mjs")
        return (str(self.directory / ".venv" / "bin" / "python"), "check.py")

    def prepare(self) -> None:
        """Install what is locked, once, and bring the check's own files. Raises `NotInstalled`."""
        try:
            if not (self.directory / "installed").exists():
                self._install()
            shutil.copytree(self.check.folder, self.directory, dirs_exist_ok=True)
        except (OSError, subprocess.SubprocessError) as failure:
            told = getattr(failure, "stderr", None) or str(failure)
            raise NotInstalled(str(told).strip().splitlines()[-1]) from failure

    def _install(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(self.check.folder, self.directory)
        if self.check.lock.name == NPM:
            self._do(_found("npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
        else:
            uv = str(Path(sys.executable).with_name("uv"))
            self._do(uv, "venv", "--quiet", "--python", sys.executable, ".venv")
            python = str(self.directory / ".venv" / "bin" / "python")
            self._do(
                uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, self.check.lock.name
            )
        (self.directory / "installed").touch()

    def _do(self, *command: str) -> None:
        subprocess.run(
            command, cwd=self.directory, check=True, timeout=PATIENCE, capture_output=True, text=True
        )

    def run(self, seconds: float, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the check's script; what it says goes into `output.txt` beside it, too."""
        done = subprocess.run(
            self.command,
            cwd=self.directory,
            env={**os.environ, **variables, "NO_COLOR": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        (self.directory / "output.txt").write_text(done.stdout, encoding="utf-8")
        return done


def _found(program: str) -> str:
    """Where a program is. Raises `OSError`."""
    where = shutil.which(program)
    if where is None:
        raise OSError(f"there is no {program} on this machine")
    return where
