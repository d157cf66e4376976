"""Verifying finds each fault of a log, and none in a whole one, archived or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.archive.archiving import archive, due
from infra.archive.verifying import verify
from infra.database import Pool, connected
from infra.log.log import Log
from tests.infra.test_archive import SMALL_RANGES, filled


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    async with connected(database) as opened:
        await opened.execute(SMALL_RANGES)
        yield opened


@pytest.fixture
async def log(pool: Pool) -> Log:
    return await filled(pool, "main")


async def faults(log: Log) -> list[str]:
    return [fault async for fault in verify(log)]


async def archived(log: Log, directory: Path) -> Path:
    return (await archive(log, directory, await due(log, 39)))[0]


async def test_a_whole_log_has_none(log: Log, tmp_path: Path) -> None:
    assert await faults(log) == []
    await archived(log, tmp_path)
    assert await faults(log) == []


async def test_no_keys_are_asked_for_where_nothing_is_sealed(log: Log) -> None:
    await log.pool.execute("DROP TABLE kehu.subject_keys")
    assert await faults(log) == []


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM kehu.events WHERE position IN (50, 51)", "positions 50 to 51 are missing"),
        ("DELETE FROM kehu.events WHERE position = 100", "position 100 is missing"),
        ("UPDATE kehu.events SET version = 9 WHERE position = 45", "position 45: version 9 of s-2"),
        ("UPDATE kehu.streams SET version = 99 WHERE stream = 's-5'", "stream s-5: its version is 99"),
        ("DELETE FROM kehu.streams WHERE stream = 's-5'", "stream s-5: has events, but no version"),
        (
            "UPDATE kehu.events SET recorded_at = recorded_at - interval '1 day' WHERE position = 60",
            "position 60: recorded no later",
        ),
        ("UPDATE kehu.events SET data = '{}' WHERE position = 60", "position 60: CustomerRegistered cannot"),
        ("UPDATE kehu.events SET name = 'Nothing' WHERE position = 60", "position 60: Nothing cannot"),
        ("DELETE FROM kehu.commands WHERE position = 60", "position 60: does not fit the result"),
        ("UPDATE kehu.commands SET events = 0 WHERE position = 60", "position 60: does not fit the result"),
    ],
)
async def test_a_fault_is_told(log: Log, tmp_path: Path, damage: str, told: str) -> None:
    await archived(log, tmp_path)
    await log.pool.execute(damage)
    assert any(fault.startswith(told) for fault in await faults(log))


async def test_a_file_that_was_changed(log: Log, tmp_path: Path) -> None:
    path = await archived(log, tmp_path)
    bytes_ = bytearray(path.read_bytes())
    bytes_[len(bytes_) // 2] ^= 1
    path.write_bytes(bytes_)
    assert "its digest differs" in (await faults(log))[0]


async def test_a_file_that_is_gone(log: Log, tmp_path: Path) -> None:
    (await archived(log, tmp_path)).unlink()
    assert (await faults(log))[0].startswith("archive of positions 1 to 19: ")
