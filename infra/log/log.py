"""The log of one tenant: append under conditions, read in order; the only truth there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast

import asyncpg

from domain.customers import CUSTOMERS
from domain.erasure import BEFORE_A_FILE
from domain.events import Event, Recorded
from domain.identifiers import IDENTIFIED
from infra.archive.files import archived_at
from infra.database import Pool, let_go
from infra.log.appending import APPEND, APPEND_ERASING, Row, erased_by, first_result, refusal, rows
from infra.log.reading import PAGE, Reader
from infra.log.units import Appended, Outcome, Unit, UnknownTenant

MICROSECOND = timedelta(microseconds=1)


class Log(Reader):
    """Append to and read from one tenant's log, on any connection of the pool."""

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
        """The log in a transaction of its own, which commits at the end; nobody else appends or archives."""
        async with self.pool.acquire() as connection, connection.transaction():
            await let_go(connection)
            await connection.execute("LOCK TABLE kehu.archives IN SHARE MODE")
            await connection.execute("SELECT FROM kehu.heads WHERE tenant = $1 FOR UPDATE", self.tenant)
            log = Log(cast(Pool, connection), self.tenant)
            await log.learn_archives()  # a read that met an unknown one would end the transaction
            yield log

    async def position_at(self, moment: datetime) -> int:
        """The last position that was recorded at or before the moment."""
        while True:
            try:
                ((position, archived),) = await self.pool.fetch(
                    "SELECT kehu.position_at($1, $2), coalesce(max(last), 0)"
                    " FROM kehu.archives WHERE tenant = $1",
                    self.tenant,
                    moment,
                )
            except asyncpg.SerializationError:
                continue  # archived meanwhile
            if not archived or position > archived:
                return int(position)
            await self.learn_archives()
            return await asyncio.to_thread(archived_at, self.archives, moment)

    async def read_between(
        self, since: datetime, until: datetime, *, after: int = 0, limit: int = PAGE
    ) -> list[Recorded[Event]]:
        """At most `limit` events after a position that were recorded at since <= time < until, in order."""
        before, last = [await self.position_at(moment - MICROSECOND) for moment in (since, until)]
        return await self.read(max(before, after), until=last, limit=limit)

    async def append(self, units: Sequence[Unit]) -> list[Outcome]:
        """Append units in this order, in one transaction and one round trip; an outcome for each.

        Units of one call must not depend on each other: none may write a stream, or carry a tag or
        a command id, that another one's conditions name.
        """
        arguments = rows(units, await self.keys.sealer(units))
        if customers := erased_by(units):
            seen = await self.head()
            told = {customer: await self.read_customer(customer) for customer in customers}
            return await self._append(APPEND_ERASING, units, *arguments, *_to_erase(told), seen)
        return await self._append(APPEND, units, *arguments)

    async def _append(self, statement: str, units: Sequence[Unit], *arguments: Any) -> list[Outcome]:
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
                outcomes.append(refusal(unit, refused[number]))
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
        return None if row is None else first_result(command_id, fingerprint, row)

    async def known_commands(self, command_ids: Sequence[str]) -> set[str]:
        """Those of the commands that were done before."""
        rows = await self.pool.fetch(
            "SELECT id FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL"
            " (SELECT FROM kehu.commands WHERE tenant = $1 AND command_id = id LIMIT 1) known",
            self.tenant,
            command_ids,
        )
        return {row[0] for row in rows}

    async def fingerprints(self, command_ids: Sequence[str]) -> dict[str, bytes]:
        """The fingerprints of those of the commands that were done before."""
        rows = await self.pool.fetch(
            "SELECT id, fingerprint FROM unnest($2::text[]) AS asked (id) CROSS JOIN LATERAL"
            " (SELECT fingerprint FROM kehu.commands WHERE tenant = $1 AND command_id = id LIMIT 1) known",
            self.tenant,
            command_ids,
        )
        return {row[0]: row[1] for row in rows}

    async def versions(self, streams: Sequence[str]) -> dict[str, int]:
        """The present version of each of these streams; one without events is absent."""
        rows = await self.pool.fetch(
            "SELECT wanted AS stream, version FROM unnest($2::text[]) AS asked (wanted) CROSS JOIN LATERAL"
            " (SELECT version FROM kehu.streams WHERE tenant = $1 AND stream = wanted LIMIT 1) known",
            self.tenant,
            streams,
        )
        return {row["stream"]: row["version"] for row in rows}


def _to_erase(told: Mapping[str, Sequence[Recorded[Event]]]) -> tuple[list[Row], list[Row]]:
    """What goes with these customers' personal data: keys, and tags by which their identifiers are found."""
    keys = {
        (customer, subject)
        for customer, events in told.items()
        for subject in (CUSTOMERS.stream(customer), *(e.stream for e in events))
        if subject.startswith((CUSTOMERS.stream(""), *BEFORE_A_FILE))
    }
    claims = [
        (customer, tag, event.position)
        for customer, events in told.items()
        for event in events
        for tag in event.event.tags
        if tag.startswith(IDENTIFIED)
    ]
    return sorted(keys), claims
