"""The embedded PostgreSQL survives whatever happens to it and to those who use it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from infra.postgres.programs import program
from infra.postgres.server import LOG_LIMIT, SETTINGS, PostgresError, running

HASTY = {"fsync": "off"}
PROJECT = Path(__file__).parents[2]
USER = """
import sys
from pathlib import Path
from infra.postgres.server import running

with running(Path(sys.argv[1]), settings={"fsync": "off"}) as dsn:
    print(dsn, flush=True)
    sys.stdin.read()
"""


@contextmanager
def empty_folder() -> Iterator[Path]:
    """A folder in which nothing of PostgreSQL is left alive afterwards."""
    with tempfile.TemporaryDirectory(prefix="kehu-") as name:
        yield Path(name).resolve()
        for process in psutil.process_iter(["name", "cwd"]):
            if process.info["name"] == "postgres" and str(process.info["cwd"]).startswith(name):
                with suppress(psutil.NoSuchProcess):
                    process.kill()


@pytest.fixture
def folder() -> Iterator[Path]:
    with empty_folder() as path:
        yield path


@pytest.fixture
def fresh(folder: Path) -> Path:
    """A data directory yet to be made."""
    return folder / "postgres"


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A data directory that was in use before."""
    with empty_folder() as path:
        with running(path / "postgres", settings=HASTY):
            pass
        yield path / "postgres"


@pytest.fixture
def data(made: Path, fresh: Path) -> Path:
    return copy(made, fresh)


def copy(made: Path, data: Path) -> Path:
    """To make a data directory takes a second, to copy one does not."""
    data.parent.mkdir(exist_ok=True)
    subprocess.run(["cp", "-a", str(made), str(data)], check=True)
    return data


def ask(dsn: str, statement: str) -> str:
    command = [program("psql"), dsn, "--no-psqlrc", "--tuples-only", "--no-align", "--command", statement]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def postmaster(data: Path) -> psutil.Process:
    return psutil.Process(int((data / "cluster" / "postmaster.pid").read_text().split()[0]))


def has_ended(process: psutil.Process) -> bool:
    """Within ten seconds; a zombie that nobody has buried yet counts too."""
    try:
        file = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([file], [], [], 10)[0])
    finally:
        os.close(file)


