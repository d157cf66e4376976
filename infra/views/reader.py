"""Reads views as of one position: rows by key, lists with filter, order and keyset pages, counts, reports."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import Enum
from typing import Any

import msgspec

from domain.records import Record
from infra.log.log import Log
from infra.log.reading import Selection
from infra.views.tables import Key, Table, bind, column_type, quoted
from projections.view import Declaration, Report, View

WAIT = 10.0
"""Seconds for which a reader waits for a view to reach a position."""
LOOK_EVERY = 0.05
"""Seconds between two looks, where nobody in this process says when views move."""


class Test(Record):
    """A condition on one column; `op` is one of `OPERATORS`."""

    column: str
    op: str
    value: Any


class All(Record):
    parts: tuple[Where, ...]


class Some(Record):
    parts: tuple[Where, ...]


class Not(Record):
    part: Where


Where = Test | All | Some | Not

OPERATORS: Mapping[str, str] = {
    "eq": "{column} = {value}",
    "ne": "{column} IS DISTINCT FROM {value}",
    "lt": "{column} < {value}",
    "lte": "{column} <= {value}",
    "gt": "{column} > {value}",
    "gte": "{column} >= {value}",
    "in": "{column} = ANY ({value})",
    "contains": "strpos(lower({column}), lower({value})) > 0",
    "starts_with": "starts_with({column}, {value})",
    "has": "{value} = ANY ({column})",
}


class Order(Record):
    """One column to sort by; rows without a value come last either way."""

    column: str
    descending: bool = False


class Found(Record):
    """A row as it was at a position."""

    row: View
    since: int
    """The position from which this version holds."""
    at: int
    """The position it was read at."""


class Page(Record):
    rows: tuple[Found, ...]
    more: bool


class Standing(Record):
    """Which generation of each view answers, and how far it has followed the log."""

    generations: Mapping[str, int]
    positions: Mapping[str, int]
    times: Mapping[str, datetime | None]

    def lowest(self, views: Iterable[str]) -> tuple[int, datetime | None]:
        """The position, and its time, at which an answer from all these views is true."""
        names = list(views) or list(self.positions)
        name = min(names, key=lambda name: self.positions.get(name, 0), default=None)
        return (0, None) if name is None else (self.positions.get(name, 0), self.times.get(name))


class NotReached(Exception):
    """The views have not followed the log that far yet."""


class ViewReader:
    """The read path of one tenant."""

    def __init__(self, log: Log, declarations: Mapping[str, Declaration]) -> None:
        self.log, self.declarations = log, declarations
        self._moved = asyncio.Event()

    def moved(self, position: int = 0) -> None:
        """Views in this process have moved on: look again."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def standing(self) -> Standing:
        rows = await self.log.pool.fetch(
            "SELECT b.view, b.generation, b.position, e.recorded_at FROM kehu.builds b"
            " LEFT JOIN kehu.events e ON e.tenant = $1 AND e.position = b.position"
            " WHERE b.tenant = $1 AND b.serving",
            self.log.tenant,
        )
        rows = [row for row in rows if row["view"] in self.declarations]
        return Standing(
            generations={row["view"]: row["generation"] for row in rows},
            positions={row["view"]: row["position"] for row in rows},
            times={row["view"]: row["recorded_at"] for row in rows},
        )

    async def reached(self, views: Iterable[str], position: int) -> Standing:
        """Wait until these views have seen a position. Raises `NotReached` after `WAIT` seconds."""
        names, clock = list(views), asyncio.get_running_loop().time
        deadline = clock() + WAIT
        while True:
            moved = self._moved
            standing = await self.standing()
            if standing.lowest(names)[0] >= position:
                return standing
            if clock() > deadline:
                raise NotReached(f"the views have not reached position {position} within {WAIT:.0f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(moved.wait(), LOOK_EVERY)

    def table(self, view: str, standing: Standing) -> Table:
        return Table(self.declarations[view], standing.generations[view])

    async def by_keys(self, table: Table, keys: Sequence[Key], at: int) -> dict[Key, Found]:
        """Those of the rows that were there at a position."""
        columns = table.declaration.key
        arguments: list[Any] = []
        where = _sql(
            Some(parts=tuple(
                All(parts=tuple(Test(column=c, op="eq", value=v) for c, v in zip(columns, key, strict=True)))
                for key in keys
            )) if len(columns) > 1 else Test(column=columns[0], op="in", value=[key[0] for key in keys]),
            arguments,
        )  # fmt: skip
        rows = await self._select(table, at, where, "", arguments)
        return {table.declaration.key_of(found.row): found for found in rows}

    async def page(
        self,
        table: Table,
        at: int,
        *,
        where: Where | None = None,
        order: Sequence[Order] = (),
        after: Sequence[Any] | None = None,
        first: int,
    ) -> Page:
        """Rows in order (the key decides between equals) after the row with these sort values."""
        order = complete_order(table.declaration, order)
        arguments: list[Any] = []
        conditions = [_sql(where, arguments)] if where else []
        if after is not None:
            conditions.append(_beyond(order, after, arguments))
        tail = f" ORDER BY {_sorting(order)} LIMIT {first + 1}"
        rows = await self._select(table, at, " AND ".join(conditions) or "true", tail, arguments)
        return Page(rows=tuple(rows[:first]), more=len(rows) > first)

    async def page_for_each(
        self,
        table: Table,
        at: int,
        column: str,
        keys: Sequence[Any],
        *,
        where: Where,
        order: Sequence[Order] = (),
        first: int,
    ) -> dict[Any, Page]:
        """For each key the first page of the rows in whose `column` it stands, in one statement."""
        arguments: list[Any] = []
        source = self._of_each(table, column, keys, where, arguments)
        sorting = _sorting(complete_order(table.declaration, order))
        records = await self.log.pool.fetch(
            f"SELECT v.*, k.n FROM {self._each(table, column)} CROSS JOIN LATERAL"
            f" (SELECT * FROM {source} v ORDER BY {sorting} LIMIT {first + 1}) v ORDER BY k.n, {sorting}",
            self.log.tenant,
            at,
            *arguments,
        )
        rows: dict[Any, list[Found]] = {key: [] for key in keys}
        for record in records:
            rows[keys[record[-1] - 1]].append(Found(row=table.row(record), since=record[-2], at=at))
        return {key: Page(rows=tuple(found[:first]), more=len(found) > first) for key, found in rows.items()}

    async def count_for_each(
        self, table: Table, at: int, column: str, keys: Sequence[Any], where: Where
    ) -> dict[Any, int]:
        """For each key the number of rows in whose `column` it stands, in one statement."""
        arguments: list[Any] = []
        source = self._of_each(table, column, keys, where, arguments)
        records = await self.log.pool.fetch(
            f"SELECT k.n, v.count FROM {self._each(table, column)} CROSS JOIN LATERAL"
            f" (SELECT count(*) FROM {source} v) v",
            self.log.tenant,
            at,
            *arguments,
        )
        return {keys[number - 1]: count for number, count in records}

    def _each(self, table: Table, column: str) -> str:
        """The keys, which are the first argument, as a table `k` with their numbers `n`, from 1 on."""
        kind = column_type(table.declaration.field(column))
        return f"unnest($3::{kind}[]) WITH ORDINALITY k(key, n)"

    def _of_each(
        self, table: Table, column: str, keys: Sequence[Any], where: Where, arguments: list[Any]
    ) -> str:
        """SQL for the rows of one of the keys."""
        arguments.append([_plain(key) for key in keys])
        return table.as_of("$2", f"{quoted(column)} = k.key AND {_sql(where, arguments)}")

    async def count(self, table: Table, at: int, where: Where | None = None) -> int:
        arguments: list[Any] = []
        condition = _sql(where, arguments) if where else "true"
        source = table.as_of("$2", condition)
        return int(
            await self.log.pool.fetchval(f"SELECT count(*) FROM {source} v", self.log.tenant, at, *arguments)
        )

    async def _select(
        self, table: Table, at: int, where: str, tail: str, arguments: Sequence[Any]
    ) -> list[Found]:
        listed = ", ".join(map(quoted, table.columns))
        records = await self.log.pool.fetch(
            f"SELECT {listed}, since FROM {table.as_of('$2', where)} v{tail}", self.log.tenant, at, *arguments
        )
        return [Found(row=table.row(record), since=record[-1], at=at) for record in records]

    async def report(
        self, report: Report, standing: Standing, at: int, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """A report's rows as of a position, by column name."""
        return await self.select(report.query, report.reads, standing, at, values)

    async def select(
        self, query: str, reads: Iterable[str], standing: Standing, at: int, values: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """What a query, written as in a report, selects from these views as of a position."""
        sources = {name: self.table(name, standing).as_of("$2") for name in reads}
        sql, arguments = bind(query.format_map(sources), values, first=3)
        records = await self.log.pool.fetch(
            f"SELECT * FROM ({sql}) report WHERE $2::bigint IS NOT NULL", self.log.tenant, at, *arguments
        )
        return [dict(record) for record in records]

    async def row_after(
        self, view: str, key: Key, stream: str, customer_id: str | None, position: int
    ) -> Found | None:
        """A row as of a position that the view may not have reached: what is missing is folded here.

        The row must depend on events of this stream, or about this customer, only.
        """
        standing = await self.standing()
        seen = standing.positions[view]
        table = self.table(view, standing)
        found = (await self.by_keys(table, [key], min(seen, position))).get(key)
        if seen >= position:
            return found
        declaration = table.declaration
        row, since = (found.row, found.since) if found else (None, 0)
        about = Selection(customer_id=customer_id) if customer_id else Selection(stream=stream)
        about = msgspec.structs.replace(about, until=position)
        while missed := await self.log.select(about, after=seen):
            seen = missed[-1].position
            for recorded in missed:
                handler = declaration.handlers.get(type(recorded.event))
                if handler is None or key not in handler.keys(recorded):
                    continue
                extra = (await self.log.policies(recorded.position),) if handler.policies else ()
                after = handler.fold(row or declaration.blank(key), recorded, *extra)
                if after != row:
                    row, since = after, recorded.position
        return None if row is None else Found(row=row, since=since, at=position)


def complete_order(declaration: Declaration, order: Sequence[Order]) -> list[Order]:
    """The wanted order, made total by the key."""
    named = {o.column for o in order}
    return [*order, *(Order(column=column) for column in declaration.key if column not in named)]


def _sorting(order: Sequence[Order]) -> str:
    return ", ".join(f"v.{quoted(o.column)} {'DESC' if o.descending else 'ASC'} NULLS LAST" for o in order)


def _sql(where: Where, arguments: list[Any]) -> str:
    """SQL for a condition; `$1` is the tenant, `$2` the position, its own values follow."""
    match where:
        case Test(column=column, op=op, value=value):
            if op == "eq" and value is None:
                return f"({quoted(column)} IS NULL)"
            if op == "in":
                value = [_plain(v) for v in value]
            return OPERATORS[op].format(column=quoted(column), value=_placeholder(_plain(value), arguments))
        case All(parts=parts):
            return "(" + (" AND ".join(_sql(part, arguments) for part in parts) or "true") + ")"
        case Some(parts=parts):
            return "(" + (" OR ".join(_sql(part, arguments) for part in parts) or "false") + ")"
        case Not(part=part):
            return f"(NOT coalesce({_sql(part, arguments)}, false))"


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _placeholder(value: Any, arguments: list[Any]) -> str:
    arguments.append(value)
    return f"${len(arguments) + 2}"


def _beyond(order: Sequence[Order], values: Sequence[Any], arguments: list[Any]) -> str:
    """Rows that come after the one with these sort values; a missing value comes after every other."""
    cases, equal = [], ""
    for o, value in zip(order, values, strict=True):
        column = quoted(o.column)
        if value is None:
            equal += f"{column} IS NULL AND "
            continue
        at = _placeholder(_plain(value), arguments)
        cases.append(f"({equal}({column} {'<' if o.descending else '>'} {at} OR {column} IS NULL))")
        equal += f"{column} = {at} AND "
    return "(" + (" OR ".join(cases) or "false") + ")"
