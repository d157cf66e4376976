"""Archive files: a range of a tenant's log as Parquet, every column as PostgreSQL held it."""

from __future__ import annotations

import hashlib
import os
from bisect import bisect_right
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote

from domain.records import Record
from infra.arrow import arrow
from infra.database import Pool

GROUP = 16_384
"""Events in one row group: what a reader decodes at least."""
FIELDS: Mapping[str, str] = {
    "tenant": "string",
    "position": "int64",
    "stream": "string",
    "version": "int32",
    "name": "string",
    "schema": "int16",
    "recorded_at": "time",
    "occurred_at": "time",
    "customer_id": "string",
    "command_id": "string",
    "actor": "string",
    "on_behalf_of": "string",
    "causation_id": "string",
    "correlation_id": "string",
    "source": "string",
    "data": "binary",
}
"""The columns of a file and their types, as those of kehu.events; times are microseconds in UTC."""

Row = Sequence[Any]


class ArchiveUnreadable(Exception):
    """Archived events are asked for, and cannot be read."""


class Archive(Record):
    """Where the events first <= position <= last of a tenant lie, and when the last was recorded."""

    first: int
    last: int
    recorded_until: datetime
    path: str
    digest: bytes


class Asked(Record):
    """Which archived events: after < position <= until, and each column in `where` has one of its values."""

    where: Mapping[str, Sequence[Any]] = {}
    after: int = 0
    until: int = 2**62
    limit: int | None = None
    backwards: bool = False


async def archives(pool: Pool, tenant: str) -> list[Archive]:
    """All archives of a tenant, in the order of their positions."""
    rows = await pool.fetch(
        "SELECT first, last, recorded_until, path, digest FROM kehu.archives"
        " WHERE tenant = $1 ORDER BY first",
        tenant,
    )
    return [Archive(**row) for row in rows]


def find(known: Sequence[Archive], asked: Asked, columns: Sequence[str]) -> list[Row]:
    """The archived events that were asked for, in order (or from the end), as rows of these columns.

    Raises `ArchiveUnreadable`.
    """
    found: list[Row] = []
    for archive in reversed(known) if asked.backwards else known:
        for rows in _found(archive, asked, columns):
            found += rows
            if asked.limit is not None and len(found) >= asked.limit:
                return found[: asked.limit]
    return found


def _found(archive: Archive, asked: Asked, columns: Sequence[str]) -> Iterator[list[Row]]:
    """Row group by row group; positions are dense, so that they tell in which group an event lies."""
    low, high = max(asked.after + 1, archive.first), min(asked.until, archive.last)
    if low > high:
        return
    pa, _, parquet = arrow()
    groups = range((low - archive.first) // GROUP, (high - archive.first) // GROUP + 1)
    try:
        with parquet.ParquetFile(archive.path) as file:
            for group in reversed(groups) if asked.backwards else groups:
                yield _rows(file, group, low, high, asked, columns)
    except (OSError, pa.ArrowException) as error:
        raise ArchiveUnreadable(
            f"the archive of the positions {archive.first} to {archive.last} cannot be read: {error}"
        ) from error


def _rows(file: Any, group: int, low: int, high: int, asked: Asked, columns: Sequence[str]) -> list[Row]:
    """The columns that decide are read first, the others only where something was found."""
    pa, compute, _ = arrow()
    deciding = file.read_row_group(group, columns=["position", *asked.where])
    place = deciding["position"]
    mask = compute.and_(compute.greater_equal(place, low), compute.less_equal(place, high))
    for column, values in asked.where.items():
        one_of = compute.is_in(deciding[column], value_set=pa.array(values, deciding[column].type))
        mask = compute.and_(mask, one_of)
    if not compute.any(mask).as_py():
        return []
    table = file.read_row_group(group, columns=list(columns)).filter(mask)
    rows: list[Row] = list(zip(*(table[column].to_pylist() for column in columns), strict=True))
    return rows[::-1] if asked.backwards else rows


def archived_at(known: Sequence[Archive], moment: datetime) -> int:
    """The last archived position that was recorded at or before the moment. Raises `ArchiveUnreadable`."""
    done = 0
    for archive in known:
        if moment < archive.recorded_until:
            times = find([archive], Asked(), ["recorded_at"])
            return done + bisect_right(times, moment, key=lambda row: row[0])
        done = archive.last
    return done


async def write(
    directory: Path, tenant: str, first: int, last: int, pages: AsyncIterable[Sequence[Row]]
) -> tuple[Path, bytes]:
    """Write pages of `GROUP` rows of `FIELDS`; the file, safe on disk, and its digest."""
    pa, _, parquet = arrow()
    kinds = {"time": pa.timestamp("us", "UTC"), "string": pa.string(), "binary": pa.binary()}
    types = {name: kinds[kind] if kind in kinds else getattr(pa, kind)() for name, kind in FIELDS.items()}
    about = {"tenant": tenant, "first": str(first), "last": str(last)}
    schema = pa.schema(types, metadata={f"kehu.{name}": value for name, value in about.items()})
    with NamedTemporaryFile(dir=directory, suffix=".part") as part:
        with parquet.ParquetWriter(part, schema, compression="zstd") as writer:
            async for page in pages:
                arrays = [
                    pa.array(column, field.type)
                    for column, field in zip(zip(*page, strict=True), schema, strict=True)
                ]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema), row_group_size=GROUP)
        part.flush()
        os.fsync(part.fileno())
        digest = digest_of(Path(part.name))
        path = directory / f"{quote(tenant, safe='')}-{first}-{last}-{digest.hex()[:12]}.parquet"
        if not path.exists():  # else it is the same file, from a run that was interrupted
            os.link(part.name, path)
    sync(directory)
    return path, digest


def digest_of(path: Path) -> bytes:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def sync(directory: Path) -> None:
    """What has been named in the directory keeps its name after a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
