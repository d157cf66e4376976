"""Keys that wait because their fold refused an event: which, why, and who has asked to try again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from domain.events import Recorded
from domain.records import Record
from infra.database import Connection, Pool
from infra.views.tables import Key, Table

LONGEST_ERROR = 2_000

LIST = """
SELECT p.view, p.generation, p.key, p.position, p.error, p.parked_at, p.retry
  FROM kehu.parked p JOIN kehu.builds b USING (tenant, view, generation)
 WHERE p.tenant = $1 AND b.retired_at IS NULL ORDER BY p.view, p.generation, p.position, p.key
"""
KEYS = "SELECT key FROM kehu.parked WHERE tenant = $1 AND view = $2 AND generation = $3"
ASKED = """
SELECT key, position FROM kehu.parked
 WHERE tenant = $1 AND view = $2 AND generation = $3 AND retry AND shard = ANY ($4) FOR UPDATE
"""
PARK = """
INSERT INTO kehu.parked (tenant, view, generation, key, shard, position, error)
SELECT $1, $2, $3, * FROM unnest($4::text[], $5::int[], $6::bigint[], $7::text[])
    ON CONFLICT (tenant, view, generation, key)
    DO UPDATE SET position = excluded.position, error = excluded.error, parked_at = now(), retry = false
"""
FREE = "DELETE FROM kehu.parked WHERE tenant = $1 AND view = $2 AND generation = $3 AND key = ANY ($4)"


class Parked(Record):
    """A key that waits."""

    view: str
    generation: int
    key: Sequence[Any]
    position: int
    """Of the event that its fold refused."""
    error: str
    parked_at: datetime
    retry: bool
    """Somebody has asked for another try, which the worker will make."""


class Refusal(Record):
    """An event that the fold of one key refused."""

    key: Key
    shard: int
    position: int
    error: str


def refusal(key: Key, shard: int, recorded: Recorded[Any], error: Exception) -> Refusal:
    words = f"{type(error).__name__}: {error} (folding {recorded.name} at position {recorded.position})"
    return Refusal(key=key, shard=shard, position=recorded.position, error=words[:LONGEST_ERROR])


async def parked(pool: Pool, tenant: str) -> list[Parked]:
    """All keys of the tenant's views that wait."""
    rows = await pool.fetch(LIST, tenant)
    return [Parked(**{**row, "key": msgspec.json.decode(row["key"])}) for row in rows]


async def ask(pool: Pool, tenant: str, views: Sequence[str]) -> int:
    """Have all keys of these views tried again; how many there are."""
    rows = await pool.fetch(
        "UPDATE kehu.parked SET retry = true WHERE tenant = $1 AND view = ANY ($2) RETURNING key",
        tenant,
        views,
    )
    return len(rows)


class Waiting:
    """The parked keys of one generation of a view, in the database."""

    def __init__(self, tenant: str, table: Table) -> None:
        self._table = table
        self._build = (tenant, table.declaration.name, table.generation)

    async def keys(self, connection: Connection) -> set[Key]:
        return {self._key(row["key"]) for row in await connection.fetch(KEYS, *self._build)}

    async def asked(self, connection: Connection, shards: Iterable[int]) -> Mapping[Key, int]:
        """Those that are to be tried again, each with the position of the refused event."""
        rows = await connection.fetch(ASKED, *self._build, list(shards))
        return {self._key(row["key"]): row["position"] for row in rows}

    async def park(self, connection: Connection, refusals: Sequence[Refusal]) -> None:
        if refusals:
            columns = zip(*((_text(r.key), r.shard, r.position, r.error) for r in refusals), strict=True)
            await connection.execute(PARK, *self._build, *map(list, columns))

    async def free(self, connection: Connection, keys: Iterable[Key]) -> None:
        await connection.execute(FREE, *self._build, [_text(key) for key in keys])

    def _key(self, text: str) -> Key:
        return self._table.key(msgspec.json.decode(text))


def _text(key: Key) -> str:
    return msgspec.json.encode(key).decode()
