"""Verifying: does the whole log, archives included, say what its tables promise?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from infra.archive.files import Archive, ArchiveUnreadable, Row, archives, digest_of
from infra.log.log import Log
from infra.log.reading import NAMES, PAGE

POSITION, STREAM, VERSION, RECORDED_AT = 0, 1, 2, 3
NAME, COMMAND_ID = NAMES.index("name"), NAMES.index("command_id")

Progress = Callable[[int, int], None]
"""Called with how far it is, and where the log ends."""


async def verify(log: Log, progress: Progress = lambda done, total: None) -> AsyncIterator[str]:
    """One line for each fault of a tenant's log up to its head; memory grows with its streams alone."""
    head, walk, after = await log.head(), _Walk(), 0
    for archive in await archives(log.pool, log.tenant):
        if fault := await asyncio.to_thread(damage, archive):
            yield fault
            return
    while after < head:
        try:
            rows = await log.read_rows(after, until=min(after + PAGE, head))
        except ArchiveUnreadable as error:
            yield str(error)
            return
        keys = await log.keyring(rows)
        faults = walk.faults(rows, after, min(after + PAGE, head), partial(log.unsealed, keys=keys))
        for fault in [*faults, *await _results(log, rows)]:
            yield fault
        after = min(after + PAGE, head)
        progress(after, head)
    for fault in await _versions(log, walk.versions, head):
        yield fault


def damage(archive: Archive) -> str | None:
    """What is wrong with an archive's file."""
    where = f"archive of positions {archive.first} to {archive.last}"
    try:
        intact = digest_of(Path(archive.path)) == archive.digest
    except OSError as error:
        return f"{where}: {error}"
    return None if intact else f"{where}: {archive.path} is not what was archived: its digest differs"


class _Walk:
    """What the events so far say about the next one."""

    def __init__(self) -> None:
        self.versions: dict[str, int] = {}
        self._recorded_at = datetime.min.replace(tzinfo=UTC)

    def faults(
        self, rows: Sequence[Row], after: int, until: int, decode: Callable[[Row], object]
    ) -> Iterator[str]:
        due = after + 1
        for row in rows:
            if row[POSITION] != due:
                yield _missing(due, row[POSITION] - 1)
            due = row[POSITION] + 1
            yield from self._faults_of(row, decode)
        if due <= until:
            yield _missing(due, until)

    def _faults_of(self, row: Row, decode: Callable[[Row], object]) -> Iterator[str]:
        stream, version = row[STREAM], row[VERSION]
        if version != (expected := self.versions.get(stream, 0) + 1):
            yield f"position {row[POSITION]}: version {version} of {stream}, {expected} was due"
        if row[RECORDED_AT] <= self._recorded_at:
            yield f"position {row[POSITION]}: recorded no later than the event before it"
        try:
            decode(row)
        except Exception as error:
            yield f"position {row[POSITION]}: {row[NAME]} cannot be decoded: {type(error).__name__} {error}"
        self.versions[stream], self._recorded_at = version, row[RECORDED_AT]


def _missing(first: int, last: int) -> str:
    return f"positions {first} to {last} are missing" if first < last else f"position {first} is missing"


async def _results(log: Log, rows: Sequence[Row]) -> list[str]:
    """Events that lie outside the result of their command, or that differ from it where it ends."""
    known = await log.pool.fetch(
        "SELECT command_id, position, events, recorded_at FROM kehu.commands"
        " WHERE tenant = $1 AND command_id = ANY ($2)",
        log.tenant,
        list({row[COMMAND_ID] for row in rows}),
    )
    results = {result["command_id"]: result for result in known}
    return [
        f"position {row[POSITION]}: does not fit the result of its command {row[COMMAND_ID]!r}"
        for row in rows
        if not _fits(row, results.get(row[COMMAND_ID]))
    ]


def _fits(row: Row, result: Any) -> bool:
    if result is None or not 0 <= result["position"] - row[POSITION] < result["events"]:
        return False
    return row[POSITION] < result["position"] or bool(row[RECORDED_AT] == result["recorded_at"])


async def _versions(log: Log, walked: dict[str, int], head: int) -> list[str]:
    """Streams whose version in kehu.streams is not that of their last event."""
    faults, after = [], ""
    while rows := await log.pool.fetch(
        "SELECT stream, version FROM kehu.streams WHERE tenant = $1 AND stream > $2 ORDER BY stream LIMIT $3",
        log.tenant,
        after,
        PAGE,
    ):
        for stream, version in rows:
            if walked.pop(stream, 0) != version and await _unchanged(log, stream, head):
                faults.append(f"stream {stream}: its version is {version}, its events say otherwise")
        after = rows[-1]["stream"]
    return faults + [f"stream {stream}: has events, but no version" for stream in walked]


async def _unchanged(log: Log, stream: str, head: int) -> bool:
    """Whether nobody has appended to the stream while the log was being read."""
    newer = "SELECT FROM kehu.events WHERE tenant = $1 AND stream = $2 AND position > $3"
    return not await log.pool.fetchval(f"SELECT EXISTS ({newer})", log.tenant, stream, head)
