"""Archiving: a tenant's old ranges leave PostgreSQL for Parquet files, each at one stroke."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg

from domain.events import decode
from domain.records import Record
from infra.archive.files import FIELDS, GROUP, Row, write
from infra.arrow import arrow
from infra.database import let_go
from infra.log.log import Log
from infra.log.sealing import unseal

PATIENCE = "2s"
"""How long the tables may be waited for: whoever comes after has to wait as well."""

Progress = Callable[[int, int], None]
"""Called with how many events are archived, and of how many."""


class Occupied(Exception):
    """A long transaction holds the events, or they are being archived by somebody else: try again later."""


class NotWhole(Exception):
    """The log is at fault: a position that should be archived is not there."""


class Range(Record):
    """A partition, and which of the tenant's positions lie in it."""

    partition: int
    first: int
    last: int


async def due(log: Log, until: int) -> list[Range]:
    """The whole ranges up to a position that are not archived yet and that every view has left behind."""
    rows = await log.pool.fetch(
        "SELECT r.first AS partition, greatest(r.first, 1) AS first, r.until - 1 AS last"
        "  FROM kehu.ranges r JOIN kehu.heads h ON h.tenant = $1"
        " WHERE r.until - 1 <= $2 AND r.until - 1 < h.position"
        "   AND r.until > (SELECT coalesce(max(last), 0) + 1 FROM kehu.archives WHERE tenant = $1)"
        "   AND NOT EXISTS (SELECT FROM kehu.builds b JOIN kehu.shards s USING (tenant, view, generation)"
        "        WHERE b.tenant = $1 AND b.retired_at IS NULL AND s.position < r.until)"
        " ORDER BY r.first",
        log.tenant,
        until,
    )
    return [Range(**row) for row in rows]


async def archive(
    log: Log, directory: Path, ranges: Sequence[Range], progress: Progress = lambda done, total: None
) -> list[Path]:
    """Move ranges, in order, into files of the directory (absolute); the files.

    Interrupted at any moment, a range is whole in PostgreSQL or whole in a registered file. Raises
    `Occupied`, `NotWhole`, and `UnknownEvent` where an event is of another program, whose readers know
    nothing of archives.
    """
    arrow()
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    total, paths = sum(r.last - r.first + 1 for r in ranges), []
    for wanted in ranges:
        pages = _pages(log, wanted)
        path, digest = await write(directory, log.tenant, wanted.first, wanted.last, pages)
        await _hand_over(log, wanted, path, digest)
        paths.append(path)
        progress(wanted.last - ranges[0].first + 1, total)
    return paths


async def _pages(log: Log, wanted: Range) -> AsyncIterator[Sequence[Row]]:
    after = wanted.first - 1
    while after < wanted.last:
        until = min(after + GROUP, wanted.last)
        page: Sequence[Any] = await log.pool.fetch(
            f"SELECT {', '.join(FIELDS)} FROM kehu.events"
            " WHERE tenant = $1 AND position > $2 AND position <= $3 ORDER BY position",
            log.tenant,
            after,
            until,
        )
        if len(page) != until - after:
            raise NotWhole(f"of the positions {after + 1} to {until} only {len(page)} are there")
        for row in page:
            decode(row["name"], row["schema"], unseal(row["name"], row["data"], None, ("", "", 0)))
        yield page
        after = until


async def _hand_over(log: Log, wanted: Range, path: Path, digest: bytes) -> None:
    """In one transaction the file is registered and the rows are gone; one tenant's after the other's."""
    try:
        async with log.pool.acquire() as connection, connection.transaction():
            await let_go(connection)
            await connection.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
            await connection.execute("LOCK TABLE kehu.archives IN SHARE ROW EXCLUSIVE MODE")
            status = await connection.execute(
                "INSERT INTO kehu.archives (tenant, first, last, recorded_until, path, digest)"
                " SELECT tenant, $2, position, recorded_at, $4, $5 FROM kehu.events"
                "  WHERE tenant = $1 AND position = $3",
                log.tenant,
                wanted.first,
                wanted.last,
                str(path),
                digest,
            )
            if status != "INSERT 0 1":
                raise Occupied(Occupied.__doc__)
            await connection.execute("SELECT kehu.clear_range($1, $2)", log.tenant, wanted.partition)
    except (
        asyncpg.LockNotAvailableError,
        asyncpg.DeadlockDetectedError,
        asyncpg.UniqueViolationError,
    ) as error:
        raise Occupied(f"{Occupied.__doc__} ({error})") from error
