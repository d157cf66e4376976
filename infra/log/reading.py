"""Reading a log: by position, stream, customer, tag or a selection, every event decoded in its envelope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

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


class Reader:
    """Reads one tenant's log, on any connection of the pool."""

    def __init__(self, pool: Pool, tenant: str) -> None:
        self.pool, self.tenant = pool, tenant

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
