"""`kehu archive` and `kehu verify`, as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg

from infra.database import connected
from tests.infra.test_archive import SMALL_RANGES, filled
from tests.kehu.console import kehu


async def fill(database: str) -> None:
    async with connected(database) as pool:
        await pool.execute(SMALL_RANGES)
        await filled(pool, "main")


async def test_what_is_archived_is_verified_still(database: str, tmp_path: Path) -> None:
    await fill(database)
    done = kehu("archive", "--to", tmp_path / "old", "--until", "45", "--json", database=database)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    assert files == sorted(str(path) for path in (tmp_path / "old").iterdir())
    assert len(files) == 2
    again = kehu("archive", "--to", tmp_path / "old", "--until", "45", database=database)
    assert "no whole range" in again.stdout
    verified = kehu("verify", database=database)
    assert (verified.returncode, verified.stdout) == (0, "100 events, 0 faults\n")
    tomorrow = kehu("archive", "--to", tmp_path, "--before", "2999-01-01", "--json", database=database)
    assert len(json.loads(tomorrow.stdout)["files"]) == 3


async def test_a_fault_is_an_exit_code(database: str) -> None:
    await fill(database)
    connection = await asyncpg.connect(database)
    await connection.execute("DELETE FROM kehu.events WHERE position = 7")
    await connection.close()
    verified = kehu("verify", "--json", database=database)
    assert verified.returncode == 1
    assert json.loads(verified.stdout)["faults"][0] == "position 7 is missing"


async def test_a_bound_is_asked_for(database: str, tmp_path: Path) -> None:
    assert kehu("archive", "--to", tmp_path, database=database).returncode == 2
