"""Exports the log: a directory of Parquet files, one for each range of positions, that grows with the log."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.records import Record
from infra.arrow import arrow
from infra.export.columns import EVENT, Columns
from infra.export.files import PART, ParquetSink, whole
from infra.log.log import Log
from infra.log.reading import NAMES
from projections.view import Field

PAGE = 16_384
"""Events in one page, which is a row group: what is in memory at most."""
TENANT = Field(name="tenant", type=str, doc="Whose log it is.")
FIELDS = (TENANT, *EVENT)

Progress = Callable[[int, int], None]
"""Called with the position that is reached, and the last one that is wanted."""


class NotItsExport(Exception):
    """The directory holds, or is getting, something else."""


class File(Record):
    """One range: the positions first <= position <= last, of which the file is to hold all."""

    path: Path
    first: int
    last: int


async def export_log(
    log: Log, directory: Path, until: int, progress: Progress = lambda done, total: None
) -> list[Path]:
    """Bring a directory up to a position; the files that were written.

    A file whose range has grown is replaced at one stroke, so no position is ever there twice. Raises
    `NotItsExport`, `ArrowMissing`, `ArchiveUnreadable`, `OSError`.
    """
    await asyncio.to_thread(directory.mkdir, parents=True, exist_ok=True)
    written = []
    with _alone(directory):
        for file in await _missing(log, await _files(log, directory, until)):
            await _write(log, file, until, progress)
            written.append(file.path)
    return written


async def _files(log: Log, directory: Path, until: int) -> list[File]:
    """The files up to a position, in order, cut as archives are."""
    size = await log.pool.fetchval("SELECT kehu.range_size()")
    firsts = range(0, until + 1, size) if until else []
    files = [
        File(
            path=directory / f"events-{first or 1:015}.parquet",
            first=first or 1,
            last=min(first + size - 1, until),
        )
        for first in firsts
    ]
    await asyncio.to_thread(_require_no_others, directory, files)
    return files


def _require_no_others(directory: Path, files: list[File]) -> None:
    last = files[-1].last if files else 0
    for path in sorted({*directory.glob("*.parquet")} - {file.path for file in files}):
        raise NotItsExport(f"{path} does not belong there, or is later than position {last}")


async def _missing(log: Log, files: list[File]) -> list[File]:
    """Those that are not there, or hold less than they should; the others belong to this very log."""
    missing = []
    for file in files:
        last = await asyncio.to_thread(_last, file, log.tenant)
        if last is None or last[0] < file.last:
            missing.append(file)
        if last is not None and last != await _end(log, last[0]):
            raise NotItsExport(f"{file.path} is of another log: choose another directory")
        if last is not None and last[0] > file.last:
            raise NotItsExport(f"{file.path} goes to position {last[0]}, further than is wanted")
    return missing


def _last(file: File, tenant: str) -> tuple[int, str] | None:
    """The last position that a file holds, and when it was recorded; None where there is no file."""
    if not file.path.exists():
        return None
    pa, _, parquet = arrow()
    try:
        said = parquet.read_schema(file.path).metadata or {}
        if (said[b"kehu.tenant"].decode(), int(said[b"kehu.first"])) != (tenant, file.first):
            raise NotItsExport(f"{file.path} is of another tenant or range: choose another directory")
        return int(said[b"kehu.last"]), said[b"kehu.recorded_until"].decode()
    except (KeyError, pa.ArrowException) as error:
        raise NotItsExport(f"{file.path} is no export of a log: choose another directory") from error


async def _end(log: Log, position: int) -> tuple[int, str] | None:
    """A position and when it was recorded; None where the log does not go so far."""
    rows = await log.read_rows(position - 1, until=position)
    return (position, rows[0][NAMES.index("recorded_at")].isoformat()) if rows else None


async def _write(log: Log, file: File, until: int, progress: Progress) -> None:
    end = await _end(log, file.last)
    assert end is not None
    about = {
        "tenant": log.tenant,
        "first": str(file.first),
        "last": str(file.last),
        "recorded_until": end[1],
    }
    with whole(file.path) as out:
        sink = ParquetSink(out, Columns(FIELDS, about, ("tenant", "position")))
        for after in range(file.first - 1, file.last, PAGE):
            rows = await log.read_rows(after, until=min(after + PAGE, file.last), limit=PAGE)
            await asyncio.to_thread(sink.write, [(log.tenant, *row) for row in rows])
            progress(after + len(rows), until)
        sink.close()


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Nobody else exports into the directory; what a killed run has left there is removed."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        _lock(descriptor, directory)
        for left in directory.glob(f".events-*{PART}"):
            left.unlink()
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, directory: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotItsExport(f"{directory} is being exported to by another process") from None
