"""The tables of a declared view: live rows, past versions, and the SQL that reads and writes both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from enum import Enum
from types import MappingProxyType
from typing import Any
from zlib import crc32

import asyncpg
import msgspec

from infra.database import Connection, Pool
from projections.view import Declaration, Field, View

TYPES: Mapping[type, str] = {
    int: "bigint",
    bool: "boolean",
    float: "double precision",
    datetime: "timestamptz",
    date: "date",
}
_PARAMETER = re.compile(r"(?<!:):([a-z_]\w*)")

Key = tuple[Any, ...]
Mask = Mapping[str, str | None]
"""What is shown in some columns instead of their values."""
UNMASKED: Mask = MappingProxyType({})


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def column_type(field: Field) -> str:
    return TYPES.get(field.type, "text") + ("[]" if field.many else "")


def shard_of(key: Key, shards: int) -> int:
    """The part of a view that a key's row belongs to: the same in every process, for ever."""
    parts = [str(part.value if isinstance(part, Enum) else part) for part in key]
    return crc32("\0".join(parts).encode("utf-8", "surrogatepass")) % shards


async def drop(connection: Connection, view: str, generation: int) -> None:
    """Drop a generation's tables, whatever was declared."""
    base = f"{view}_{generation}"
    live, past = (f"kehu_views.{quoted(name)}" for name in (base, f"{base}_past"))
    await connection.execute(f"DROP TABLE IF EXISTS {live}, {past}")


Closed = tuple[View, int, int]
"""A version that held from one position until another."""
Version = tuple[View, int, int | None]
"""A version that holds from one position on, perhaps until another."""


class Unstorable(Exception):
    """The table cannot hold a value."""


WHOLE = "SET LOCAL enable_nestloop = off"
"""For what is computed of all rows: while views are built, PostgreSQL cannot know how many there are."""


