"""What tests of several floors need: a real PostgreSQL, and a fresh, migrated database for each test."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest

TEMPLATE, VIEWED = "kehu_template", "kehu_viewed"
HASTY = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "256MB", "synchronous_commit": "off"}
"""Nobody misses a test's data after a power cut."""
MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30
"""Where files are kept in memory, and how many bytes must be free there for a run's databases."""

_numbers = itertools.count(1)


def database_of(dsn: str, name: str) -> str:
    """The same server's database of that name."""
    return urlsplit(dsn)._replace(path=f"/{name}").geturl()


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """No workers for a few chosen tests: before the second had read all of them the first would be done."""
    chosen = config.getoption("keyword") or config.getoption("lf", False)
    return 0 if chosen or not all(Path(argument).is_dir() for argument in config.args) else None


def in_memory() -> Path | None:
    """Where a test's database, a thousand small files, is copied ten times as fast; None without room."""
    free = min(shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available) if MEMORY.is_dir() else 0
    return MEMORY if free > ROOM else None


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """An embedded PostgreSQL of this worker's own, as its superuser's DSN."""
    from infra.postgres.server import running

    with (
        tempfile.TemporaryDirectory(prefix="kehu-", dir=in_memory()) as directory,
        running(Path(directory) / "postgres", settings=HASTY) as dsn,
    ):
        yield dsn


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """A migrated, empty database to copy from, by name."""
    from infra.database import migrate

    async def prepare() -> None:
        await _execute(postgres, f"CREATE DATABASE {TEMPLATE}")
        await migrate(database_of(postgres, TEMPLATE))

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(prepare())
    return TEMPLATE


@pytest.fixture(scope="session")
def viewed(postgres: str, template: str) -> str:
    """A database to copy from, by name, where the tenant `main` has an empty log and all built-in views:
    to make their tables and indexes takes longer than most tests."""
    from infra.database import connected
    from infra.tenant import open_tenant
    from kehu.builtin import NAMES
    from projections.view import views

    async def build() -> None:
        await _execute(postgres, f"CREATE DATABASE {VIEWED} TEMPLATE {template}")
        declared = [views[name] for name in NAMES]
        async with (
            connected(database_of(postgres, VIEWED)) as pool,
            open_tenant(pool, "main", declared) as tenant,
        ):
            await tenant.projector.catch_up()

    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(build())
    return VIEWED


@asynccontextmanager
async def copied(postgres: str, template: str) -> AsyncIterator[str]:
    """A copy of a database, as a DSN, until the block ends."""
    name = f"test_{next(_numbers)}"
    await _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    yield database_of(postgres, name)
    await _execute(postgres, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def database(postgres: str, template: str) -> AsyncIterator[str]:
    """A fresh, migrated, empty database of this test's own, as a DSN."""
    async with copied(postgres, template) as dsn:
        yield dsn