def spawn(data: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", USER, str(data)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT
    )


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@contextmanager
def another_process(data: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that uses the database until its input ends."""
    with spawn(data) as process:
        try:
            assert first_line(process).startswith("postgresql://")
            yield process
        finally:
            process.kill()


def test_serves_durably_and_alike_on_every_machine_to_its_user_alone(
    fresh: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGHOST", "nowhere.invalid")
    with running(fresh) as dsn:
        assert fresh.stat().st_mode & 0o777 == 0o700
        assert ask(dsn, "SELECT current_setting('fsync'), current_setting('listen_addresses')") == "on|"
        for name, value in SETTINGS.items():
            assert ask(dsn, f"SHOW {name}") == value
        assert ask(dsn, "SELECT lower('ÄÉ'), 'a' > 'B', current_setting('server_encoding')") == "äé|t|UTF8"
        server = postmaster(fresh)
    assert has_ended(server)


def test_stops_when_the_block_fails(data: Path) -> None:
    started: list[psutil.Process] = []

    def fail() -> None:
        with running(data, settings=HASTY):
            started.append(postmaster(data))
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert has_ended(started[0])


def test_last_one_out_stops_it(data: Path) -> None:
    with running(data, settings=HASTY) as dsn:
        server = postmaster(data)
        with another_process(data) as other:
            other.communicate()
        assert other.returncode == 0
        assert ask(dsn, "SELECT 1") == "1"
        assert postmaster(data) == server
    assert has_ended(server)


def test_first_one_out_leaves_it_to_the_others(data: Path) -> None:
    with running(data, settings=HASTY):
        other = spawn(data)
        dsn = first_line(other)
    with other:
        server = postmaster(data)
        assert ask(dsn, "SELECT 1") == "1"
        other.communicate()
    assert has_ended(server)


def test_many_who_start_at_once_share_one(fresh: Path) -> None:
    others = [spawn(fresh) for _ in range(4)]
    started = {ask(first_line(other), "SELECT pg_postmaster_start_time()") for other in others}
    server = postmaster(fresh)
    for other in others:
        with other:
            other.communicate()
            assert other.returncode == 0
    assert len(started) == 1
    assert has_ended(server)


def test_a_server_whose_user_was_killed_is_adopted(data: Path) -> None:
    with another_process(data) as other:
        server = postmaster(data)
        other.kill()
        other.wait()
    with running(data, settings=HASTY) as dsn:
        assert postmaster(data) == server
        assert ask(dsn, "SELECT 1") == "1"
    assert has_ended(server)


def test_a_killed_server_recovers_what_was_committed(data: Path) -> None:
    with running(data) as dsn:
        ask(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        server = postmaster(data)
        server.kill()
        assert has_ended(server)
    with running(data, settings=HASTY) as dsn:
        assert ask(dsn, "SELECT answer FROM kept") == "42"


def test_all_killed_at_once_recovers_too(data: Path) -> None:
    with another_process(data) as other:
        ask(f"postgresql://postgres@/postgres?host={data}", "CREATE TABLE kept AS SELECT 42 AS answer")
        server = postmaster(data)
        processes = [server, *server.children(), psutil.Process(other.pid)]
        for process in processes:
            process.kill()
        assert all(has_ended(process) for process in processes)
    with running(data, settings=HASTY) as dsn:
        assert ask(dsn, "SELECT answer FROM kept") == "42"


def test_a_stale_pid_file_that_names_another_program_hinders_nothing(data: Path) -> None:
    owner = data.stat() if os.geteuid() == 0 else None
    with subprocess.Popen(
        ["cat"], stdin=subprocess.PIPE, user=owner and owner.st_uid, group=owner and owner.st_gid
    ) as stranger:
        for left in (
            f"{stranger.pid}\n{data}/cluster\n1\n5432\n{data}\n\n  1  1\nready\n",
            f"{stranger.pid}\n",
            "",
        ):
            (data / "cluster" / "postmaster.pid").write_text(left)
            (data / ".s.PGSQL.5432.lock").write_text(left)
            with running(data, settings=HASTY) as dsn:
                assert ask(dsn, "SELECT 1") == "1"
        assert stranger.poll() is None


def test_a_half_made_cluster_is_made_anew(fresh: Path) -> None:
    half = fresh / "cluster.new-half"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    (fresh / "start.lock").touch()
    with running(fresh, settings=HASTY) as dsn:
        assert ask(dsn, "SELECT 1") == "1"
    assert not half.exists()


def test_a_path_too_long_for_a_socket_is_no_hindrance(made: Path, folder: Path) -> None:
    data = copy(made, folder / ("客户" * 20) / "a b, c%20'd'")
    with running(data, settings=HASTY) as dsn:
        assert ask(dsn, "SELECT 1") == "1"
        directory = Path(
            ask(dsn, "SELECT setting FROM pg_settings WHERE name = 'unix_socket_directories'")[1:-1]
        )
        assert directory.stat().st_mode & 0o777 == 0o700
    directory.rmdir()


def test_a_failure_is_told_in_one_line_with_the_log_below(data: Path) -> None:
    with pytest.raises(PostgresError) as caught, running(data, settings={**HASTY, "shared_buffers": "much"}):
        pass
    assert caught.value.reason.count("\n") == 0
    assert 'invalid value for parameter "shared_buffers": "much"' in caught.value.reason


def test_a_folder_with_other_files_is_left_alone(folder: Path) -> None:
    (folder / "thesis.txt").touch()
    mode = folder.stat().st_mode
    with pytest.raises(PostgresError, match="holds other files"), running(folder):
        pass
    assert folder.stat().st_mode == mode


def test_a_long_log_is_put_aside(data: Path) -> None:
    with (data / "postgres.log").open("r+b") as log:
        log.truncate(LOG_LIMIT + 1)
    with running(data, settings=HASTY):
        assert (data / "postgres.log").stat().st_size < LOG_LIMIT
    assert (data / "postgres.log.1").stat().st_size > LOG_LIMIT


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
def test_as_root_the_server_may_pass_through_folders_but_not_read_them(made: Path, folder: Path) -> None:
    private = folder / "private"
    private.mkdir(mode=0o700)
    data = copy(made, private / "postgres")
    reports: list[str] = []
    with running(data, settings=HASTY, report=reports.append) as dsn:
        assert ask(dsn, "SELECT 1") == "1"
    assert private.stat().st_mode & 0o777 == 0o701
    assert [report for report in reports if str(private) in report]
