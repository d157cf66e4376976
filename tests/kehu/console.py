"""Runs `kehu` as a user would: in this process where that is enough, else the installed command."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from kehu.cli import run

DATA = tempfile.TemporaryDirectory(prefix="kehu-data-")
"""Where local keys lie; gone when the tests end."""
KEHU = str(Path(sys.executable).with_name("kehu"))


def environment(database: str) -> dict[str, str]:
    """The environment of a command that works on this database."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("KEHU_")}
    return {**others, "KEHU_DATABASE_URL": database, "KEHU_DATA": DATA.name, "COLUMNS": "200"}


def kehu(*arguments: str | Path, database: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a thread of its own: it begins an event loop."""
    words = [str(argument) for argument in arguments]
    out, err = io.StringIO(), io.StringIO()
    with (
        patch.dict(os.environ, environment(database), clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
        ThreadPoolExecutor(1) as thread,
    ):
        code = thread.submit(run, words).result()
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())
