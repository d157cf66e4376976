"""A rehearsal of an import: a log that decides like the real one, and keeps what it is told to itself."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from domain.events import Event, Recorded, join
from infra.imports.ledger import Standing
from infra.imports.rejects import Rejection
from infra.log.log import Log
from infra.log.reading import recorded
from infra.log.units import Appended, NewEvent, Outcome, Unit

BEYOND = 2**40
"""Positions of events that are not in the log."""
SCHEMA = """
CREATE TABLE commands (id TEXT PRIMARY KEY, fingerprint BLOB) WITHOUT ROWID;
CREATE TABLE events (position INTEGER PRIMARY KEY, stream TEXT, version INTEGER, event BLOB);
CREATE INDEX streams ON events (stream, version);
CREATE TABLE tags (tag TEXT, position INTEGER, PRIMARY KEY (tag, position)) WITHOUT ROWID;
"""


class Rehearsal(Log):
    """The tenant's log, and what was appended to the rehearsal: on disk once it is much, and then gone."""

    def __init__(self, log: Log) -> None:
        super().__init__(log.pool, log.tenant)
        self._told = sqlite3.connect("")
        self._told.executescript(SCHEMA)
        self._events = 0
        self.made: Counter[str] = Counter()
        """Streams that would begin, by their category, such as `order`."""
        self.changed: Counter[str] = Counter()
        """Streams of the real log that would go on."""

    async def append(self, units: Sequence[Unit]) -> list[Outcome]:
        """No condition can fail: nobody else appends to a rehearsal."""
        return [self._append_unit(unit) for unit in units]

    def _append_unit(self, unit: Unit) -> Appended:
        self._count(unit)
        begin = BEYOND + self._events
        self._events += len(unit.events)
        with self._told:
            self._told.executemany(
                "INSERT INTO commands VALUES (?, ?)", [(c.command_id, c.fingerprint) for c in unit.commands]
            )
            self._told.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?)",
                [
                    (begin + n, event.stream, event.version, msgspec.msgpack.encode(event))
                    for n, event in enumerate(unit.events)
                ],
            )
            self._told.executemany(
                "INSERT OR IGNORE INTO tags VALUES (?, ?)",
                [(tag, begin + n) for n, event in enumerate(unit.events) for tag in event.tags],
            )
        return Appended(
            position=BEYOND + self._events,
            recorded_at=datetime.max,
            events=len(unit.events),
            stream=unit.commands[-1].stream,
            version=unit.commands[-1].version,
        )

    def _count(self, unit: Unit) -> None:
        for stream in {event.stream for event in unit.events}:
            if unit.expected[stream] == 0:
                self.made[stream.partition("-")[0]] += 1
            elif not self._select("SELECT 1 FROM events WHERE stream = ? LIMIT 1", stream):
                self.changed[stream.partition("-")[0]] += 1

    def _select(self, query: str, *arguments: object) -> list[Any]:
        return self._told.execute(query, arguments).fetchall()

    def _among(self, query: str, wanted: Sequence[str]) -> list[Any]:
        """The rows of a query that names the wanted texts as `SELECT value FROM json_each(?)`."""
        return self._select(query, json.dumps(list(wanted)))

    # --- As an engine sees the log ----------------------------------------------------------------

    async def known_commands(self, command_ids: Sequence[str]) -> set[str]:
        return {*await super().known_commands(command_ids), *self._fingerprints(command_ids)}

    async def fingerprints(self, command_ids: Sequence[str]) -> dict[str, bytes]:
        return {**await super().fingerprints(command_ids), **self._fingerprints(command_ids)}

    def _fingerprints(self, command_ids: Sequence[str]) -> dict[str, bytes]:
        query = "SELECT id, fingerprint FROM commands WHERE id IN (SELECT value FROM json_each(?))"
        return dict(self._among(query, command_ids))

    async def versions(self, streams: Sequence[str]) -> dict[str, int]:
        query = (
            "SELECT stream, max(version) FROM events"
            " WHERE stream IN (SELECT value FROM json_each(?)) GROUP BY stream"
        )
        return {**await super().versions(streams), **dict(self._among(query, streams))}

    async def read_streams(self, streams: Sequence[str]) -> dict[str, list[Recorded[Event]]]:
        found = await super().read_streams(streams)
        query = (
            "SELECT position, event FROM events"
            " WHERE stream IN (SELECT value FROM json_each(?)) ORDER BY stream, version"
        )
        for event in _decoded(self._among(query, streams)):
            found.setdefault(event.stream, []).append(event)
        return found

    async def read_tag(self, tag: str, *, after: int = 0, until: int | None = None) -> list[Recorded[Event]]:
        query = (
            "SELECT position, event FROM tags JOIN events USING (position)"
            " WHERE tag = ? AND position > ? ORDER BY position"
        )
        found = await super().read_tag(tag, after=after, until=until)
        return [*found, *_decoded(self._select(query, tag, after))]

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[Log]:
        """Nobody else appends to a rehearsal."""
        yield self


def _decoded(rows: Iterable[tuple[int, bytes]]) -> Iterable[Recorded[Event]]:
    for position, body in rows:
        e = msgspec.msgpack.decode(body, type=NewEvent)
        data = join(e.data, e.personal) if e.personal else e.data
        yield recorded(
            position, e.stream, e.version, datetime.max, e.occurred_at, e.name, e.schema, data,
            e.customer_id, e.command_id, e.actor, e.on_behalf_of, e.causation_id, e.correlation_id, e.source,
        )  # fmt: skip


class Unkept:
    """A rehearsal's ledger and file of rejects: neither keeps anything."""

    async def open(self, file: str, kind: str) -> Standing:
        return Standing()

    async def save(self, standing: Standing) -> None:
        pass

    def holds(self, size: int) -> bool:
        return True

    def cut(self, size: int) -> None:
        pass

    def add(self, rows: Sequence[tuple[Rejection, Sequence[str]]], size: int) -> int:
        return 0
