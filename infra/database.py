"""How Kehu reaches PostgreSQL: one pool without session state, and migrations that only go forward."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import asyncpg

from infra import tracing

Pool = asyncpg.Pool
Connection = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

MIGRATION = re.compile(r"^(?P<number>\d{4})_\w+\.sql$")
MIGRATING = 0x6B656875  # the key of the advisory lock: 'kehu' in ASCII
SETTINGS = {"jit": "off", "timezone": "UTC"}
"""Of every session; the zone decides which day a moment is cast to, and how digests write it."""

IDLE = "20s"
"""How long an open transaction may wait for its process before PostgreSQL ends its session."""


class DatabaseTooNew(Exception):
    """The database was migrated by a newer program."""


async def open_pool(dsn: str, *, size: int = 10) -> Pool:
    """A pool of at most `size` connections that leaves no session state behind between transactions."""
    return await asyncpg.create_pool(
        dsn,
        min_size=0,  # asyncpg itself logs a traceback where it cannot keep a floor
        max_size=size,
        reset=_keep,
        init=_prepare,
        server_settings=SETTINGS,
        max_cacheable_statement_size=0,  # prepare long statements once, too: planning them takes a while
    )


@asynccontextmanager
async def connected(dsn: str, *, size: int = 10) -> AsyncIterator[Pool]:
    """A pool on a migrated database, closed at the end."""
    await migrate(dsn)
    pool = await open_pool(dsn, size=size)
    try:
        yield pool
    finally:
        await pool.close()


async def _keep(connection: Any) -> None:
    """Nothing to reset: Kehu sets nothing that outlives a transaction."""


async def _prepare(connection: Connection) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", encoder=lambda text: text, decoder=lambda text: text, format="text"
    )
    if tracing.is_on():
        connection.add_query_logger(tracing.statement)


def migrations() -> dict[int, str]:
    """Every migration's SQL by number."""
    found = {}
    for path in files("infra.migrations").iterdir():
        if match := MIGRATION.match(path.name):
            found[int(match["number"])] = path.read_text(encoding="utf-8")
    return dict(sorted(found.items()))


async def migrate(dsn: str) -> int:
    """Bring the schema up to this program's version, and answer with it; safe when two start at once.

    Raises `DatabaseTooNew` where the database is ahead of the program.
    """
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction():
            await lock_definitions(connection)
            return await _migrate(connection)
    finally:
        await connection.close()


async def let_go(connection: Connection) -> None:
    """Others wait for this transaction: it ends where its process has stopped or its machine is gone."""
    await connection.execute(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE}'")


async def lock_definitions(connection: Connection) -> None:
    """Until the transaction ends, nobody else defines tables."""
    await let_go(connection)
    await connection.execute("SELECT pg_advisory_xact_lock($1)", MIGRATING)


async def _migrate(connection: Connection) -> int:
    known = migrations()
    await connection.execute("CREATE SCHEMA IF NOT EXISTS kehu")
    await connection.execute("CREATE SCHEMA IF NOT EXISTS kehu_views")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS kehu.migrations"
        " (number integer PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
    )
    done = await connection.fetchval("SELECT coalesce(max(number), 0) FROM kehu.migrations")
    if done > max(known):
        raise DatabaseTooNew(
            f"the database has version {done}, this program knows {max(known)}: update the program"
        )
    for number, statements in known.items():
        if number > done:
            await connection.execute(statements)
            await connection.execute("INSERT INTO kehu.migrations (number) VALUES ($1)", number)
    return max(known)
