"""Reading a log: by position, stream, customer, tag or a selection, every event decoded in its envelope."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import asyncpg
import msgspec

import domain.deciders  # noqa: F401  # with it, every event is declared that the log may hold
from domain.events import POLICY_TAG, Event, Recorded, decode
from domain.policies import Policies
from domain.policies import evolve as evolve_policies
from domain.records import Record
from infra.archive.files import Archive, Asked, Row, archives, find
from infra.database import Pool
from infra.log.sealing import SEALED, Keyring, Keys, subject_of, unseal

COLUMNS = (
    "position, stream, version, recorded_at, occurred_at, name, schema, data, customer_id,"
    " command_id, actor, on_behalf_of, causation_id, correlation_id, source"
)
NAMES = COLUMNS.split(", ")
POSITION, STREAM, VERSION, NAME, DATA, CUSTOMER = map(
    NAMES.index, ("position", "stream", "version", "name", "data", "customer_id")
)
NONE_AFTER = (
    "(SELECT kehu.archived_meanwhile() FROM kehu.archives WHERE tenant = $1 AND last > {} LIMIT 1) IS NULL"
)
"""Raises, once for a statement, where there are archives that the reader does not know of."""
OF_TAG = "SELECT position FROM kehu.tags WHERE tenant = $1 AND tag = $2 AND position > $3 AND position <= $4"
PAGE = 5_000
"""Events in one page of a long read."""
STRETCH = 50_000
"""Positions that one statement looks through at most for events that no index leads to."""


class Selection(Record):
    """Which events to read: all that is given must hold."""

    names: Sequence[str] | None = None
    tags: Sequence[str] = ()
    """It carries all of them."""
    stream: str | None = None
    category: str | None = None
    """How the name of its stream begins, such as `order-`."""
    customer_id: str | None = None
    actor: str | None = None
    command_id: str | None = None
    correlation_id: str | None = None
    since: int | None = None
    until: int | None = None

    @property
    def indexed(self) -> bool:
        """Whether an index leads to these events; else the log is looked through for them."""
        return bool(self.stream or self.customer_id)


SELECTED: Mapping[str, str] = {
    "names": "name = ANY ({})",
    "stream": "stream = {}",
    "category": "left(stream, length({0})) = {0}",
    "customer_id": "customer_id = {}",
    "actor": "actor = {}",
    "command_id": "command_id = {}",
    "correlation_id": "correlation_id = {}",
    "since": "position >= {}",
    "until": "position <= {}",
}
"""The condition that a field of a `Selection` stands for."""
TAGGED = (
    "position IN (SELECT position FROM kehu.tags"
    " WHERE tenant = $1 AND tag = {} AND position > $2 AND position <= $3)"
)
"""The condition that a tag stands for."""


class Page(Record):
    """The next of the wanted events, and the position up to which there are no others."""

    events: Sequence[Recorded[Event]]
    position: int

    def __iter__(self) -> Iterator[Recorded[Event]]:
        return iter(self.events)


class Reader:
    """Reads one tenant's log, on any connection of the pool."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self.pool, self.tenant = pool, tenant
        self.keys = Keys(pool, tenant)
        self.archives: list[Archive] = []
        """Those that were there when last a read met one that it did not know."""

    async def read(
        self, after: int = 0, *, until: int | None = None, limit: int = PAGE, backwards: bool = False
    ) -> list[Recorded[Event]]:
        """At most `limit` events with after < position <= until, in order (or from the end)."""
        rows = await self.read_rows(after, until=until, limit=limit, backwards=backwards)
        return await self.recorded(rows)

    async def pages(
        self, after: int = 0, *, until: int | None = None, page: int = PAGE
    ) -> AsyncGenerator[list[Recorded[Event]]]:
        """All events with after < position <= until, page by page; PostgreSQL reads ahead by one."""
        ahead = asyncio.create_task(self.read_rows(after, until=until, limit=page))
        try:
            while rows := await ahead:
                ahead = asyncio.create_task(self.read_rows(rows[-1][0], until=until, limit=page))
                await asyncio.sleep(0)  # so that it is on its way
                yield await self.recorded(rows)
        finally:
            ahead.cancel()

    async def read_rows(
        self, after: int = 0, *, until: int | None = None, limit: int = PAGE, backwards: bool = False
    ) -> Sequence[Row]:
        """As `read`, but the rows as they are stored, in the order of `COLUMNS`."""
        bound = 2**62 if until is None else until
        order = "DESC" if backwards else "ASC"
        return await self._rows(
            Asked(after=after, until=bound, limit=limit, backwards=backwards),
            f"position > $2 AND position <= $3 ORDER BY position {order} LIMIT $4",
            after,
            bound,
            limit,
        )

    async def read_named(self, names: Iterable[str], *, after: int, until: int) -> list[Recorded[Event]]:
        """The events of these names with after < position <= until, in order; others are not decoded."""
        wanted = list(names)
        return await self._fetch(
            Asked(where={"name": wanted}, after=after, until=until),
            "position > $2 AND position <= $3 AND name = ANY ($4) ORDER BY position",
            after,
            until,
            wanted,
        )

    async def read_at(self, positions: Sequence[int]) -> list[Recorded[Event]]:
        """The events at these positions, in order."""
        return await self._fetch(
            Asked(where={"position": positions}, until=max(positions, default=0)),
            "position = ANY ($2) ORDER BY position",
            positions,
        )

    async def read_stream(
        self,
        stream: str,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int | None = None,
        backwards: bool = False,
    ) -> list[Recorded[Event]]:
        """The events of one stream with after < version <= until, in order or from its end."""
        bound = 2**31 - 1 if until is None else until
        rows, known = await self._live(
            "stream = $2 AND version > $3 AND version <= $4"
            f" ORDER BY version {'DESC' if backwards else 'ASC'} LIMIT $5",
            stream,
            after,
            bound,
            limit,
        )
        live = await self.recorded(rows)
        if not known or (backwards and len(live) == limit):
            return live
        first = min((event.version for event in live), default=bound + 1)
        archived = [e for e in await self._archived_of(known, {stream: first}, after) if e.version <= bound]
        return [*live, *reversed(archived)][:limit] if backwards else [*archived, *live][:limit]

    async def latest(self, stream: str) -> Recorded[Event] | None:
        """The last event of a stream; None where there is none."""
        found = await self.read_stream(stream, backwards=True, limit=1)
        return found[0] if found else None

    async def read_streams(self, streams: Sequence[str]) -> dict[str, list[Recorded[Event]]]:
        """The events of several streams; a stream without events is absent."""
        rows, known = await self._live(
            "stream = wanted ORDER BY version) e",
            streams,
            source="unnest($2::text[]) AS asked (wanted) CROSS JOIN LATERAL (SELECT * FROM kehu.events",
        )
        events = await self.recorded(rows)
        live = {stream: list(run) for stream, run in groupby(events, lambda e: e.stream)}
        missing = {s: live[s][0].version if s in live else 2**31 for s in streams}
        archived: dict[str, list[Recorded[Event]]] = {}
        for event in await self._archived_of(known, missing):
            archived.setdefault(event.stream, []).append(event)
        found = {stream: archived.get(stream, []) + live.get(stream, []) for stream in streams}
        return {stream: run for stream, run in found.items() if run}

    async def _archived_of(
        self, known: Sequence[Archive], before: Mapping[str, int], after: int = 0
    ) -> list[Recorded[Event]]:
        """The archived events of streams after a version, up to where PostgreSQL's begin."""
        wanted = [stream for stream, version in before.items() if version > after + 1]
        if not (known and wanted):
            return []
        rows = await self.pool.fetch(
            "SELECT stream FROM kehu.streams WHERE tenant = $1 AND stream = ANY ($2) AND version > $3",
            self.tenant,
            wanted,
            after,
        )
        if not rows:
            return []
        asked = Asked(where={"stream": [row[0] for row in rows]})
        events = await self.recorded(await found_in(known, asked))
        return [event for event in events if after < event.version < before[event.stream]]

    async def read_customer(
        self, customer_id: str, *, after: int = 0, until: int | None = None
    ) -> list[Recorded[Event]]:
        """The events about one customer with after < position <= until, in order."""
        bound = 2**62 if until is None else until
        return await self._fetch(
            Asked(where={"customer_id": [customer_id]}, after=after, until=bound),
            "customer_id = $2 AND position > $3 AND position <= $4 ORDER BY position",
            customer_id,
            after,
            bound,
        )

    async def read_tag(self, tag: str, *, after: int = 0, until: int | None = None) -> list[Recorded[Event]]:
        """The events that carry a tag with after < position <= until, in order."""
        bound = 2**62 if until is None else until
        rows, known = await self._live(f"position IN ({OF_TAG}) ORDER BY position", tag, after, bound)
        return await self.recorded([*await self._archived_with(known, tag, after, bound), *rows])

    async def _archived_with(
        self, known: Sequence[Archive], tag: str, after: int, until: int
    ) -> Sequence[Row]:
        last = min(until, known[-1].last) if known else 0
        if last <= after:
            return []
        tagged = await self.pool.fetch(OF_TAG, self.tenant, tag, after, last)
        positions = [row[0] for row in tagged]
        return await found_in(known, Asked(where={"position": positions}, until=max(positions, default=0)))

    async def policies(self, until: int) -> Policies:
        """The policies that were published up to a position."""
        policies = Policies()
        for published in await self.read_tag(POLICY_TAG, until=until):
            policies = evolve_policies(policies, published.event)
        return policies

    async def select(
        self, wanted: Selection, *, after: int = 0, limit: int = PAGE, backwards: bool = False
    ) -> list[Recorded[Event]]:
        """At most `limit` of the wanted events after a position, in order or from the end."""
        end = await self._head()
        end = end if wanted.until is None else min(end, wanted.until)
        after = max(after, (wanted.since or 1) - 1)
        found: list[Recorded[Event]] = []
        while after < end and len(found) < limit:
            look = self._look_back if backwards else self.look
            page = await look(wanted, after=after, head=end, limit=limit - len(found))
            found += page.events
            after, end = (after, page.position) if backwards else (page.position, end)
        return found

    async def look(self, wanted: Selection, *, after: int, head: int, limit: int = PAGE) -> Page:
        """At most `limit` of the wanted events after a position, and how far one statement has looked.

        It looks up to `head` at most, which the log must have reached.
        """
        rows, position = await self.look_at_rows(wanted, after=after, head=head, limit=limit)
        return Page(events=await self.recorded(rows), position=position)

    async def look_at_rows(
        self, wanted: Selection, *, after: int, head: int, limit: int = PAGE
    ) -> tuple[Sequence[Row], int]:
        """As `look`, but the rows as they are stored, in the order of `COLUMNS`."""
        after = max(after, (wanted.since or 1) - 1)
        until = head if wanted.indexed else min(head, after + STRETCH)
        if until <= after:
            return [], head
        rows = await self._matching(wanted, after, until, limit)
        position = rows[-1][POSITION] if len(rows) == limit else until
        return await self._narrowed(wanted, rows), position

    async def _look_back(self, wanted: Selection, *, after: int, head: int, limit: int) -> Page:
        """As `look`, but from `head` down, and how far down one statement has looked."""
        begin = after if wanted.indexed else max(after, head - STRETCH)
        rows = await self._matching(wanted, begin, head, limit, backwards=True)
        position = rows[-1][POSITION] - 1 if len(rows) == limit else begin
        events = await self.recorded(await self._narrowed(wanted, rows))
        return Page(events=events, position=position)

    async def _matching(
        self, wanted: Selection, after: int, until: int, limit: int, *, backwards: bool = False
    ) -> Sequence[Row]:
        condition, arguments = _condition(wanted, after, until)
        asked = of_archives(wanted, after, limit)
        return await self._rows(
            msgspec.structs.replace(asked, until=until, backwards=backwards),
            f"{condition} ORDER BY position {'DESC' if backwards else 'ASC'} LIMIT ${len(arguments) + 2}",
            *arguments,
            limit,
        )

    async def _head(self) -> int:
        """The last position; 0 where there is no such tenant."""
        found = await self.pool.fetchval("SELECT position FROM kehu.heads WHERE tenant = $1", self.tenant)
        return found or 0

    async def _narrowed(self, wanted: Selection, rows: Sequence[Row]) -> Sequence[Row]:
        """Those of the right category and tags; files of archives cannot be asked for either."""
        if wanted.category:
            rows = [row for row in rows if row[STREAM].startswith(wanted.category)]
        if wanted.tags and self.archives:
            tagged = await self.pool.fetch(
                "SELECT position FROM kehu.tags WHERE tenant = $1 AND tag = ANY ($2) AND position = ANY ($3)"
                " GROUP BY position HAVING count(*) = $4",
                self.tenant,
                wanted.tags,
                [row[POSITION] for row in rows],
                len({*wanted.tags}),
            )
            positions = {row[0] for row in tagged}
            rows = [row for row in rows if row[POSITION] in positions]
        return rows

    async def _fetch(self, archived: Asked, condition: str, *arguments: Any) -> list[Recorded[Event]]:
        return await self.recorded(await self._rows(archived, condition, *arguments))

    async def _rows(self, archived: Asked, condition: str, *arguments: Any) -> Sequence[Row]:
        """The archived part and PostgreSQL's, in order; the second only where the first is too short."""
        if archived.backwards:
            live, known = await self._live(condition, *arguments)
            found = [] if len(live) == archived.limit else await found_in(known, archived)
            return [*live, *found][: archived.limit]
        before = self.archives
        found = await found_in(before, archived)
        if before and len(found) == archived.limit:
            return found
        live, known = await self._live(condition, *arguments)
        if known is not before:
            found = await found_in(known, archived)
        return [*found, *live][: archived.limit] if found else live

    async def _live(
        self, condition: str, *arguments: Any, source: str = "kehu.events"
    ) -> tuple[Sequence[Row], Sequence[Archive]]:
        """What PostgreSQL holds, and the archives that hold all that it does not hold any more."""
        while True:
            known = self.archives
            fresh = NONE_AFTER.format(known[-1].last if known else 0)
            statement = f"SELECT {COLUMNS} FROM {source} WHERE tenant = $1 AND {fresh} AND {condition}"
            try:
                rows: Sequence[Any] = await self.pool.fetch(statement, self.tenant, *arguments)
                return rows, known
            except asyncpg.SerializationError:
                await self.learn_archives()

    async def recorded(self, rows: Sequence[Row]) -> list[Recorded[Event]]:
        """Rows of the log, in the order of `COLUMNS`, as events in envelopes; what was erased says so."""
        if not any(row[DATA].startswith(SEALED) for row in rows):
            return [recorded(*row) for row in rows]
        keys = await self.keyring(rows)
        return [self.unsealed(row, keys) for row in rows]

    async def keyring(self, rows: Sequence[Row]) -> Keyring:
        """The keys under which something in these rows is sealed."""
        sealed = {subject_of(row[STREAM], row[CUSTOMER]) for row in rows if row[DATA].startswith(SEALED)}
        return await self.keys.of(sealed)

    def unsealed(self, row: Row, keys: Keyring) -> Recorded[Event]:
        """A row as an event; without its key, as if what is personal in it were erased."""
        place = self.tenant, row[STREAM], row[VERSION]
        key = keys.get(subject_of(row[STREAM], row[CUSTOMER]))
        data = unseal(row[NAME], row[DATA], key, place)
        return recorded(*row[:DATA], data, *row[DATA + 1 :])

    async def learn_archives(self) -> None:
        self.archives = await archives(self.pool, self.tenant)