class Table:
    """One generation of one view. A version holds for `since <= position < until`.

    `stored` says which columns its tables have, each with its type, where an older declaration made them:
    reading then takes the default of what is missing, or NULL.
    """

    def __init__(
        self, declaration: Declaration, generation: int, stored: Iterable[str] | None = None
    ) -> None:
        self.declaration, self.generation = declaration, generation
        base = f"{declaration.name}_{generation}"
        self._live_name, self._past_name = base, f"{base}_past"
        self.live = f"kehu_views.{quoted(self._live_name)}"
        self.past = f"kehu_views.{quoted(self._past_name)}"
        self.columns = [field.name for field in declaration.fields]
        self.stored = [_stored(field) for field in declaration.fields]
        missing = [] if stored is None else [f for f in declaration.fields if _stored(f) not in {*stored}]
        self._live, self._past = (_with_defaults(t, declaration, missing) for t in (self.live, self.past))
        self._listed = ", ".join(map(quoted, self.columns))
        self._key_listed = ", ".join(map(quoted, declaration.key))

    # --- Definition ---------------------------------------------------------------------------

    async def create(self, connection: Connection) -> None:
        """Make the tables with what writing needs; `index` makes what reading needs, once they are full."""
        columns = [f"{quoted(f.name)} {self._definition(f)}" for f in self.declaration.fields]
        body = ", ".join(['tenant text COLLATE "C" NOT NULL', *columns, "since bigint NOT NULL"])
        await connection.execute(
            f"CREATE TABLE {self.live} ({body}, PRIMARY KEY (tenant, {self._key_listed}));"
            f"CREATE TABLE {self.past} ({body}, until bigint NOT NULL)"
        )

    async def hold(self, connection: Connection) -> None:
        """Before writing to tables without indexes: `index` waits here, not halfway through."""
        await connection.execute(f"LOCK TABLE {self.live} IN ROW EXCLUSIVE MODE")

    async def index(self, connection: Connection) -> None:
        await connection.execute(
            f"LOCK TABLE {self.live} IN SHARE MODE;"
            f"ALTER TABLE {self.past} ADD PRIMARY KEY (tenant, {self._key_listed}, since);"
            f"CREATE INDEX ON {self.past} (tenant, until)"  # few versions ended lately
        )
        for index in self._indexes():
            listed = ", ".join(map(quoted, index))
            for table, held in ((self.live, ""), (self.past, ", since, until")):
                await connection.execute(f"CREATE INDEX ON {table} (tenant, {listed}{held})")
        await connection.execute(f"ANALYZE {self.live}, {self.past}")

    def _definition(self, field: Field) -> str:
        collation = ' COLLATE "C"' if field.type is str and not field.many and self._is_id(field) else ""
        return f"{column_type(field)}{collation}{'' if field.optional else ' NOT NULL'}"

    def _is_id(self, field: Field) -> bool:
        return field.name in self.declaration.key or field.ref is not None

    def _indexes(self) -> Iterable[tuple[str, ...]]:
        refs = [(f.name,) for f in self.declaration.fields if f.ref and self.declaration.key != (f.name,)]
        led = {index[0] for index in self.declaration.indexes} | {self.declaration.key[0]}
        yield from (ref for ref in refs if ref[0] not in led)
        yield from self.declaration.indexes

    # --- Reading ------------------------------------------------------------------------------

    def listed(self, masked: Mask = UNMASKED) -> str:
        """SQL for all columns, in order, with what a mask shows in the place of what it hides."""
        if not masked:
            return self._listed
        return ", ".join(
            f"{_literal(masked[f.name])}::{column_type(f)} AS {quoted(f.name)}"
            if f.name in masked
            else quoted(f.name)
            for f in self.declaration.fields
        )

    def now(self, where: str = "true", masked: Mask = UNMASKED) -> str:
        """SQL for the live rows; `$1` is the tenant. What `where` tests is not masked."""
        return f"(SELECT {self.listed(masked)}, since FROM {self._live} l WHERE tenant = $1 AND ({where}))"

    def as_of(self, position: str, where: str = "true", masked: Mask = UNMASKED) -> str:
        """SQL for the versions that held at a position; `$1` is the tenant, `where` narrows both parts."""
        listed = self.listed(masked)
        return (
            f"(SELECT {listed}, since FROM {self._live} l"
            f" WHERE tenant = $1 AND since <= {position} AND ({where})"
            f" UNION ALL SELECT {listed}, since FROM {self._past} p"
            f" WHERE tenant = $1 AND since <= {position} AND until > {position} AND ({where}))"
        )

    def row(self, record: Iterable[Any]) -> View:
        """A record of `columns` as a row."""
        return msgspec.convert(dict(zip(self.columns, record, strict=False)), self.declaration.row)

    def key(self, parts: Sequence[Any]) -> Key:
        """A key of the declared types, from its parts as JSON has them."""
        types = [self.declaration.field(name).type for name in self.declaration.key]
        return tuple(msgspec.convert(part, kind) for part, kind in zip(parts, types, strict=True))

    async def load(
        self, connection: Connection, tenant: str, keys: Sequence[Key]
    ) -> dict[Key, tuple[View, int]]:
        """The live rows with these keys, each with its `since`."""
        wanted = self._keys_table(len(self.declaration.key), first=2)
        records = await connection.fetch(
            f"SELECT {self._listed}, since FROM {self.live} JOIN {wanted} USING ({self._key_listed})"
            " WHERE tenant = $1",
            tenant,
            *map(list, zip(*keys, strict=True)),
        )
        return self._keyed(records)

    async def held(
        self, connection: Connection | Pool, tenant: str, wanted: Sequence[tuple[Key, int]]
    ) -> dict[tuple[Key, int], View]:
        """The rows with these keys, each as it held at its position; without those that were not there."""
        keys = self._keys_table(len(self.declaration.key), first=2, extra=", position")
        found = (
            f"SELECT {self._listed}, position FROM {table} JOIN {keys} USING ({self._key_listed})"
            f" WHERE tenant = $1 AND since <= position AND {holds}"
            for table, holds in ((self.live, "true"), (self.past, "until > position"))
        )
        columns = [*zip(*(key for key, _ in wanted), strict=True), [position for _, position in wanted]]
        records = await connection.fetch(" UNION ALL ".join(found), tenant, *map(list, columns))
        rows = ((self.row(record), record["position"]) for record in records)
        return {(self.declaration.key_of(row), position): row for row, position in rows}

    async def load_where(
        self, connection: Connection, tenant: str, values: Mapping[str, Any]
    ) -> dict[Key, tuple[View, int]]:
        """The live rows in which each of these columns has this value."""
        conditions = "".join(f" AND {quoted(name)} = ${n}" for n, name in enumerate(values, start=2))
        records = await connection.fetch(
            f"SELECT {self._listed}, since FROM {self.live} WHERE tenant = $1{conditions}",
            tenant,
            *values.values(),
        )
        return self._keyed(records)

    async def about(self, connection: Connection, tenant: str, customers: Sequence[str]) -> list[Key]:
        """The keys of the rows that were about one of these customers at some time."""
        whose = f"tenant = $1 AND {quoted(str(self.declaration.subject))} = ANY ($2)"
        theirs = (f"SELECT {self._key_listed} FROM {table} WHERE {whose}" for table in (self.live, self.past))
        return [self.key(tuple(k)) for k in await connection.fetch(" UNION ".join(theirs), tenant, customers)]

    async def versions(self, connection: Connection, tenant: str, keys: Sequence[Key]) -> list[Version]:
        """All versions of the rows with these keys, in their order."""
        wanted = self._keys_table(len(self.declaration.key), first=2)
        found = (
            f"SELECT {self._listed}, since, {until} AS until FROM {table}"
            f" JOIN {wanted} USING ({self._key_listed}) WHERE tenant = $1"
            for table, until in ((self.live, "NULL::bigint"), (self.past, "until"))
        )
        records = await connection.fetch(
            f"{' UNION ALL '.join(found)} ORDER BY since", tenant, *map(list, zip(*keys, strict=True))
        )
        return [(self.row(record), record["since"], record["until"]) for record in records]

    async def remove(self, connection: Connection, tenant: str, keys: Sequence[Key]) -> None:
        """Take these rows out, as if they had never been."""
        wanted = self._keys_table(len(self.declaration.key), first=2)
        matched = "".join(f" AND t.{quoted(name)} = k.{quoted(name)}" for name in self.declaration.key)
        for table in (self.live, self.past):
            await connection.execute(
                f"DELETE FROM {table} t USING {wanted} WHERE t.tenant = $1{matched}",
                tenant,
                *map(list, zip(*keys, strict=True)),
            )

    def _keyed(self, records: Iterable[asyncpg.Record]) -> dict[Key, tuple[View, int]]:
        rows = ((self.row(record), record[-1]) for record in records)
        return {self.declaration.key_of(row): (row, since) for row, since in rows}

    def _keys_table(self, width: int, first: int, extra: str = "") -> str:
        types = [column_type(self.declaration.field(name)) for name in self.declaration.key]
        arrays = ", ".join(f"${first + n}::{kind}[]" for n, kind in enumerate(types))
        return f"unnest({arrays}{extra and f', ${first + width}::bigint[]'}) AS k({self._key_listed}{extra})"

    # --- Writing ------------------------------------------------------------------------------

    def require_storable(self, row: View) -> None:
        """Raises `Unstorable` where the tables cannot hold a value."""
        for field, value in zip(self.declaration.fields, _values(row), strict=True):
            if not _storable(field, value):
                raise Unstorable(f"{field.name} cannot be {value!r:.80}")

    async def write(
        self,
        connection: Connection,
        tenant: str,
        *,
        ended: Sequence[tuple[Key, int]],
        passed: Sequence[Closed],
        opened: Sequence[tuple[View, int]],
    ) -> None:
        """Write one batch: stored live rows that ended, versions that came and went, rows that now hold."""
        if ended:
            keys = self._keys_table(len(self.declaration.key), first=2, extra=", until")
            await connection.execute(
                f"WITH gone AS (DELETE FROM {self.live} l USING {keys} WHERE l.tenant = $1"
                + "".join(f" AND l.{quoted(name)} = k.{quoted(name)}" for name in self.declaration.key)
                + f" RETURNING l.*, k.until) INSERT INTO {self.past} SELECT * FROM gone",
                tenant,
                *map(list, zip(*(key for key, _ in ended), strict=True)),
                [until for _, until in ended],
            )
        if passed:
            await connection.copy_records_to_table(
                self._past_name,
                schema_name="kehu_views",
                columns=["tenant", *self.columns, "since", "until"],
                records=[(tenant, *_values(row), since, until) for row, since, until in passed],
            )
        if opened:
            await connection.copy_records_to_table(
                self._live_name,
                schema_name="kehu_views",
                columns=["tenant", *self.columns, "since"],
                records=[(tenant, *_values(row), since) for row, since in opened],
            )

    async def compute(
        self,
        connection: Connection,
        tenant: str,
        position: int,
        query: str,
        sources: Mapping[str, str],
        values: Mapping[str, Any],
    ) -> None:
        """Replace the live rows by the query's, keeping what changed as past versions until `position`."""
        sql, arguments = bind(query.format_map(sources), values, first=3)
        live, new = (", ".join(f"{t}.{quoted(c)}" for c in self.columns) for t in ("l", "n"))
        matched = " AND ".join(f"l.{quoted(c)} = n.{quoted(c)}" for c in self.declaration.key)
        await connection.execute(WHOLE)
        others = ", ".join(f"{quoted(c)} = excluded.{quoted(c)}" for c in [*self.columns, "since"])
        await connection.execute(
            f"""
            WITH n AS MATERIALIZED (SELECT {self._listed} FROM ({sql}) computed),
            ended AS (
                INSERT INTO {self.past}
                SELECT l.*, $2::bigint FROM {self.live} l LEFT JOIN n ON {matched}
                 WHERE l.tenant = $1 AND ({live}) IS DISTINCT FROM ({new})),
            gone AS (
                DELETE FROM {self.live} l
                 WHERE l.tenant = $1 AND NOT EXISTS (SELECT FROM n WHERE {matched}))
            INSERT INTO {self.live}
            SELECT $1, {new}, $2 FROM n LEFT JOIN {self.live} l ON l.tenant = $1 AND {matched}
             WHERE ({live}) IS DISTINCT FROM ({new})
                ON CONFLICT (tenant, {self._key_listed}) DO UPDATE SET {others}""",
            tenant,
            position,
            *arguments,
        )
        await connection.execute("SET LOCAL enable_nestloop = on")

    async def digest(self, connection: Connection, tenant: str, position: int | None = None) -> str:
        """A hash of all versions up to a position (to the end), whatever the order they were written in."""
        ordered = ", ".join(["tenant", *map(quoted, self.columns), "since"])
        total = await connection.fetchval(
            "SELECT coalesce(sum(('x' || substr(md5(v::text), 1, 15))::bit(60)::bigint), 0)"
            " || ':' || count(*)"
            f" FROM (SELECT {ordered}, NULL::bigint AS until FROM {self.live} WHERE tenant = $1"
            f" UNION ALL SELECT {ordered}, CASE WHEN until <= $2 THEN until END FROM {self.past}"
            " WHERE tenant = $1) v WHERE since <= $2",
            tenant,
            2**62 if position is None else position,
        )
        return str(total)


