"""The log of one tenant: append under conditions, read in order; the only truth there is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, cast

import asyncpg
import msgspec

import domain.deciders  # noqa: F401  # with it, every event is declared that the log may hold
from domain.events import POLICY_TAG, Event, Recorded, decode
from domain.policies import Policies
from domain.policies import evolve as evolve_policies
from domain.records import Record
from infra.database import Pool

COLUMNS = (
    "position, stream, version, recorded_at, occurred_at, name, schema, data, customer_id,"
    " command_id, actor, on_behalf_of, causation_id, correlation_id, source"
)
PAGE = 5_000
"""Events in one page of a long read."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that is to be appended, encoded, with what rule 4 of the domain asks about it."""

    stream: str
    version: int
    name: str
    schema: int
    data: bytes
    tags: tuple[str, ...] = ()
    occurred_at: datetime
    customer_id: str | None = None
    command_id: str
    actor: str
    on_behalf_of: str | None = None
    causation_id: str | None = None
    correlation_id: str | None = None
    source: str | None = None


class NewCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A command that is answered by the next `events` events of its unit."""

    command_id: str
    fingerprint: bytes
    stream: str
    version: int
    """The stream's version once the command is done."""
    events: int


class NoneSince(msgspec.Struct, frozen=True, kw_only=True):
    """The condition that no event with this tag (and one of these names) stands after a position."""

    tag: str
    names: tuple[str, ...] | None = None
    after: int


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """What is appended all or not at all, if its conditions hold."""

    commands: Sequence[NewCommand]
    events: Sequence[NewEvent]
    expected: Mapping[str, int]
    """The version that each stream must have now; 0: it does not exist."""
    unless: Sequence[NoneSince] = ()

    @property
    def relies_on(self) -> set[str]:
        """The streams and tags that its conditions name."""
        return {*self.expected, *(condition.tag for condition in self.unless)}

    @property
    def writes(self) -> set[str]:
        """The streams and tags of its events."""
        return {e.stream for e in self.events} | {tag for e in self.events for tag in e.tags}


class Appended(msgspec.Struct, frozen=True, kw_only=True):
    """Where a unit stands in the log."""

    position: int
    """Of its last event; where it has none, the log's head at that time."""
    recorded_at: datetime
    events: int
    stream: str
    version: int
    repeated: bool = False
    """True where the command was done before and this is its first result."""


class Selection(Record):
    """Which events to read: all that is given must hold."""

    names: Sequence[str] | None = None
    stream: str | None = None
    customer_id: str | None = None
    actor: str | None = None
    command_id: str | None = None
    correlation_id: str | None = None
    since: int | None = None
    until: int | None = None


SELECTED: Mapping[str, str] = {
    "names": "name = ANY ({})",
    "stream": "stream = {}",
    "customer_id": "customer_id = {}",
    "actor": "actor = {}",
    "command_id": "command_id = {}",
    "correlation_id": "correlation_id = {}",
    "since": "position >= {}",
    "until": "position <= {}",
}
"""The condition that each field of a `Selection` stands for."""


class Conflict(Exception):
    """A condition does not hold any more: somebody else was faster."""

    def __init__(self, subject: str, found: int) -> None:
        super().__init__(f"{subject} is at {found} already")
        self.subject, self.found = subject, found


class CommandIdReused(Exception):
    """The command id was used before, for another command."""

    def __init__(self, command_id: str) -> None:
        super().__init__(f"the command id {command_id!r} was used before, for another command")
        self.command_id = command_id


class UnknownTenant(Exception):
    """There is no such tenant."""


Outcome = Appended | Conflict | CommandIdReused


