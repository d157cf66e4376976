"""The database comes to the program's version however many start at once, and is never taken back."""

from __future__ import annotations

import asyncio
import sys

import asyncpg
import pytest

from infra.database import DatabaseTooNew, connected, migrate, migrations

MIGRATE = "import asyncio, sys; from infra.database import migrate; print(asyncio.run(migrate(sys.argv[1])))"


async def empty(database: str) -> asyncpg.Connection:
    """A connection to the database, from which all that was migrated is gone."""
    connection = await asyncpg.connect(database)
    await connection.execute("DROP SCHEMA kehu CASCADE; DROP SCHEMA kehu_views CASCADE")
    return connection


async def test_processes_that_migrate_at_once(database: str) -> None:
    connection = await empty(database)
    starts = (
        asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, database, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(3)
    )
    processes = [await start for start in starts]
    said = [(await process.communicate())[0] for process in processes]
    newest = max(migrations())
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert said == [f"{newest}\n".encode()] * 3
    applied = await connection.fetch("SELECT number FROM kehu.migrations ORDER BY number")
    assert [row["number"] for row in applied] == list(migrations())
    await connection.close()


async def test_a_migrated_database_stays_as_it_is(database: str) -> None:
    async with connected(database) as pool:
        before = await pool.fetch("SELECT * FROM kehu.migrations ORDER BY number")
        await pool.execute("INSERT INTO kehu.heads (tenant) VALUES ('main')")
        assert await migrate(database) == max(migrations())
        assert await pool.fetch("SELECT * FROM kehu.migrations ORDER BY number") == before
        assert await pool.fetchval("SELECT count(*) FROM kehu.heads") == 1


async def test_a_newer_database_is_refused(database: str) -> None:
    async with connected(database) as pool:
        newer = max(migrations()) + 1
        await pool.execute("INSERT INTO kehu.migrations (number) VALUES ($1)", newer)
    with pytest.raises(DatabaseTooNew, match=f"has version {newer}.*update the program"):
        await migrate(database)


async def test_a_migration_that_fails_leaves_nothing(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = await empty(database)
    known = migrations()
    broken = {**known, max(known) + 1: "CREATE TABLE kehu.half (id int); SELECT 1/0"}
    monkeypatch.setattr("infra.database.migrations", lambda: broken)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database)
    assert await connection.fetchval("SELECT to_regclass('kehu.events')") is None
    await connection.close()
    monkeypatch.setattr("infra.database.migrations", lambda: known)
    assert await migrate(database) == max(known)


async def test_days_are_those_of_utc_wherever_the_program_runs(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "Asia/Shanghai")
    async with connected(database) as pool:
        assert await pool.fetchval("SELECT '2026-03-02T23:30Z'::timestamptz::date::text") == "2026-03-02"