async def found_in(known: Sequence[Archive], asked: Asked) -> Sequence[Row]:
    """The archived events that are asked for, read in a thread of its own."""
    if not known or asked.after >= known[-1].last:
        return []
    return await asyncio.to_thread(find, known, asked, NAMES)


def _condition(wanted: Selection, after: int, until: int) -> tuple[str, list[Any]]:
    """That events are wanted and after < position <= until, and the arguments of it, `$2` and on."""
    conditions, arguments = ["position > $2", "position <= $3"], [after, until]
    given = [(condition, getattr(wanted, name)) for name, condition in SELECTED.items()]
    for condition, value in [*given, *((TAGGED, tag) for tag in wanted.tags)]:
        if value is not None:
            arguments.append(value)
            conditions.append(condition.format(f"${len(arguments) + 1}"))
    return " AND ".join(conditions), arguments


def of_archives(wanted: Selection, after: int, limit: int) -> Asked:
    """The selection as it is asked of archives."""
    where = {
        name: [value]
        for name in ("stream", "customer_id", "actor", "command_id", "correlation_id")
        if (value := getattr(wanted, name)) is not None
    }
    if wanted.names is not None:
        where["name"] = list(wanted.names)
    until = 2**62 if wanted.until is None else wanted.until
    return Asked(where=where, after=max(after, (wanted.since or 1) - 1), until=until, limit=limit)


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