class Log:
    """Append to and read from one tenant's log, on any connection of the pool."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self.pool, self.tenant = pool, tenant

    async def create(self) -> bool:
        """Make the tenant's log; False where it exists."""
        status = await self.pool.execute(
            "INSERT INTO kehu.heads (tenant) VALUES ($1) ON CONFLICT DO NOTHING", self.tenant
        )
        return bool(status == "INSERT 0 1")

    async def head(self) -> int:
        """The last position; 0 where nothing happened yet."""
        position = await self.pool.fetchval("SELECT position FROM kehu.heads WHERE tenant = $1", self.tenant)
        if position is None:
            raise UnknownTenant(f"tenant {self.tenant!r} does not exist")
        return int(position)

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[Log]:
        """The log in a transaction of its own, in which nobody else appends; it commits at the end."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT FROM kehu.heads WHERE tenant = $1 FOR UPDATE", self.tenant)
            yield Log(cast(Pool, connection), self.tenant)

    async def position_at(self, moment: datetime) -> int:
        """The last position that was recorded at or before the moment."""
        return int(await self.pool.fetchval("SELECT kehu.position_at($1, $2)", self.tenant, moment))

    # --- Appending ----------------------------------------------------------------------------

    async def append(self, units: Sequence[Unit]) -> list[Outcome]:
        """Append units in this order, in one transaction and one round trip; an outcome for each.

        Units of one call must not depend on each other: none may write a stream, or carry a tag or
        a command id, that another one's conditions name.
        """
        return await self._append(APPEND, units, *columns(units))

    async def _append(
        self, statement: str, units: Sequence[Unit], *arguments: Sequence[Any]
    ) -> list[Outcome]:
        try:
            answer = await self.pool.fetch(statement, self.tenant, len(units), *arguments)
        except asyncpg.PostgresError as error:
            if error.sqlstate == "KH404":
                raise UnknownTenant(str(error)) from None
            raise
        base = next(row for row in answer if row["unit"] == 0)
        refused = {row["unit"]: row for row in answer}
        position, recorded_at = base["found"], base["at"]
        outcomes: list[Outcome] = []
        for number, unit in enumerate(units, start=1):
            if number in refused:
                outcomes.append(_refusal(unit, refused[number]))
                continue
            position += len(unit.events)
            last = unit.commands[-1]
            since = timedelta(microseconds=max(position - base["found"] - 1, 0))
            outcomes.append(
                Appended(
                    position=position,
                    recorded_at=recorded_at + since,
                    events=len(unit.events),
                    stream=last.stream,
                    version=last.version,
                )
            )
        return outcomes

    async def result_of(self, command_id: str, fingerprint: bytes) -> Outcome | None:
        """The first result of a command, or None where it was never done."""
        row = await self.pool.fetchrow(
            'SELECT fingerprint, stream AS subject, version, position AS found, events, recorded_at AS "at"'
            " FROM kehu.commands WHERE tenant = $1 AND command_id = $2",
            self.tenant,
            command_id,
        )
        return None if row is None else _first_result(command_id, fingerprint, row)

    async def known_commands(self, command_ids: Sequence[str]) -> set[str]:
        """Those of the commands that were done before."""
        rows = await self.pool.fetch(
            "SELECT id FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL"
            " (SELECT FROM kehu.commands WHERE tenant = $1 AND command_id = id LIMIT 1) known",
            self.tenant,
            command_ids,
        )
        return {row[0] for row in rows}

    async def versions(self, streams: Sequence[str]) -> dict[str, int]:
        """The present version of each of these streams; one without events is absent."""
        rows = await self.pool.fetch(
            "SELECT wanted AS stream, version FROM unnest($2::text[]) AS asked (wanted) CROSS JOIN LATERAL"
            " (SELECT version FROM kehu.streams WHERE tenant = $1 AND stream = wanted LIMIT 1) known",
            self.tenant,
            streams,
        )
        return {row["stream"]: row["version"] for row in rows}

    # --- Reading ------------------------------------------------------------------------------

    async def read(
        self, after: int = 0, *, until: int | None = None, limit: int = PAGE, backwards: bool = False
    ) -> list[Recorded[Event]]:
        """At most `limit` events with after < position <= until, in order (or from the end)."""
        bound = 2**62 if until is None else until
        order = "DESC" if backwards else "ASC"
        return await self._fetch(
            f"position > $2 AND position <= $3 ORDER BY position {order} LIMIT $4", after, bound, limit
        )

    async def read_stream(
        self, stream: str, *, after: int = 0, until: int | None = None
    ) -> list[Recorded[Event]]:
        """The events of one stream with after < version <= until, in order."""
        bound = 2**31 - 1 if until is None else until
        return await self._fetch(
            "stream = $2 AND version > $3 AND version <= $4 ORDER BY version", stream, after, bound
        )

    async def read_streams(self, streams: Sequence[str]) -> dict[str, list[Recorded[Event]]]:
        """The events of several streams; a stream without events is absent."""
        rows = await self.pool.fetch(
            f"SELECT {COLUMNS} FROM unnest($2::text[]) AS asked (wanted) CROSS JOIN LATERAL"
            " (SELECT * FROM kehu.events WHERE tenant = $1 AND stream = wanted ORDER BY version) e",
            self.tenant,
            streams,
        )
        events = [recorded(*row) for row in rows]
        return {stream: list(run) for stream, run in groupby(events, lambda e: e.stream)}

    async def read_customer(
        self, customer_id: str, *, after: int = 0, until: int | None = None
    ) -> list[Recorded[Event]]:
        """The events about one customer with after < position <= until, in order."""
        bound = 2**62 if until is None else until
        return await self._fetch(
            "customer_id = $2 AND position > $3 AND position <= $4 ORDER BY position",
            customer_id,
            after,
            bound,
        )

    async def read_tag(self, tag: str, *, until: int | None = None) -> list[Recorded[Event]]:
        """The events that carry a tag, in order."""
        bound = 2**62 if until is None else until
        return await self._fetch(
            "position IN (SELECT position FROM kehu.tags WHERE tenant = $1 AND tag = $2 AND position <= $3)"
            " ORDER BY position",
            tag,
            bound,
        )

    async def policies(self, until: int) -> Policies:
        """The policies that were published up to a position."""
        policies = Policies()
        for published in await self.read_tag(POLICY_TAG, until=until):
            policies = evolve_policies(policies, published.event)
        return policies

    async def select(self, wanted: Selection, *, after: int = 0, limit: int = PAGE) -> list[Recorded[Event]]:
        """At most `limit` of the wanted events after a position, in order."""
        conditions, arguments = ["position > $2"], [after]
        for name, condition in SELECTED.items():
            if (value := getattr(wanted, name)) is not None:
                arguments.append(value)
                conditions.append(condition.format(f"${len(arguments) + 1}"))
        arguments.append(limit)
        listed = " AND ".join(conditions)
        return await self._fetch(f"{listed} ORDER BY position LIMIT ${len(arguments) + 1}", *arguments)

    async def _fetch(self, condition: str, *arguments: Any) -> list[Recorded[Event]]:
        rows = await self.pool.fetch(
            f"SELECT {COLUMNS} FROM kehu.events WHERE tenant = $1 AND {condition}", self.tenant, *arguments
        )
        return [recorded(*row) for row in rows]


def recorded(
    position: int,
    stream: str,
    version: int,
    recorded_at: datetime,
    occurred_at: datetime,
    name: str,
    schema: int,
    data: bytes,
    *rest: Any,
) -> Recorded[Event]:
    """A row of the log, in the order of `COLUMNS`, as an event in its envelope."""
    return Recorded(position, stream, version, recorded_at, occurred_at, decode(name, schema, data), *rest)


def _refusal(unit: Unit, row: asyncpg.Record) -> Outcome:
    if row["why"] == "repeated":
        command = unit.commands[-1]
        return _first_result(command.command_id, command.fingerprint, row)
    found = row["version"] if row["found"] is None else row["found"]
    return Conflict(row["subject"], found)


def _first_result(command_id: str, fingerprint: bytes, row: asyncpg.Record) -> Outcome:
    if row["fingerprint"] != fingerprint:
        return CommandIdReused(command_id)
    return Appended(
        position=row["found"],
        recorded_at=row["at"],
        events=row["events"],
        stream=row["subject"],
        version=row["version"],
        repeated=True,
    )


APPEND = f"SELECT * FROM kehu.append({', '.join(f'${n}' for n in range(1, 37))})"


def columns(units: Sequence[Unit]) -> Iterable[list[Any]]:
    """The arrays that `kehu.append` takes, in its order: conditions, events, tags, streams, commands."""
    conditions: list[tuple[Any, ...]] = []
    absences: list[tuple[Any, ...]] = []
    events: list[tuple[Any, ...]] = []
    tags: list[tuple[Any, ...]] = []
    streams: list[tuple[Any, ...]] = []
    commands: list[tuple[Any, ...]] = []
    for number, unit in enumerate(units, start=1):
        conditions += [(number, stream, version) for stream, version in unit.expected.items()]
        absences += [
            (number, c.tag, None if c.names is None else ",".join(c.names), c.after) for c in unit.unless
        ]
        written: dict[str, int] = {}
        done = len(events)
        for e in unit.events:
            events.append(
                (
                    number, e.stream, e.version, e.name, e.schema, e.occurred_at, e.customer_id, e.command_id,
                    e.actor, e.on_behalf_of, e.causation_id, e.correlation_id, e.source, e.data,
                )
            )  # fmt: skip
            written[e.stream] = e.version
            tags += [(len(events), tag, e.name) for tag in e.tags]
        streams += [(number, stream, version) for stream, version in written.items()]
        for k in unit.commands:
            done += k.events
            commands.append((number, k.command_id, k.fingerprint, k.stream, k.version, done, k.events))
    for rows, width in (
        (conditions, 3), (absences, 4), (events, 14), (tags, 3), (streams, 3), (commands, 7),
    ):  # fmt: skip
        yield from (
            (list(column) for column in zip(*rows, strict=True)) if rows else ([] for _ in range(width))
        )