_values = msgspec.structs.astuple


def _storable(field: Field, value: Any) -> bool:
    if value is None:
        return field.optional
    if field.many:
        single = msgspec.structs.replace(field, many=False, optional=False)
        return isinstance(value, Iterable) and all(_storable(single, part) for part in value)
    match value:
        case Enum():
            return isinstance(value, field.type) or isinstance(value.value, field.type)
        case int():
            return field.type in (int, bool, float) and -(2**63) <= value < 2**63
        case str():
            return TYPES.get(field.type) is None and "\0" not in value and _utf8(value)
    return isinstance(value, field.type)


def _utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _stored(field: Field) -> str:
    return f"{field.name} {column_type(field)}"


def _with_defaults(table: str, declaration: Declaration, missing: Sequence[Field]) -> str:
    """The table, or SQL for it with the columns that it does not have yet."""
    if not missing:
        return table
    defaults = {field.name: field.default for field in msgspec.structs.fields(declaration.row)}
    added = ", ".join(f"{_literal(defaults[f.name])}::{column_type(f)} AS {quoted(f.name)}" for f in missing)
    kept = ", ".join(quoted(f.name) for f in declaration.fields if f not in missing)
    return f"(SELECT tenant, {kept}{', ' if kept else ''}{added}, since{_until(table)} FROM {table})"


def _until(table: str) -> str:
    return ", until" if table.endswith('_past"') else ""


def _literal(value: Any) -> str:
    match value:
        case bool() | int() | float():
            return f"'{value}'"
        case Enum():
            return _literal(value.value)
        case str():
            return "'" + value.replace("'", "''") + "'"
        case ():
            return "'{}'"
    return "NULL"


def bind(sql: str, values: Mapping[str, Any], *, first: int) -> tuple[str, list[Any]]:
    """`:name` becomes `$n` from `first` on; the arguments in that order."""
    order: list[str] = []

    def numbered(match: re.Match[str]) -> str:
        name = match[1]
        if name not in order:
            order.append(name)
        return f"${first + order.index(name)}"

    return _PARAMETER.sub(numbered, sql), [values[name] for name in order]
